//! Requests to etcd, each to one node, and to the next node after a failure.

use super::answers::{record_of, revision_of};
use super::connection::{ConnectError, Connector};
use super::watch::EtcdWatch;
use crate::store::{Commit, Committed, Condition, EtcdSettings, Lease, Listing, Record, StoreError, Write};
use etcd_client::{Client, Compare, CompareOp, Error, GetOptions, PutOptions, Txn, TxnOp, TxnOpResponse, WatchOptions};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How long one node may take to answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Longest answer, in bytes: the records of some ten thousand hosts.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A client of etcd. A clone shares its connection.
#[derive(Clone)]
pub struct EtcdStore {
    connector: Arc<Connector>,
    current: Arc<Mutex<Current>>,
}

/// A request that was sent. Boxed, so that the compiler sees that tasks which wait for it can move between threads.
type Sent<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// The node that requests go to.
struct Current {
    node: usize,
    /// None: not connected.
    client: Option<Client>,
    /// Counts the connections, so that one failure seen by several requests ends one connection only.
    number: u64,
}

impl EtcdStore {
    /// A client that connects when it is used. `first` chooses the node that it tries first, so that many clients spread.
    ///
    /// # Errors
    /// [`ConnectError`]: a file that the settings name cannot be used.
    pub fn new(settings: &EtcdSettings, first: u64) -> Result<Self, ConnectError> {
        let connector = Connector::new(settings)?;
        assert!(!connector.endpoints.is_empty(), "the settings are checked");
        let node = (first % connector.endpoints.len() as u64) as usize;
        let current = Current { node, client: None, number: 0 };
        Ok(EtcdStore { connector: Arc::new(connector), current: Arc::new(Mutex::new(current)) })
    }

    /// The node that requests go to now.
    pub async fn endpoint(&self) -> String {
        self.connector.endpoints[self.current.lock().await.node].clone()
    }

    /// The client of the current node, and the number of its connection.
    async fn client(&self) -> Result<(Client, u64), StoreError> {
        let mut current = self.current.lock().await;
        if let Some(client) = &current.client {
            return Ok((client.clone(), current.number));
        }
        let answer = timeout(TIMEOUT, self.connector.connect(current.node)).await;
        match answer.unwrap_or_else(|_| Err(late())).map_err(|error| self.connector.explained(&error)) {
            Ok(client) => {
                current.number += 1;
                current.client = Some(client.clone());
                Ok((client, current.number))
            }
            Err(error) => {
                current.node = (current.node + 1) % self.connector.endpoints.len();
                Err(error)
            }
        }
    }

    /// Ends a connection; the next request goes to the next node.
    async fn leave(&self, number: u64) {
        let mut current = self.current.lock().await;
        if current.number == number && current.client.take().is_some() {
            current.node = (current.node + 1) % self.connector.endpoints.len();
        }
    }

    /// Sends a request once. Its outcome is unknown if there is no answer.
    async fn once<T>(&self, request: impl FnOnce(Client) -> Sent<T>) -> Result<T, StoreError> {
        let (client, number) = self.client().await?;
        let answer = timeout(TIMEOUT, request(client)).await;
        let answer = answer.unwrap_or_else(|_| Err(late())).map_err(|error| self.connector.explained(&error));
        // A token of a login can end: the next connection logs in again.
        if let Err(StoreError::Unavailable(_) | StoreError::Denied(_)) = &answer {
            self.leave(number).await;
        }
        answer
    }

    /// Sends a request that may be carried out twice, to one node after the other until one answers.
    async fn retried<T>(&self, request: impl Fn(Client) -> Sent<T>) -> Result<T, StoreError> {
        let mut answer = self.once(&request).await;
        for _ in 0..self.connector.endpoints.len() {
            if !matches!(answer, Err(StoreError::Unavailable(_) | StoreError::Denied(_))) {
                break;
            }
            answer = self.once(&request).await;
        }
        answer
    }

    pub(in crate::store) async fn get(&self, key: &str) -> Result<Option<Record>, StoreError> {
        let get = |client: Client| -> Sent<_> {
            let key = key.to_owned();
            Box::pin(async move { client.kv_client().get(key, None).await })
        };
        let answer = self.retried(get).await?;
        Ok(answer.kvs().first().and_then(record_of).map(|(_, record)| record))
    }

    pub(in crate::store) async fn list(&self, prefix: &str) -> Result<Listing, StoreError> {
        let list = |client: Client| -> Sent<_> {
            let (prefix, options) = (prefix.to_owned(), GetOptions::new().with_prefix());
            let mut client = client.kv_client().max_decoding_message_size(ANSWER_BYTES_MAX);
            Box::pin(async move { client.get(prefix, Some(options)).await })
        };
        let answer = self.retried(list).await?;
        let records = answer.kvs().iter().filter_map(record_of).collect();
        Ok(Listing { revision: revision_of(answer.header()), records })
    }

    pub(in crate::store) async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        let conditions = commit.conditions.len();
        let transaction = transaction(commit);
        let send = |client: Client| -> Sent<_> { Box::pin(async move { client.kv_client().txn(transaction).await }) };
        let answer = self.once(send).await?;
        if answer.succeeded() {
            return Ok(Committed::Done { revision: revision_of(answer.header()) });
        }
        let found: Vec<_> = answer.op_responses().iter().map(found).collect();
        match found.len() == conditions {
            true => Ok(Committed::Refused { found }),
            false => Err(StoreError::Refused("an answer of etcd lacks keys".into())),
        }
    }

    pub(in crate::store) async fn grant(&self, time: Duration) -> Result<Lease, StoreError> {
        let seconds = time.as_secs().max(1) as i64;
        // A lease whose answer is lost ends by itself.
        let grant =
            |client: Client| -> Sent<_> { Box::pin(async move { client.lease_client().grant(seconds, None).await }) };
        Ok(Lease(self.retried(grant).await?.id()))
    }

    pub(in crate::store) async fn keep_alive(&self, lease: Lease) -> Result<(), StoreError> {
        let keep =
            |client: Client| -> Sent<_> { Box::pin(async move { client.lease_client().keep_alive(lease.0).await }) };
        self.retried(keep).await.map(|_| ())
    }

    pub(in crate::store) async fn revoke(&self, lease: Lease) -> Result<(), StoreError> {
        let revoke =
            |client: Client| -> Sent<_> { Box::pin(async move { client.lease_client().revoke(lease.0).await }) };
        match self.retried(revoke).await {
            Err(StoreError::LeaseEnded) => Ok(()),
            answer => answer.map(|_| ()),
        }
    }

    pub(in crate::store) async fn watch(&self, prefix: &str, from: u64) -> Result<EtcdWatch, StoreError> {
        let watch = |client: Client| -> Sent<_> {
            let options = WatchOptions::new().with_prefix().with_start_revision(from as i64);
            let prefix = prefix.to_owned();
            let mut client = client.watch_client().max_decoding_message_size(ANSWER_BYTES_MAX);
            Box::pin(async move { client.watch(prefix, Some(options)).await })
        };
        self.retried(watch).await.map(EtcdWatch::new)
    }
}

fn late() -> Error {
    Error::IoError(std::io::Error::new(std::io::ErrorKind::TimedOut, format!("no answer after {TIMEOUT:?}")))
}

fn transaction(commit: Commit) -> Txn {
    let gets: Vec<_> = commit.conditions.iter().map(|(key, _)| TxnOp::get(key.as_str(), None)).collect();
    let compare = |(key, condition): (String, Condition)| {
        let revision = match condition {
            // etcd gives a key that does not exist the revision 0.
            Condition::Absent => 0,
            Condition::Modified(revision) => revision as i64,
        };
        Compare::mod_revision(key, CompareOp::Equal, revision)
    };
    let write = |(key, write): (String, Write)| match write {
        Write::Put { value, lease } => {
            let options = lease.map(|lease| PutOptions::new().with_lease(lease.0));
            TxnOp::put(key, value, options)
        }
        Write::Delete => TxnOp::delete(key, None),
    };
    Txn::new()
        .when(commit.conditions.into_iter().map(compare).collect::<Vec<_>>())
        .and_then(commit.writes.into_iter().map(write).collect::<Vec<_>>())
        .or_else(gets)
}

fn found(answer: &TxnOpResponse) -> Option<Record> {
    match answer {
        TxnOpResponse::Get(answer) => answer.kvs().first().and_then(record_of).map(|(_, record)| record),
        _ => None,
    }
}
