//! Changes of a store, as they happen.

use super::memory::MemoryWatch;
use super::{StoreError, WatchEvent};

/// A watch of all keys with a prefix. It ends when it is dropped.
pub enum Watch {
    /// Of a [`MemoryStore`](super::MemoryStore).
    Memory(MemoryWatch),
    /// Of etcd.
    #[cfg(feature = "etcd")]
    Etcd(super::etcd::EtcdWatch),
}

impl Watch {
    /// Waits for what happens next. Dropping the future before it is ready loses nothing.
    ///
    /// # Errors
    /// [`StoreError`]. The watch is over then.
    pub async fn next(&mut self) -> Result<WatchEvent, StoreError> {
        match self {
            Watch::Memory(watch) => watch.next().await,
            #[cfg(feature = "etcd")]
            Watch::Etcd(watch) => watch.next().await,
        }
    }

    /// Asks for a [`WatchEvent::Progress`]. If none comes for a while, the connection to the store is broken.
    ///
    /// # Errors
    /// [`StoreError`]. The watch is over then.
    pub async fn ask_progress(&mut self) -> Result<(), StoreError> {
        match self {
            Watch::Memory(watch) => {
                watch.ask_progress();
                Ok(())
            }
            #[cfg(feature = "etcd")]
            Watch::Etcd(watch) => watch.ask_progress().await,
        }
    }
}
