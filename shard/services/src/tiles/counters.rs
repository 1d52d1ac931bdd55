//! Counters of tiles.

use crate::counters::counters;

counters! {
    /// Counters of tiles.
    "services_tiles_":
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
