//! The bucket of NATS.

use super::AGE_MAX;
use super::answer::{BucketError, Found};
use async_nats::Client;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::CreateStreamErrorKind;
use async_nats::jetstream::kv::{DeleteErrorKind, Operation, Store, UpdateErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType};
use async_nats::jetstream::{self, Context};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::timeout;

/// Servers of NATS that keep each value, if there are so many.
const REPLICAS: usize = 3;
/// How long NATS may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// A key-value bucket of JetStream.
#[derive(Clone)]
pub struct NatsBucket {
    context: Context,
    name: String,
    store: Arc<RwLock<Option<Store>>>,
}

impl NatsBucket {
    /// The bucket of this name, over this connection. It does not ask NATS yet.
    pub fn new(client: Client, name: &str) -> Self {
        NatsBucket { context: jetstream::new(client), name: name.to_owned(), store: Arc::default() }
    }

    pub(super) async fn open(&self) -> Result<(), BucketError> {
        let store = self.found_or_made().await?;
        *self.store.write().unwrap_or_else(PoisonError::into_inner) = Some(store);
        Ok(())
    }

    async fn found_or_made(&self) -> Result<Store, BucketError> {
        if let Ok(store) = self.context.get_key_value(&self.name).await {
            return Ok(store);
        }
        // The layout of a key-value bucket, which servers before 2.10 make only this way. One server cannot make replicas.
        let config = |num_replicas| Config {
            name: format!("KV_{}", self.name),
            subjects: vec![format!("$KV.{}.>", self.name)],
            max_messages_per_subject: 1,
            max_age: AGE_MAX,
            storage: StorageType::File,
            allow_rollup: true,
            deny_delete: true,
            allow_direct: true,
            discard: DiscardPolicy::New,
            num_replicas,
            ..Config::default()
        };
        match self.context.create_stream(config(REPLICAS)).await.map_err(|error| error.kind()) {
            Ok(_) => {}
            Err(CreateStreamErrorKind::JetStreamUnavailable) => return Err(BucketError::NoJetStream),
            // Any other failure may be over in a moment: a bucket of one server would stay one.
            Err(CreateStreamErrorKind::JetStream(error))
                if error.error_code() == ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED =>
            {
                self.context.create_stream(config(1)).await.map_err(away)?;
                tracing::warn!(
                    bucket = self.name,
                    "one server of NATS alone keeps the checkpoints: three would not lose them"
                );
            }
            Err(error) => return Err(away(error)),
        }
        self.context.get_key_value(&self.name).await.map_err(away)
    }

    fn store(&self) -> Result<Store, BucketError> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        store.clone().ok_or_else(|| BucketError::Away("it is not open".into()))
    }

    pub(super) async fn get(&self, key: &str) -> Result<Found, BucketError> {
        let store = self.store()?;
        let entry = timeout(PATIENCE, store.entry(key)).await.map_err(away)?.map_err(away)?;
        Ok(entry.map_or_else(Found::default, |entry| Found {
            value: (entry.operation == Operation::Put).then(|| entry.value.to_vec()),
            revision: entry.revision,
        }))
    }

    pub(super) async fn put(&self, key: &str, revision: u64, value: Vec<u8>) -> Result<u64, BucketError> {
        let store = self.store()?;
        let update = store.update(key, value.into(), revision);
        timeout(PATIENCE, update).await.map_err(away)?.map_err(|error| match error.kind() {
            UpdateErrorKind::WrongLastRevision => BucketError::Conflict,
            _ => away(error),
        })
    }

    pub(super) async fn delete(&self, key: &str, revision: u64) -> Result<(), BucketError> {
        let store = self.store()?;
        let delete = store.delete_expect_revision(key, Some(revision));
        timeout(PATIENCE, delete).await.map_err(away)?.map_err(|error| match error.kind() {
            DeleteErrorKind::WrongLastRevision => BucketError::Conflict,
            _ => away(error),
        })
    }
}

fn away(error: impl std::fmt::Display) -> BucketError {
    BucketError::Away(error.to_string())
}
