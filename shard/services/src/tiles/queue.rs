//! Tiles to fetch in advance, the newest first.

use super::cache::Key;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Tiles that wait, at most. The oldest ones give way.
const WAITING_MAX: usize = 64;
/// After this time, the view of the client has probably moved on.
const AGE_MAX: Duration = Duration::from_secs(5);

/// Tiles to fetch in advance.
#[derive(Default)]
pub struct Queue {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    waiting: VecDeque<(Key, Instant)>,
    is_running: bool,
}

/// Somebody fetches what waits. When it is dropped, the next one may begin.
pub struct Running<'a>(&'a Queue);

impl Queue {
    /// Puts tiles at the end. Returns how many older ones gave way.
    pub fn push(&self, keys: Vec<Key>) -> usize {
        let mut inner = self.inner();
        for key in keys {
            inner.waiting.retain(|(other, _)| *other != key);
            inner.waiting.push_back((key, Instant::now()));
        }
        let over = inner.waiting.len().saturating_sub(WAITING_MAX);
        inner.waiting.drain(..over).count()
    }

    /// Whether the caller is to fetch what waits: nobody else does.
    pub fn start(&self) -> bool {
        !std::mem::replace(&mut self.inner().is_running, true)
    }

    /// Says that nobody fetches any more when it is dropped. After [`Queue::start`].
    pub fn running(&self) -> Running<'_> {
        Running(self)
    }

    /// The newest tile; None if none waits that is worth it.
    pub fn next(&self) -> Option<Key> {
        let mut inner = self.inner();
        if inner.waiting.back()?.1.elapsed() > AGE_MAX {
            return None;
        }
        inner.waiting.pop_back().map(|(key, _)| key)
    }

    /// Forgets what waits. Returns how many tiles that were.
    pub fn clear(&self) -> usize {
        self.inner().waiting.drain(..).count()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.inner().is_running = false;
    }
}
