//! What the keeper asks the bucket about zones, one zone at a time.

use super::answer::BucketError;
use super::record::{ZoneRecord, key_of_zone};
use super::tasks::Desk;
use crate::model::{Name, RunId};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// How long the bucket may take to answer.
const BUCKET_PATIENCE: Duration = Duration::from_secs(2);
/// How long the last owner of a zone may take to write its last state, once the bucket answers.
const OWNER_PATIENCE: Duration = Duration::from_secs(2);
/// The same, if it has given the zone away, or the bus was away: it may need longer to reach the bucket, and that it is not heard does not
/// mean that it does not live.
const UNHEARD_PATIENCE: Duration = Duration::from_secs(4);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// The other hosts that are heard, as the driver says four times a second.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<Mutex<(BTreeSet<RunId>, bool)>>);

impl Heard {
    /// `is_complete`: the bus has been there for long enough to hear all that live.
    pub(super) fn set(&self, alive: &BTreeSet<RunId>, is_complete: bool) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.0.clone_from(alive);
        heard.1 = is_complete;
    }

    /// How long this run of a host may take to write its last state.
    fn patience(&self, run: RunId, given_by: Option<RunId>) -> Duration {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (alive, has_heard_all) = &*heard;
        if given_by == Some(run) || !has_heard_all {
            UNHEARD_PATIENCE
        } else if alive.contains(&run) {
            OWNER_PATIENCE
        } else {
            Duration::ZERO
        }
    }
}

/// Writes this host's name into the record of a zone, and returns the number of that change and what was saved. None: the bucket
/// does not answer, or another host has got the zone since.
pub(super) async fn take(
    desk: &Desk,
    name: &Name,
    epoch: u64,
    given_by: Option<RunId>,
    heard: &Heard,
) -> Option<(u64, Vec<Vec<u8>>)> {
    let key = key_of_zone(name);
    let mut until = Instant::now() + BUCKET_PATIENCE;
    let mut answered_at = None;
    loop {
        if let Ok(Ok((revision, record))) = timeout_at(until, desk.find::<ZoneRecord>(&key)).await {
            if record.as_ref().is_some_and(|(_, record)| record.epoch > epoch) {
                return None;
            }
            let now = Instant::now();
            let answered_at = *answered_at.get_or_insert(now);
            until = now + BUCKET_PATIENCE;
            let is_complete = record.as_ref().is_none_or(|(_, record)| {
                let is_own = record.is_last || record.owner == desk.me.0;
                is_own || now - answered_at >= heard.patience(RunId(record.owner), given_by)
            });
            if is_complete {
                let (at_ms, shares) =
                    record.map_or_else(|| (desk.clock.now_ms(), Vec::new()), |(at_ms, record)| (at_ms, record.shares));
                let mine = ZoneRecord { owner: desk.me.0, epoch, is_last: false, shares };
                if let Ok(revision) = desk.put(&key, revision, desk.vault.seal(&key, at_ms, &mine)).await {
                    return Some((revision, mine.shares));
                }
            }
        } else if Instant::now() + LOOK >= until {
            return None;
        }
        sleep(LOOK).await;
    }
}

/// Writes the record of a zone, and returns the number of that change. None: the record is of a later epoch, or the last of this
/// one. `known` is the number of its last change, if that was this host's. The last state is tried again until the bucket answers:
/// the next owner waits for the bucket, too.
pub(super) async fn write(
    desk: &Desk,
    name: &Name,
    epoch: u64,
    known: Option<u64>,
    is_last: bool,
    shares: Vec<Vec<u8>>,
) -> Result<Option<u64>, BucketError> {
    let key = key_of_zone(name);
    let record = ZoneRecord { owner: desk.me.0, epoch, is_last, shares };
    let value = desk.vault.seal(&key, desk.clock.now_ms(), &record);
    let complain_at = Instant::now() + BUCKET_PATIENCE;
    let mut has_complained = false;
    loop {
        let written = match revision_to_replace(desk, &key, &record, known).await {
            Ok(Some(revision)) => desk.put(&key, revision, value.clone()).await.map(Some),
            Ok(None) => return Ok(None),
            Err(error) => Err(error),
        };
        let error = match written {
            Err(error) if is_last && error != BucketError::OtherVersion => error,
            written => return written,
        };
        // A checkpoint was under way, or the bucket is away.
        if Instant::now() >= complain_at && !std::mem::replace(&mut has_complained, true) {
            tracing::warn!(zone = %name, %error, "the last state of a zone is not saved yet: it is tried again");
        }
        sleep(LOOK).await;
    }
}

/// The number of the change that this record may replace.
async fn revision_to_replace(
    desk: &Desk,
    key: &str,
    record: &ZoneRecord,
    known: Option<u64>,
) -> Result<Option<u64>, BucketError> {
    if known.is_some() && !record.is_last {
        return Ok(known);
    }
    let (revision, found) = desk.find::<ZoneRecord>(key).await?;
    let may_replace = found.is_none_or(|(_, found)| {
        let is_own = found.owner == record.owner && !found.is_last;
        found.epoch < record.epoch || (found.epoch == record.epoch && is_own)
    });
    Ok(may_replace.then_some(revision))
}
