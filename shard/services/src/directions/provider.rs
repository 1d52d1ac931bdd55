//! Directions from any provider, and the local one.

use super::graph::Roads;
use super::route::{Least, Route, RouteError};
use crate::places::Position;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Searches at once.
const PARALLEL: usize = 2;
/// For how long a search waits for its turn.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// A way that is being searched.
pub type Routing<'a> = Pin<Box<dyn Future<Output = Result<Route, RouteError>> + Send + 'a>>;

/// Finds ways between positions.
pub trait Directions: Send + Sync + 'static {
    /// The best way.
    ///
    /// # Errors
    /// [`RouteError`].
    fn route(&self, from: Position, to: Position, least: Least) -> Routing<'_>;
}

/// Directions over roads in memory. Searches run on blocking threads, a few at once.
pub struct LocalDirections {
    roads: Arc<Roads>,
    turns: Arc<Semaphore>,
}

impl LocalDirections {
    /// Directions over these roads.
    pub fn new(roads: Roads) -> Self {
        LocalDirections { roads: Arc::new(roads), turns: Arc::new(Semaphore::new(PARALLEL)) }
    }
}

impl Directions for LocalDirections {
    fn route(&self, from: Position, to: Position, least: Least) -> Routing<'_> {
        Box::pin(async move {
            let turn = tokio::time::timeout(WAIT_MAX, Arc::clone(&self.turns).acquire_owned()).await;
            let Ok(Ok(turn)) = turn else { return Err(RouteError::Busy) };
            let roads = Arc::clone(&self.roads);
            let searched = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                roads.route(from, to, least)
            });
            searched.await.unwrap_or(Err(RouteError::Busy))
        })
    }
}
