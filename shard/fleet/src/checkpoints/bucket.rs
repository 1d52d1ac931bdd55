//! Where records are kept.

#[cfg(feature = "nats")]
use super::NatsBucket;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What a key has.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Found {
    /// The value; None if there is none, or none any more.
    pub value: Option<Vec<u8>>,
    /// The number of its last change; 0 if there was none.
    pub revision: u64,
}

/// Why the bucket has not done what was asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BucketError {
    /// The key was changed meanwhile.
    #[error("somebody has changed it meanwhile")]
    Conflict,
    /// The bucket does not answer.
    #[error("{0}")]
    Away(String),
}

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
            Bucket::Memory(bucket) => bucket.check(),
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
            Bucket::Memory(bucket) => bucket.get(key),
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
            Bucket::Memory(bucket) => bucket.change(key, revision, Some(value)),
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
            Bucket::Memory(bucket) => bucket.change(key, revision, None).map(|_| ()),
        }
    }
}

/// A bucket in memory.
#[derive(Clone, Default, Debug)]
pub struct MemoryBucket(Arc<Mutex<Contents>>);

#[derive(Default, Debug)]
struct Contents {
    found: BTreeMap<String, Found>,
    changes: u64,
    is_away: bool,
}

impl MemoryBucket {
    /// Whether it answers from now on.
    pub fn set_away(&self, is_away: bool) {
        self.contents().is_away = is_away;
    }

    /// How often values were changed.
    pub fn changes(&self) -> u64 {
        self.contents().changes
    }

    fn contents(&self) -> std::sync::MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self) -> Result<(), BucketError> {
        if self.contents().is_away { Err(BucketError::Away("it is away".into())) } else { Ok(()) }
    }

    fn get(&self, key: &str) -> Result<Found, BucketError> {
        self.check()?;
        Ok(self.contents().found.get(key).cloned().unwrap_or_default())
    }

    fn change(&self, key: &str, revision: u64, value: Option<Vec<u8>>) -> Result<u64, BucketError> {
        self.check()?;
        let mut contents = self.contents();
        if contents.found.get(key).map_or(0, |found| found.revision) != revision {
            return Err(BucketError::Conflict);
        }
        contents.changes += 1;
        let revision = contents.changes;
        contents.found.insert(key.to_owned(), Found { value, revision });
        Ok(revision)
    }
}
