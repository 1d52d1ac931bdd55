//! What directions and geocoding count.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters of directions and geocoding.
#[derive(Default, Debug)]
pub struct Counters {
    /// Questions for names and positions.
    pub geocoded: AtomicU64,
    /// Questions for ways.
    pub routed: AtomicU64,
    /// Questions for ways that found none.
    pub without_way: AtomicU64,
}

impl Counters {
    /// Gives each counter and its name.
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
