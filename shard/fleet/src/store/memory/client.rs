//! A client of a store in this process, on tokio's clock, which tests can stop and turn.

use super::shared::{Fault, Shared};
use super::{MemoryState, MemoryWatch};
use crate::store::{Commit, Committed, Lease, Listing, Record, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long a request waits for an answer that does not come.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A client of a store in this process. A clone shares the client's fault; [`Self::client`] makes one with its own.
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
    fault: watch::Sender<Fault>,
}

impl MemoryStore {
    /// An empty store, and its first client.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new() -> Self {
        MemoryStore { shared: Arc::new(Shared::new()), fault: watch::Sender::new(Fault::None) }
    }

    /// Another client of the same store, without a fault.
    pub fn client(&self) -> Self {
        MemoryStore { shared: self.shared.clone(), fault: watch::Sender::new(Fault::None) }
    }

    /// What is wrong now.
    pub fn fault(&self) -> Fault {
        *self.fault.borrow()
    }

    /// Sets what is wrong between this client and the store.
    pub fn set_fault(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// Stops the store for all clients, or starts it again. Watches end. When it starts, every lease lasts its full time.
    pub fn set_running(&self, runs: bool) {
        let now = self.shared.now();
        // What ended before the store stopped has ended.
        let mut state = self.shared.state();
        if runs {
            state.renew_all(now);
        }
        drop(state);
        self.shared.runs.send_replace(runs);
    }

    /// Forgets the changes before this revision.
    pub fn compact(&self, revision: u64) {
        self.shared.state().compact(revision);
    }

    /// Does `work` on the state if the client reaches the store, and tells the watches.
    async fn request<T>(
        &self,
        work: impl FnOnce(&mut MemoryState, Duration) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let fault = *self.fault.borrow();
        let late = || async {
            tokio::time::sleep(TIMEOUT).await;
            Err(StoreError::Unavailable(format!("no answer after {TIMEOUT:?}")))
        };
        match fault {
            Fault::Cut => return late().await,
            Fault::Slow(delay) if delay >= TIMEOUT => return late().await,
            Fault::Slow(delay) => tokio::time::sleep(delay).await,
            Fault::None | Fault::AnswersLost => tokio::task::yield_now().await,
        }
        if !*self.shared.runs.borrow() {
            return Err(StoreError::Unavailable("connection refused".into()));
        }
        let answer = work(&mut self.shared.state(), self.shared.now());
        self.shared.runs.send_modify(|_| ());
        if fault == Fault::AnswersLost { late().await } else { answer }
    }

    pub(in crate::store) async fn get(&self, key: &str) -> Result<Option<Record>, StoreError> {
        self.request(|state, _| Ok(state.get(key).cloned())).await
    }

    pub(in crate::store) async fn list(&self, prefix: &str) -> Result<Listing, StoreError> {
        self.request(|state, _| Ok(state.list(prefix))).await
    }

    pub(in crate::store) async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        self.request(|state, now| state.commit(now, commit)).await
    }

    pub(in crate::store) async fn grant(&self, time: Duration) -> Result<Lease, StoreError> {
        self.request(|state, now| Ok(state.grant(now, time))).await
    }

    pub(in crate::store) async fn keep_alive(&self, lease: Lease) -> Result<(), StoreError> {
        self.request(|state, now| state.keep_alive(now, lease)).await
    }

    pub(in crate::store) async fn revoke(&self, lease: Lease) -> Result<(), StoreError> {
        self.request(|state, now| {
            state.revoke(now, lease);
            Ok(())
        })
        .await
    }

    pub(in crate::store) async fn watch(&self, prefix: &str, from: u64) -> Result<MemoryWatch, StoreError> {
        let (shared, fault) = (self.shared.clone(), self.fault.subscribe());
        self.request(|_, _| Ok(MemoryWatch::new(shared, fault, prefix.to_owned(), from))).await
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}
