//! Counters of resources.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($(#[$about:meta])* $name:ident),* $(,)?) => {
        /// Counters of resources, since the start.
        #[derive(Debug, Default)]
        pub struct Counters { $($(#[$about])* pub $name: AtomicU64),* }

        impl Counters {
            /// Calls `take` with the name and the value of each counter.
            pub fn each(&self, take: &mut dyn FnMut(&'static str, u64)) {
                $(take(concat!("services_resources_", stringify!($name)), self.$name.load(Relaxed));)*
            }
        }
    };
}

counters! {
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

impl Counters {
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }
}
