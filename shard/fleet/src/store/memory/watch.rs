//! A watch of a store in this process.

use super::shared::{Fault, Shared};
use crate::store::{StoreError, WatchEvent};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep_until;

/// A watch of a store in this process.
pub struct MemoryWatch {
    shared: Arc<Shared>,
    fault: watch::Receiver<Fault>,
    prefix: String,
    /// The first revision that was not reported.
    from: u64,
    wants_progress: bool,
}

impl MemoryWatch {
    pub(super) fn new(shared: Arc<Shared>, fault: watch::Receiver<Fault>, prefix: String, from: u64) -> Self {
        MemoryWatch { shared, fault, prefix, from, wants_progress: false }
    }

    pub(in crate::store) fn ask_progress(&mut self) {
        self.wants_progress = true;
    }

    pub(in crate::store) async fn next(&mut self) -> Result<WatchEvent, StoreError> {
        let mut runs = self.shared.runs.subscribe();
        let mut fault = self.fault.clone();
        loop {
            if !*runs.borrow_and_update() {
                return Err(StoreError::Unavailable("the connection was reset".into()));
            }
            let delay = match *fault.borrow_and_update() {
                Fault::None => Some(Duration::ZERO),
                Fault::Slow(delay) => Some(delay),
                Fault::Cut | Fault::AnswersLost => None,
            };
            let mut wake_at = None;
            if let Some(delay) = delay {
                if let Some(event) = self.poll(delay)? {
                    return Ok(event);
                }
                wake_at = self.due(delay);
            }
            let due = async {
                match wake_at {
                    Some(at) => sleep_until(self.shared.instant(at)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Ok(()) = runs.changed() => {}
                // Without the client, its fault stays as it is.
                Ok(()) = fault.changed() => {}
                () = due => {}
            }
        }
    }

    /// What there is to report, as a client sees it that is `delay` behind.
    fn poll(&mut self, delay: Duration) -> Result<Option<WatchEvent>, StoreError> {
        let shared = &self.shared;
        let state = shared.state();
        let Some(until) = shared.now().checked_sub(delay) else { return Ok(None) };
        let changes = state.changes(&self.prefix, self.from, until)?;
        self.from = self.from.max(state.revision_at(until) + 1);
        if !changes.is_empty() {
            return Ok(Some(WatchEvent::Changed(changes)));
        }
        let reports = std::mem::take(&mut self.wants_progress);
        Ok(reports.then_some(WatchEvent::Progress { revision: self.from - 1 }))
    }

    /// When the next change can be reported, or the next lease ends.
    fn due(&self, delay: Duration) -> Option<Duration> {
        let state = self.shared.state();
        let change = state.changed_at(self.from - 1).map(|at| at + delay);
        [change, state.next_expiry()].into_iter().flatten().min()
    }
}
