//! Where the records of a fleet are kept: keys with values, under leases, with revisions and watches, as etcd has them.
//!
//! | file | has |
//! |---|---|
//! | `record` | [`Record`], [`Lease`], [`Listing`], [`WatchEvent`] |
//! | `commit` | [`Commit`]: what is written together, and under which conditions |
//! | `error` | [`StoreError`] |
//! | `watch` | [`Watch`]: changes, as they happen |
//! | `settings` | [`EtcdSettings`]: how to reach etcd |
//! | `memory` | [`MemoryStore`]: for one process, tests and simulations |
//! | `etcd` | [`EtcdStore`](etcd::EtcdStore): etcd 3.4 or later (feature `etcd`) |
//!
//! Every write of the store is a revision: a number that rises by one. All keys that are written together have the same
//! one. This module does I/O; it knows nothing of hosts.

mod commit;
mod error;
#[cfg(feature = "etcd")]
pub mod etcd;
pub mod memory;
mod record;
mod settings;
mod watch;

pub use commit::{Commit, Committed, Condition, Write};
pub use error::StoreError;
pub use memory::MemoryStore;
pub use record::{Change, Lease, Listing, Record, WatchEvent};
pub use settings::EtcdSettings;
pub use watch::Watch;

use std::time::Duration;

/// A store. A clone is another client of the same store.
///
/// Every method gives [`StoreError::Unavailable`] after a few seconds without an answer. A write may have happened then.
#[derive(Clone)]
pub enum Store {
    /// In this process.
    Memory(MemoryStore),
    /// etcd.
    #[cfg(feature = "etcd")]
    Etcd(etcd::EtcdStore),
}

/// Calls the same method of whichever store it is.
macro_rules! on_store {
    ($store:expr, $one:ident => $call:expr) => {
        match $store {
            Store::Memory($one) => $call.await,
            #[cfg(feature = "etcd")]
            Store::Etcd($one) => $call.await,
        }
    };
}

impl Store {
    /// The record of a key; None if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, key: &str) -> Result<Option<Record>, StoreError> {
        on_store!(self, store => store.get(key))
    }

    /// All records whose keys begin with `prefix`, as they were at one revision.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, prefix: &str) -> Result<Listing, StoreError> {
        on_store!(self, store => store.list(prefix))
    }

    /// Writes all of `commit` at one revision if its conditions hold, else nothing.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::LeaseEnded`] if it puts a record under a lease that has ended.
    pub async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        on_store!(self, store => store.commit(commit))
    }

    /// Makes a lease: the records under it vanish when it was not kept alive for `time`. etcd counts whole seconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn grant(&self, time: Duration) -> Result<Lease, StoreError> {
        on_store!(self, store => store.grant(time))
    }

    /// Lets a lease last its full time from now on.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::LeaseEnded`] if it has ended.
    pub async fn keep_alive(&self, lease: Lease) -> Result<(), StoreError> {
        on_store!(self, store => store.keep_alive(lease))
    }

    /// Ends a lease, and with it the records under it. A lease that has ended already is no error.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revoke(&self, lease: Lease) -> Result<(), StoreError> {
        on_store!(self, store => store.revoke(lease))
    }

    /// Watches all keys that begin with `prefix`, from this revision on.
    ///
    /// # Errors
    /// [`StoreError`]. [`StoreError::Compacted`] may also come from [`Watch::next`].
    pub async fn watch(&self, prefix: &str, from: u64) -> Result<Watch, StoreError> {
        match self {
            Store::Memory(store) => store.watch(prefix, from).await.map(Watch::Memory),
            #[cfg(feature = "etcd")]
            Store::Etcd(store) => store.watch(prefix, from).await.map(Watch::Etcd),
        }
    }
}
