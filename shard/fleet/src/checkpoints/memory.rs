//! The bucket in memory, for tests and simulations.

use super::answer::{BucketError, Found};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a request waits for an answer that does not come.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A bucket in memory. A clone shares the client's fault; [`Self::client`] makes one with its own.
#[derive(Clone, Default, Debug)]
pub struct MemoryBucket {
    contents: Arc<Mutex<Contents>>,
    fault: Arc<Mutex<BucketFault>>,
}

/// What is wrong between a client and a bucket.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum BucketFault {
    /// Nothing.
    #[default]
    None,
    /// No request arrives.
    Away,
    /// Requests arrive, but no answer comes back.
    AnswersLost,
    /// Each request takes so long.
    Slow(Duration),
    /// There is no bucket, and there can be none.
    NoJetStream,
    /// Requests are refused at once: no server of NATS leads the others at this moment.
    Leaderless,
    /// Reads come from a replica that is behind by so much.
    Lagging(Duration),
}

#[derive(Default, Debug)]
struct Contents {
    found: BTreeMap<String, Found>,
    /// What each key had before its last change, and when that was.
    former: BTreeMap<String, (Found, Instant)>,
    changes: u64,
    /// Until somebody opens it again.
    is_removed: bool,
}

impl MemoryBucket {
    /// Another client of the same bucket, without a fault.
    pub fn client(&self) -> Self {
        MemoryBucket { contents: self.contents.clone(), fault: Arc::default() }
    }

    /// What is wrong from now on.
    pub fn set_fault(&self, fault: BucketFault) {
        *lock(&self.fault) = fault;
    }

    /// What is wrong now.
    pub fn fault(&self) -> BucketFault {
        *lock(&self.fault)
    }

    /// Removes the bucket, with all that is in it, until a client opens it again.
    pub fn remove(&self) {
        *lock(&self.contents) = Contents { is_removed: true, ..Contents::default() };
    }

    /// Whether it was removed, and nobody has opened it since.
    pub fn is_removed(&self) -> bool {
        lock(&self.contents).is_removed
    }

    /// How often values were changed.
    pub fn changes(&self) -> u64 {
        lock(&self.contents).changes
    }

    /// Keys that have a value.
    pub fn values(&self) -> usize {
        lock(&self.contents).found.values().filter(|found| found.value.is_some()).count()
    }

    pub(super) async fn check(&self) -> Result<(), BucketError> {
        let open = |contents: &mut Contents| {
            contents.is_removed = false;
            Ok(())
        };
        self.request(open).await
    }

    pub(super) async fn get(&self, key: &str) -> Result<Found, BucketError> {
        let lag = if let BucketFault::Lagging(lag) = self.fault() { lag } else { Duration::ZERO };
        let read = |contents: &mut Contents| match contents.former.get(key) {
            Some((former, until)) if until.elapsed() < lag => Ok(former.clone()),
            _ => Ok(contents.found.get(key).cloned().unwrap_or_default()),
        };
        self.request(|contents| contents.there().and_then(read)).await
    }

    pub(super) async fn change(&self, key: &str, revision: u64, value: Option<Vec<u8>>) -> Result<u64, BucketError> {
        let change = |contents: &mut Contents| {
            if contents.found.get(key).map_or(0, |found| found.revision) != revision {
                return Err(BucketError::Conflict);
            }
            contents.changes += 1;
            let revision = contents.changes;
            let former = contents.found.insert(key.to_owned(), Found { value, revision }).unwrap_or_default();
            contents.former.insert(key.to_owned(), (former, Instant::now()));
            Ok(revision)
        };
        self.request(|contents| contents.there().and_then(change)).await
    }

    async fn request<T>(&self, work: impl FnOnce(&mut Contents) -> Result<T, BucketError>) -> Result<T, BucketError> {
        let fault = self.fault();
        let late = || async {
            sleep(TIMEOUT).await;
            Err(BucketError::Away(format!("no answer after {TIMEOUT:?}")))
        };
        match fault {
            BucketFault::Away => return late().await,
            BucketFault::Slow(delay) if delay >= TIMEOUT => return late().await,
            BucketFault::Slow(delay) => sleep(delay).await,
            BucketFault::NoJetStream => return Err(BucketError::NoJetStream),
            BucketFault::Leaderless => return Err(BucketError::Away("no server leads".into())),
            BucketFault::None | BucketFault::AnswersLost | BucketFault::Lagging(_) => {}
        }
        let answer = work(&mut lock(&self.contents));
        if fault == BucketFault::AnswersLost { late().await } else { answer }
    }
}

impl Contents {
    fn there(&mut self) -> Result<&mut Self, BucketError> {
        if self.is_removed { Err(BucketError::Away("there is no such bucket".into())) } else { Ok(self) }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
