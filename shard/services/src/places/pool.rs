//! Runs queries on blocking threads, over a few open files.

use super::counters::Counters;
use super::file::{Completion, Kind, PlacesError, PlacesFile};
use super::place::{Near, Place};
use super::position::{Bounds, Position};
use super::words::Query;
use crate::counters::count;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Queries that run at once.
const PARALLEL: usize = 4;
/// For how long a query waits for its turn.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// Places, as services ask for them. A clone is another handle to the same places.
///
/// The file may be missing, and may be replaced at any time: the next query reads the new one.
#[derive(Clone)]
pub struct Places {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<(Identity, PlacesFile)>>,
    counters: Counters,
}

/// Tells one file from another of the same name.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    file: u64,
    bytes: u64,
    changed: (i64, i64),
}

impl Identity {
    fn of(metadata: &Metadata) -> Identity {
        Identity {
            device: metadata.dev(),
            file: metadata.ino(),
            bytes: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Places {
    /// Places of the file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Places {
        let (turns, idle) = (Arc::new(Semaphore::new(PARALLEL)), Mutex::new(Vec::new()));
        Places { shared: Arc::new(Shared { path: path.into(), turns, idle, counters: Counters::default() }) }
    }

    /// See [`PlacesFile::inside`].
    ///
    /// # Errors
    /// [`PlacesError`].
    pub async fn inside(&self, bounds: Bounds, kind: Option<String>, limit: usize) -> Result<Vec<Place>, PlacesError> {
        self.query(move |file| file.inside(&bounds, kind.as_deref(), limit)).await
    }

    /// See [`PlacesFile::nearest`].
    ///
    /// # Errors
    /// [`PlacesError`].
    pub async fn nearest(
        &self,
        centre: Position,
        within: f64,
        kind: Option<String>,
        limit: usize,
    ) -> Result<Vec<Near>, PlacesError> {
        self.query(move |file| file.nearest(centre, within, kind.as_deref(), limit)).await
    }

    /// See [`PlacesFile::complete`].
    ///
    /// # Errors
    /// [`PlacesError`].
    pub async fn complete(
        &self,
        query: Query,
        near: Option<Position>,
        kind: Option<String>,
        limit: usize,
    ) -> Result<Vec<Completion>, PlacesError> {
        self.query(move |file| file.complete(&query, near, kind.as_deref(), limit)).await
    }

    /// See [`PlacesFile::by_key`].
    ///
    /// # Errors
    /// [`PlacesError`].
    pub async fn by_key(&self, key: u64) -> Result<Option<Place>, PlacesError> {
        self.query(move |file| file.by_key(key)).await
    }

    /// The kinds of places.
    ///
    /// # Errors
    /// [`PlacesError`].
    pub async fn kinds(&self) -> Result<Vec<Kind>, PlacesError> {
        self.query(|file| Ok(file.kinds().to_vec())).await
    }

    /// The counters.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(&PlacesFile) -> Result<T, PlacesError> + Send + 'static,
    ) -> Result<T, PlacesError> {
        let counters = &self.shared.counters;
        count(&counters.queries);
        let turn = tokio::time::timeout(WAIT_MAX, Arc::clone(&self.shared.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            count(&counters.busy);
            return Err(PlacesError::Busy);
        };
        let shared = Arc::clone(&self.shared);
        let ran = tokio::task::spawn_blocking(move || {
            // The turn ends with the query, also if nobody waits for the answer any more.
            let _turn = turn;
            shared.run(query)
        });
        let result = match ran.await {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(PlacesError::Busy),
        };
        if let Err(error) = &result {
            let counter = if error.status() == 400 { &counters.refused } else { &counters.failed };
            count(counter);
        }
        result
    }
}

impl Shared {
    fn run<T>(&self, query: impl FnOnce(&PlacesFile) -> Result<T, PlacesError>) -> Result<T, PlacesError> {
        let (identity, file) = self.take()?;
        let result = query(&file);
        // A damaged file is opened anew: perhaps it was replaced.
        if !matches!(result, Err(PlacesError::Damaged { .. } | PlacesError::Unreadable { .. })) {
            self.idle().push((identity, file));
        }
        result
    }

    /// An open file, of the file that is there now.
    fn take(&self) -> Result<(Identity, PlacesFile), PlacesError> {
        let metadata = std::fs::metadata(&self.path).map_err(|_| PlacesError::Missing(self.path.clone()))?;
        let identity = Identity::of(&metadata);
        {
            let mut idle = self.idle();
            idle.retain(|(other, _)| *other == identity);
            if let Some(open) = idle.pop() {
                return Ok(open);
            }
        }
        count(&self.counters.opened);
        Ok((identity, PlacesFile::open(&self.path)?))
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(Identity, PlacesFile)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
