//! Counters of places.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters of places.
#[derive(Default, Debug)]
pub struct Counters {
    /// Queries.
    pub queries: AtomicU64,
    /// Queries with an invalid text, kind or limit.
    pub refused: AtomicU64,
    /// Queries that the file could not answer.
    pub failed: AtomicU64,
    /// Queries that waited too long for their turn.
    pub busy: AtomicU64,
    /// How often the file was opened: at first, and each time that it was replaced.
    pub opened: AtomicU64,
}

impl Counters {
    /// Calls `give` with the name and the value of each counter.
    pub fn each(&self, give: &mut dyn FnMut(&'static str, u64)) {
        give("services_places_queries", self.queries.load(Relaxed));
        give("services_places_refused", self.refused.load(Relaxed));
        give("services_places_failed", self.failed.load(Relaxed));
        give("services_places_busy", self.busy.load(Relaxed));
        give("services_places_opened", self.opened.load(Relaxed));
    }
}
