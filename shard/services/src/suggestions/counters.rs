//! Counters of suggestions.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters of suggestions.
#[derive(Default, Debug)]
pub struct Counters {
    /// Requests for suggestions.
    pub asked: AtomicU64,
    /// Remarks of players about places.
    pub remarks: AtomicU64,
    /// Requests and remarks that failed.
    pub failed: AtomicU64,
}

impl Counters {
    /// Calls `give` with the name and the value of each counter.
    pub fn each(&self, give: &mut dyn FnMut(&'static str, u64)) {
        give("services_suggestions_asked", self.asked.load(Relaxed));
        give("services_suggestions_remarks", self.remarks.load(Relaxed));
        give("services_suggestions_failed", self.failed.load(Relaxed));
    }

    /// Counts one.
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }
}
