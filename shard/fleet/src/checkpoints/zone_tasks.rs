//! What the keeper asks the bucket about zones, one zone at a time.

use super::answer::BucketError;
use super::record::{ZoneRecord, key_of_zone};
use super::tasks::Desk;
use crate::model::{Name, RunId};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// How long the last owner of a zone may take to write its last state. The bucket has as long for an answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Time between two looks for it.
const LOOK: Duration = Duration::from_millis(100);

/// What a host knows of the record of a zone that its cores have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Claim {
    /// It has read none: there was no bucket when it got the zone, or the zone is a part of another one. Its first state replaces
    /// what is there.
    Unread,
    /// Its own name is in the record. The number of the last change, if that is known.
    Own(Option<u64>),
    /// Another run of a host has written the record since: this one writes nothing until it gets the zone again.
    Lost,
}

/// Writes this host's name into the record of a zone, and returns the number of that change and what was saved. None: the bucket
/// does not answer.
pub(super) async fn take(desk: &Desk, name: &Name, alive: &BTreeSet<RunId>) -> Option<(u64, Vec<Vec<u8>>)> {
    let key = key_of_zone(name);
    let until = Instant::now() + PATIENCE;
    loop {
        let found = timeout_at(until, desk.find::<ZoneRecord>(&key)).await.ok()?;
        let is_last_look = Instant::now() + LOOK >= until;
        if let Ok((revision, record)) = found {
            let others = |record: &ZoneRecord| record.owner != desk.me.0 && alive.contains(&RunId(record.owner));
            let is_complete = record.as_ref().is_none_or(|(_, record)| record.is_last || !others(record));
            if is_complete || is_last_look {
                let (at_ms, shares) =
                    record.map_or_else(|| (desk.clock.now_ms(), Vec::new()), |(at_ms, record)| (at_ms, record.shares));
                let mine = ZoneRecord { owner: desk.me.0, is_last: false, shares };
                if let Ok(revision) = desk.bucket.put(&key, revision, desk.vault.seal(&key, at_ms, &mine)).await {
                    return Some((revision, mine.shares));
                }
            }
        }
        if is_last_look {
            return None;
        }
        sleep(LOOK).await;
    }
}

/// Writes the record of a zone, and returns the number of that change. None: the record is another run's, which the claim does
/// not allow to replace. The last state is tried again until the bucket answers: the next owner waits for the bucket, too.
pub(super) async fn write(
    desk: &Desk,
    name: &Name,
    claim: Claim,
    is_last: bool,
    shares: Vec<Vec<u8>>,
) -> Result<Option<u64>, BucketError> {
    let key = key_of_zone(name);
    let value = desk.vault.seal(&key, desk.clock.now_ms(), &ZoneRecord { owner: desk.me.0, is_last, shares });
    let patient_until = Instant::now() + PATIENCE;
    let mut has_complained = false;
    loop {
        let written = match revision_to_replace(desk, &key, claim, is_last).await {
            Ok(Some(revision)) => desk.bucket.put(&key, revision, value.clone()).await.map(Some),
            Ok(None) => return Ok(None),
            Err(error) => Err(error),
        };
        let error = match written {
            Err(error) if is_last => error,
            written => return written,
        };
        // A checkpoint was under way, or the bucket is away.
        if Instant::now() >= patient_until && !std::mem::replace(&mut has_complained, true) {
            tracing::warn!(zone = %name, %error, "the last state of a zone is not saved yet: it is tried again");
        }
        sleep(LOOK).await;
    }
}

/// The number of the change that this host may replace. None: the record is another run's, or is complete.
async fn revision_to_replace(desk: &Desk, key: &str, claim: Claim, is_last: bool) -> Result<Option<u64>, BucketError> {
    if let Claim::Own(Some(revision)) = claim {
        return Ok(Some(revision));
    }
    let (revision, record) = desk.find::<ZoneRecord>(key).await?;
    let is_own = record.is_none_or(|(_, record)| record.owner == desk.me.0 && (is_last || !record.is_last));
    Ok((is_own || claim == Claim::Unread).then_some(revision))
}
