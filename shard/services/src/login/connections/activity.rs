//! Whether a connection has a request open, and since when it has none.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// Counts the open requests of one connection, and those of all connections.
#[derive(Clone, Debug)]
pub(super) struct Activity {
    state: Arc<Mutex<State>>,
    all: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct State {
    open: usize,
    quiet_since: Instant,
}

/// A request is open until this is dropped.
#[derive(Debug)]
pub(super) struct Open(Activity);

impl Activity {
    pub(super) fn new(all: Arc<AtomicUsize>) -> Activity {
        Activity { state: Arc::new(Mutex::new(State { open: 0, quiet_since: Instant::now() })), all }
    }

    pub(super) fn begin(&self) -> Open {
        self.lock().open += 1;
        self.all.fetch_add(1, Ordering::Relaxed);
        Open(self.clone())
    }

    /// Since when no request is open. None: one is.
    pub(super) fn quiet_since(&self) -> Option<Instant> {
        let state = self.lock();
        (state.open == 0).then_some(state.quiet_since)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.all.fetch_sub(1, Ordering::Relaxed);
        let mut state = self.0.lock();
        state.open -= 1;
        state.quiet_since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_quiet_since_its_last_request_ended() {
        let all = Arc::new(AtomicUsize::new(0));
        let activity = Activity::new(Arc::clone(&all));
        let start = activity.quiet_since().unwrap();
        let (first, second) = (activity.begin(), activity.begin());
        tokio::time::advance(Duration::from_secs(5)).await;
        drop(first);
        assert_eq!(activity.quiet_since(), None);
        assert_eq!(all.load(Ordering::Relaxed), 1);
        tokio::time::advance(Duration::from_secs(2)).await;
        drop(second);
        assert_eq!(activity.quiet_since(), Some(start + Duration::from_secs(7)));
    }
}
