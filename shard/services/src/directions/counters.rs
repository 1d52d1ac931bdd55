//! Counters of directions and geocoding.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters of directions and geocoding.
#[derive(Default, Debug)]
pub struct Counters {
    /// Requests for positions of names, and for places at positions.
    pub geocoded: AtomicU64,
    /// Requests for a route.
    pub routed: AtomicU64,
    /// Requests for a route that found none.
    pub without_way: AtomicU64,
}

impl Counters {
    /// Calls `give` with the name and the value of each counter.
    pub fn each(&self, give: &mut dyn FnMut(&'static str, u64)) {
        give("services_directions_geocoded", self.geocoded.load(Relaxed));
        give("services_directions_routed", self.routed.load(Relaxed));
        give("services_directions_without_way", self.without_way.load(Relaxed));
    }

    /// Counts one.
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }
}
