//! The bucket in memory, for tests and simulations.

use super::answer::{BucketError, Found};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

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

    pub(super) fn check(&self) -> Result<(), BucketError> {
        if self.contents().is_away { Err(BucketError::Away("it is away".into())) } else { Ok(()) }
    }

    pub(super) fn get(&self, key: &str) -> Result<Found, BucketError> {
        self.check()?;
        Ok(self.contents().found.get(key).cloned().unwrap_or_default())
    }

    pub(super) fn change(&self, key: &str, revision: u64, value: Option<Vec<u8>>) -> Result<u64, BucketError> {
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
