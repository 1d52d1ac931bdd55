//! Counters of tiles.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($(#[$about:meta])* $name:ident),* $(,)?) => {
        /// Counters of tiles.
        #[derive(Default, Debug)]
        pub struct Counters {
            $($(#[$about])* pub $name: AtomicU64,)*
        }

        impl Counters {
            /// Calls `give` with the name and the value of each counter.
            pub fn each(&self, give: &mut dyn FnMut(&'static str, u64)) {
                $(give(concat!("services_tiles_", stringify!($name)), self.$name.load(Relaxed));)*
            }
        }
    };
}

counters! {
    /// Tiles that clients asked for.
    asked,
    /// Invalid names, and tiles outside their grid.
    refused,
    /// Tiles from the cache.
    hits,
    /// Tiles that were not in the cache, or too old there.
    misses,
    /// Tiles that are known to be absent.
    absent_hits,
    /// Fetches from providers.
    fetched,
    /// Requests that joined a fetch which was already under way.
    joined,
    /// Fetches that failed.
    failed,
    /// Tiles from the cache that were too old, because the provider failed.
    stale,
    /// Requests that clients gave up before they had their tile.
    cancelled,
    /// Tiles that were fetched in advance.
    prefetched,
    /// Tiles that were not fetched in advance, because there was more urgent work or too many of them.
    prefetch_dropped,
    /// Tiles that left the cache to make room.
    evicted,
    /// Files of the cache that were damaged, and are removed.
    damaged,
    /// Tiles that could not be written to the cache.
    unwritten,
}

impl Counters {
    /// Counts one.
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }
}
