//! Resources: signed blobs, and how they reach clients.
//!
//! A [`Source`] opens a name. Names that no other source has are those of the [`Store`]. A client's [`Downloads`] take its
//! messages and send what it asks for. They never take more than the rates of [`ResourceSettings`].
//!
//! | module | for | may use |
//! |---|---|---|
//! | [`Store`] | the folder of blobs and its manifest; no async | keys |
//! | `catalog` | the store as a source | the store |
//! | `blocks` | a bounded cache of blocks | blobs |
//! | `table` | what a client has open and still gets; no I/O | sources |
//! | [`Downloads`] | the messages of a client | all above, `pace` |

mod actions;
mod blob;
mod blocks;
mod catalog;
mod counters;
mod downloads;
mod hexadecimal;
mod hold;
pub mod instances;
mod keys;
mod outlet;
mod pace;
mod source;
pub mod store;
mod table;
#[cfg(test)]
mod tests;

pub use actions::{InstanceRecord, InstancesAnswer, register};
pub use blob::Blob;
pub use counters::Counters;
pub use downloads::Downloads;
pub use hexadecimal::{from_hex, to_hex};
pub use instances::{Instance, ResourceInstances};
pub use keys::{KeyError, PublicKey, SigningKey};
pub use outlet::{Gone, Outlet};
pub use source::{Body, Content, Opening, Refusal, Source};
pub use store::Store;

use blocks::Blocks;
use catalog::Catalog;
use hold::Held;
use pace::Pace;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;
use tokio::sync::Semaphore;

/// Settings of the resources.
#[derive(Clone, Debug)]
pub struct ResourceSettings {
    /// Bytes of content per second and client; 0: any number. May change while running.
    pub session_bytes_per_second: u64,
    /// Bytes of content per second for all clients together; 0: any number. May change while running.
    pub all_bytes_per_second: u64,
    /// Bytes of the cache of blocks.
    pub cache_bytes: usize,
    /// Bytes of contents in memory, such as tiles, that open downloads hold.
    pub held_bytes: usize,
    /// Reads of the store at a time. Each occupies a thread.
    pub reads: usize,
    /// Names that each source opens at a time. Others wait.
    pub opens: usize,
}

impl Default for ResourceSettings {
    fn default() -> Self {
        ResourceSettings {
            session_bytes_per_second: 2 << 20,
            all_bytes_per_second: 32 << 20,
            cache_bytes: 64 << 20,
            held_bytes: 256 << 20,
            reads: 4,
            opens: 256,
        }
    }
}

/// Opens names for clients, and what all clients share: rates, cache and counters.
pub struct Resources {
    /// The longest prefix first.
    sources: Vec<Named>,
    blocks: Blocks,
    rates: Rates,
    held: Arc<Held>,
    opens: usize,
    counters: Arc<Counters>,
}

/// A source, and the prefix of its names.
struct Named {
    prefix: &'static str,
    source: Arc<dyn Source>,
    /// Bounds the names that are opened at a time. Each source has its own bound, so that a slow one delays no other.
    opens: Semaphore,
}

struct Rates {
    session: AtomicU64,
    all: Pace,
}

/// How much was sent until when.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    bytes: u64,
    at: Instant,
}

impl Sent {
    /// Nothing so far.
    pub fn nothing() -> Sent {
        Sent { bytes: 0, at: Instant::now() }
    }
}

/// How loaded a server is.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Ranges that wait or are being sent.
    pub ranges_waiting: u64,
    /// Bytes of content sent per second.
    pub bytes_per_second: u64,
    /// The rate for all clients together; 0: any number.
    pub bytes_per_second_max: u64,
}

impl Resources {
    /// Serves the resources of `store`.
    pub fn new(store: Store, settings: &ResourceSettings) -> Resources {
        let counters = Arc::<Counters>::default();
        let reads = Arc::new(Semaphore::new(settings.reads.max(1)));
        let catalog = Catalog::new(store, reads.clone(), counters.clone());
        let opens = settings.opens.max(1);
        let store = Named { prefix: "", source: Arc::new(catalog), opens: Semaphore::new(opens) };
        Resources {
            sources: vec![store],
            blocks: Blocks::new(settings.cache_bytes, reads),
            rates: Rates {
                session: AtomicU64::new(settings.session_bytes_per_second),
                all: Pace::new(settings.all_bytes_per_second),
            },
            held: Held::new(settings.held_bytes),
            opens,
            counters,
        }
    }

    /// Lets `source` open all names that begin with `prefix`, such as `tile/`. The longest prefix that fits wins.
    pub fn add_source(&mut self, prefix: &'static str, source: Arc<dyn Source>) {
        self.sources.push(Named { prefix, source, opens: Semaphore::new(self.opens) });
        self.sources.sort_by_key(|it| std::cmp::Reverse(it.prefix.len()));
    }

    /// Changes the rates, in bytes per second; 0: any number.
    pub fn set_rates(&self, session: u64, all: u64) {
        self.rates.session.store(session, Relaxed);
        self.rates.all.set(all);
    }

    /// The counters.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The load of this server, which an [`Instance`] reports. Call it every few seconds.
    pub fn load(&self, before: &mut Sent) -> Load {
        let sent = Sent { bytes: self.counters.bytes.load(Relaxed), at: Instant::now() };
        let seconds = (sent.at - before.at).as_secs_f64().max(1e-3);
        let bytes = sent.bytes - before.bytes;
        *before = sent;
        Load {
            ranges_waiting: self.counters.ranges_waiting.load(Relaxed),
            bytes_per_second: (bytes as f64 / seconds) as u64,
            bytes_per_second_max: self.rates.all.rate(),
        }
    }

    /// Opens a name.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn open(&self, name: &str) -> Result<Content, Refusal> {
        let it = self.sources.iter().find(|it| name.starts_with(it.prefix)).expect("the store takes every name");
        let _permit = it.opens.acquire().await.expect("the semaphore is never closed");
        it.source.open(name).await
    }
}
