//! A watch of etcd.

use super::answers::{error_of, record_of, revision_of};
use crate::store::{Change, StoreError, WatchEvent};
use etcd_client::{EventType, WatchResponse, WatchStream};

/// A watch of etcd.
pub struct EtcdWatch(WatchStream);

impl EtcdWatch {
    pub(super) fn new(stream: WatchStream) -> Self {
        EtcdWatch(stream)
    }

    pub(in crate::store) async fn ask_progress(&mut self) -> Result<(), StoreError> {
        self.0.request_progress().await.map_err(|error| error_of(&error))
    }

    pub(in crate::store) async fn next(&mut self) -> Result<WatchEvent, StoreError> {
        loop {
            let answer = self.0.message().await.map_err(|error| error_of(&error))?;
            let answer = answer.ok_or_else(|| StoreError::Unavailable("etcd has ended the watch".into()))?;
            if answer.canceled() {
                return Err(why_canceled(&answer));
            }
            if answer.created() {
                continue;
            }
            let changes: Vec<_> = answer.events().iter().filter_map(change).collect();
            return Ok(match answer.events().is_empty() {
                true => WatchEvent::Progress { revision: revision_of(answer.header()) },
                false => WatchEvent::Changed(changes),
            });
        }
    }
}

fn why_canceled(answer: &WatchResponse) -> StoreError {
    match answer.compact_revision() {
        0 if answer.cancel_reason().contains("permission denied") => StoreError::Denied(answer.cancel_reason().into()),
        0 => StoreError::Unavailable(format!("etcd has canceled the watch: {}", answer.cancel_reason())),
        revision => StoreError::Compacted(revision.max(0) as u64),
    }
}

fn change(event: &etcd_client::Event) -> Option<Change> {
    let (key, record) = record_of(event.kv()?)?;
    let revision = record.modified;
    Some(Change { revision, key, record: (event.event_type() == EventType::Put).then_some(record) })
}
