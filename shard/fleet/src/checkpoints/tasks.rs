//! What the keeper asks the bucket, one account at a time.

use super::answer::{BucketError, Found};
use super::bucket::Bucket;
use super::record::{PlayerRecord, key_of};
use super::vault::{NotARecord, Vault};
use crate::clock::Clock;
use crate::model::RunId;
use ringshard::game::AccountId;
use ringshard::runtime::fleet::Stay;
use serde::de::DeserializeOwned;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Attempts while others change the same record.
const TRIES: u32 = 4;
/// Pause after the first attempt, twice as long after the second one, and so on: a replica of NATS that is behind answers
/// with an earlier record meanwhile.
const PAUSE: Duration = Duration::from_millis(50);
/// Time between two complaints about records of another version.
const COMPLAIN_AGAIN: Duration = Duration::from_secs(10);
/// Bits of a stay's number that distinguish those of one millisecond.
const NUMBER_BITS: u32 = 16;

/// The bucket and its key, for the tasks.
pub(super) struct Desk {
    pub bucket: Bucket,
    pub vault: Vault,
    pub clock: Clock,
    pub me: RunId,
    /// Values that were no record of their account.
    pub refused: AtomicU64,
    /// Since when the bucket has answered nothing. None: it answers.
    pub failing_since: Mutex<Option<Instant>>,
    /// When the log last had a record of another version.
    pub complained_at: Mutex<Option<Instant>>,
}

/// What became of an account that enters.
#[derive(Debug)]
pub(super) enum Entered {
    /// It is this host's now.
    Here { stay: Stay, revision: u64, state: Option<Vec<u8>> },
    /// Another host has written its record last. Nothing has changed.
    Owned { by: RunId },
    /// The bucket does not answer, or others change the record all the time.
    Failed(String),
}

/// What became of a change.
#[derive(Debug)]
pub(super) enum Changed {
    /// It is done: the number of the change.
    Done(u64),
    /// The account is in a later stay, or at a later host.
    Superseded,
    /// As above.
    Failed(String),
}

impl Desk {
    /// For how long the bucket has answered nothing.
    pub(super) fn failing_for(&self) -> Duration {
        self.failing_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Opens the bucket.
    pub(super) async fn open(&self) -> Result<(), BucketError> {
        self.noted(self.bucket.open().await)
    }

    pub(super) async fn get(&self, key: &str) -> Result<Found, BucketError> {
        self.noted(self.bucket.get(key).await)
    }

    pub(super) async fn put(&self, key: &str, revision: u64, value: Vec<u8>) -> Result<u64, BucketError> {
        self.noted(self.bucket.put(key, revision, value).await)
    }

    pub(super) async fn delete(&self, key: &str, revision: u64) -> Result<(), BucketError> {
        self.noted(self.bucket.delete(key, revision).await)
    }

    fn noted<T>(&self, answer: Result<T, BucketError>) -> Result<T, BucketError> {
        let mut since = self.failing_since.lock().unwrap_or_else(PoisonError::into_inner);
        match &answer {
            Ok(_) | Err(BucketError::Conflict) => *since = None,
            Err(_) => _ = since.get_or_insert_with(Instant::now),
        }
        answer
    }

    /// Begins a stay. A record of another host is taken over only if `takes_over`. The client waits `until` then: after that nothing
    /// is taken over, because it may have entered elsewhere.
    pub(super) async fn enter(&self, account: AccountId, takes_over: bool, until: Instant) -> Entered {
        let key = key_of(account);
        for attempt in 1..=TRIES {
            let (revision, at_ms, record) = match self.find::<PlayerRecord>(&key).await {
                Ok((revision, Some((at_ms, record)))) => (revision, at_ms, Some(record)),
                Ok((revision, None)) => (revision, self.clock.now_ms(), None),
                Err(error) => return Entered::Failed(error.to_string()),
            };
            let former = record.as_ref().map_or(0, |record| record.stay().number);
            if let Some(by) = record.as_ref().map(PlayerRecord::owner)
                && by != self.me
                && !takes_over
            {
                return Entered::Owned { by };
            }
            if Instant::now() >= until {
                return Entered::Failed("its client does not wait any more".into());
            }
            let stay = self.stay_at(self.clock.now_ms(), former);
            let state = record.and_then(|record| record.state);
            let mine = PlayerRecord::new(stay, self.me, state.clone());
            match self.put(&key, revision, self.vault.seal(&key, at_ms, &mine)).await {
                Ok(revision) => return Entered::Here { stay, revision, state },
                Err(BucketError::Conflict) => sleep(PAUSE * attempt).await,
                Err(error) => return Entered::Failed(error.to_string()),
            }
        }
        Entered::Failed("others change the record all the time".into())
    }

    /// Writes a checkpoint, or, with no state, that the player has left for good. The record stays: a host with an earlier stay of the
    /// account learns from it that its own is over. `known` is the number of the last change, if that was this host's.
    pub(super) async fn write(
        &self,
        account: AccountId,
        stay: Stay,
        mut known: Option<u64>,
        state: Option<Vec<u8>>,
    ) -> Changed {
        let key = key_of(account);
        let record = PlayerRecord::new(stay, self.me, state);
        let value = self.vault.seal(&key, self.clock.now_ms(), &record);
        // If another version has written since this host did, the account is there.
        let was_mine = known.is_some();
        for attempt in 1..=TRIES {
            let revision = match known.take() {
                Some(revision) => revision,
                None => match self.find::<PlayerRecord>(&key).await {
                    Ok((_, Some((_, found)))) if self.is_later(&found, stay) => return Changed::Superseded,
                    Ok((revision, _)) => revision,
                    Err(BucketError::OtherVersion) if was_mine => return Changed::Superseded,
                    Err(error) => return Changed::Failed(error.to_string()),
                },
            };
            match self.put(&key, revision, value.clone()).await {
                Ok(revision) => return Changed::Done(revision),
                Err(BucketError::Conflict) => sleep(PAUSE * attempt).await,
                Err(error) => return Changed::Failed(error.to_string()),
            }
        }
        Changed::Failed("others change the record all the time".into())
    }

    /// Looks whether the record is this host's, in this stay.
    pub(super) async fn verify(&self, account: AccountId, stay: Stay) -> Changed {
        match self.find::<PlayerRecord>(&key_of(account)).await {
            Ok((_, Some((_, found)))) if self.is_later(&found, stay) => Changed::Superseded,
            Ok((revision, Some((_, found)))) if found.stay() == stay && found.owner() == self.me => {
                Changed::Done(revision)
            }
            Ok(_) => Changed::Failed("the record is not the one that was written".into()),
            Err(BucketError::OtherVersion) => Changed::Superseded,
            Err(error) => Changed::Failed(error.to_string()),
        }
    }

    /// Whether a record is of a later stay than this one of this host's. Of two hosts with the same, one counts.
    fn is_later(&self, found: &PlayerRecord, stay: Stay) -> bool {
        (found.stay(), found.owner()) > (stay, self.me)
    }

    /// A stay that begins at this time, with a number above this one: the record's, from a host whose clock may be ahead.
    pub(super) fn stay_at(&self, at_ms: u64, former: u64) -> Stay {
        let mixed = self.me.0 & ((1 << NUMBER_BITS) - 1);
        Stay { number: (at_ms << NUMBER_BITS | mixed).max(former.saturating_add(1)), moves: 0 }
    }

    /// The number of a key's last change, and its record with its time. A value that is none is counted. One of another version is
    /// an error: it stays as it is, for hosts that can read it.
    pub(super) async fn find<T: DeserializeOwned>(&self, key: &str) -> Result<(u64, Option<(u64, T)>), BucketError> {
        let found = self.get(key).await?;
        let Some(value) = found.value else { return Ok((found.revision, None)) };
        match self.vault.open(key, &value, self.clock.now_ms()) {
            Ok(record) => Ok((found.revision, Some(record))),
            Err(NotARecord::Form) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                self.complain(key);
                Err(BucketError::OtherVersion)
            }
            Err(error) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(key, %error, "a checkpoint is refused: its player or zone begins anew");
                Ok((found.revision, None))
            }
        }
    }

    /// Logs a record of another version, at most once per [`COMPLAIN_AGAIN`]: what waits for it asks many times.
    fn complain(&self, key: &str) {
        let mut last = self.complained_at.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|at| at.elapsed() >= COMPLAIN_AGAIN) {
            *last = Some(Instant::now());
            tracing::error!(
                key,
                "a checkpoint is of another version of this program, and stays as it is: its account is refused, or its zone waits, \
                 until a host of that version reads it or somebody removes the key from the bucket (`nats kv del BUCKET KEY`)"
            );
        }
    }
}
