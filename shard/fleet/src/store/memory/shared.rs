//! What all clients and watches of a store in this process share.

use super::MemoryState;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// What is wrong between a client and the store.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Requests do not arrive, and watches hear nothing.
    Cut,
    /// Requests arrive, but their answers do not. Watches hear nothing.
    AnswersLost,
    /// Requests and watches take this much longer.
    Slow(Duration),
}

/// The store, its clock, and whether it runs.
pub(super) struct Shared {
    state: Mutex<MemoryState>,
    started: Instant,
    /// Sends whenever something happened, with whether the store runs.
    pub(super) runs: watch::Sender<bool>,
}

impl Shared {
    /// An empty store.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(super) fn new() -> Self {
        let state = Mutex::new(MemoryState::default());
        Shared { state, started: Instant::now(), runs: watch::Sender::new(true) }
    }

    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn instant(&self, at: Duration) -> Instant {
        self.started + at
    }

    /// The state as it is now: leases whose time is over have ended, unless the store is stopped.
    pub(super) fn state(&self) -> MutexGuard<'_, MemoryState> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if *self.runs.borrow() {
            state.expire(self.now());
        }
        state
    }
}
