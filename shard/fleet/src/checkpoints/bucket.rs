//! Where records are kept.

use super::answer::{BucketError, Found};
use super::memory::MemoryBucket;
#[cfg(feature = "nats")]
use super::nats::NatsBucket;

/// A bucket of values by key. Clones are the same bucket.
#[derive(Clone)]
pub enum Bucket {
    /// In NATS.
    #[cfg(feature = "nats")]
    Nats(Box<NatsBucket>),
    /// In memory: for tests and simulations.
    Memory(MemoryBucket),
}

impl Bucket {
    /// Opens it: makes it if it does not exist.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub async fn open(&self) -> Result<(), BucketError> {
        match self {
            #[cfg(feature = "nats")]
            Bucket::Nats(bucket) => bucket.open().await,
            Bucket::Memory(bucket) => bucket.check().await,
        }
    }

    /// What a key has. It may be what the key had a moment ago.
    ///
    /// # Errors
    /// [`BucketError::Away`].
    pub async fn get(&self, key: &str) -> Result<Found, BucketError> {
        match self {
            #[cfg(feature = "nats")]
            Bucket::Nats(bucket) => bucket.get(key).await,
            Bucket::Memory(bucket) => bucket.get(key).await,
        }
    }

    /// Writes a key whose last change has this number, and returns the number of the new one.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn put(&self, key: &str, revision: u64, value: Vec<u8>) -> Result<u64, BucketError> {
        match self {
            #[cfg(feature = "nats")]
            Bucket::Nats(bucket) => bucket.put(key, revision, value).await,
            Bucket::Memory(bucket) => bucket.change(key, revision, Some(value)).await,
        }
    }

    /// Removes the value of a key whose last change has this number.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn delete(&self, key: &str, revision: u64) -> Result<(), BucketError> {
        match self {
            #[cfg(feature = "nats")]
            Bucket::Nats(bucket) => bucket.delete(key, revision).await,
            Bucket::Memory(bucket) => bucket.change(key, revision, None).await.map(|_| ()),
        }
    }
}
