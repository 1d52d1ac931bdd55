//! How many calls run, so that a server can stop when none does.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::Notify;

/// How many calls run, and whether more may begin.
#[derive(Default, Debug)]
pub(super) struct RunningCalls {
    pub count: AtomicU64,
    closed: AtomicBool,
    none: Notify,
}

/// A call that runs, until it is dropped.
pub(super) struct RunningCall<'a>(&'a RunningCalls);

impl RunningCalls {
    pub fn begin(&self) -> RunningCall<'_> {
        self.count.fetch_add(1, Ordering::SeqCst);
        RunningCall(self)
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Closes, and waits until no call runs.
    pub async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        loop {
            let none = self.none.notified();
            if self.count.load(Ordering::SeqCst) == 0 {
                return;
            }
            none.await;
        }
    }
}

impl Drop for RunningCall<'_> {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.none.notify_waiters();
        }
    }
}
