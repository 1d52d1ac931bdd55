//! What a host asks of the store, and what it answers.

use crate::store::{Commit, Committed, Lease, Store, StoreError};
use std::time::Duration;

/// What a host asks of the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// A lease of this time.
    Grant(Duration),
    /// That a lease lasts its full time from now on.
    KeepAlive(Lease),
    /// Writes.
    Commit(Commit),
    /// That a lease ends.
    Revoke(Lease),
}

/// What the store answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// To [`Request::Grant`].
    Granted(Lease),
    /// To [`Request::KeepAlive`].
    Kept,
    /// To [`Request::Commit`].
    Committed(Committed),
    /// To [`Request::Revoke`].
    Revoked,
}

impl Request {
    /// Sends it to a store.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn send(self, store: &Store) -> Result<Answer, StoreError> {
        match self {
            Request::Grant(time) => store.grant(time).await.map(Answer::Granted),
            Request::KeepAlive(lease) => store.keep_alive(lease).await.map(|()| Answer::Kept),
            Request::Commit(commit) => store.commit(commit).await.map(Answer::Committed),
            Request::Revoke(lease) => store.revoke(lease).await.map(|()| Answer::Revoked),
        }
    }
}
