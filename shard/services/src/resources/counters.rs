//! Counters of resources.

use crate::counters::counters;

counters! {
    /// Counters of resources since the start. All but `ranges_waiting` only rise.
    "services_resources_":
    /// Messages that cannot be read.
    malformed,
    /// Opens that found their resource.
    opened,
    /// Opens that were answered with another status than 200.
    open_refused,
    /// Opens that were not answered, because too many answers wait for the client, or it repeats too early.
    open_dropped,
    /// Ranges that clients asked for.
    fetches,
    /// Ranges that were already queued.
    fetches_repeated,
    /// Ranges dropped, because the client has too many queued.
    fetches_dropped,
    /// Ranges past the end, of another content, or of a download that is not open.
    fetches_refused,
    /// Ranges that wait or are being sent. This one goes up and down.
    ranges_waiting,
    /// Downloads that clients stopped.
    stops,
    /// Downloads that the server closed, because they were idle or the client opened too many.
    evicted,
    /// Pieces sent.
    pieces,
    /// Bytes of content sent.
    bytes,
    /// Pieces that waited for the rate of their client, or for the rate of all.
    paced,
    /// Blocks found in the cache.
    cache_hits,
    /// Blocks read from the store.
    cache_misses,
    /// Reads that failed or took too long.
    read_errors,
    /// Blobs whose content is not what their name says.
    corrupt,
    /// Times that the manifest was read.
    manifest_reads,
    /// Manifests that could not be read. The one before stays in use.
    manifest_errors,
}
