//! What a host does about a zone, in the registry.

use crate::courier::Peer;
use crate::model::{Host, RunId, Zones};
use crate::registry::{Keys, ZoneChangeError, ZoneRecord};
use crate::store::{Commit, Condition, Record, Store};
use crate::zones::Duty;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a host's record is of another run than this one. A record that cannot be read may be of this one.
pub(super) fn is_of_other_run(record: &Record, run: RunId) -> bool {
    serde_json::from_slice(&record.value).is_ok_and(|host: Host| host.run != Some(run))
}

/// Changes the record of the zones if the duty is still right. Gives whether that changed something. `is_orphaned` says, right before
/// the change, whether the owner of a zone that is taken over is still silent: the registry may have been slow.
pub(super) async fn carry_out(
    record: &ZoneRecord,
    store: &Store,
    keys: &Keys,
    me: &Peer,
    duty: &Duty,
    is_orphaned: &AtomicBool,
) -> Result<bool, ZoneChangeError> {
    match duty {
        Duty::Take { zone, from } => {
            let change = |zones: &mut Zones| zones.take(zone, from.as_ref(), &me.name, me.run).map(|()| true);
            record.change(Commit::default(), change).await
        }
        Duty::TakeOver { zone, from } => {
            // The owner has no lease, or another run has its name by now.
            let key = keys.record(&from.host);
            let found = store.get(&key).await?;
            let condition = match (&found, from.run) {
                (Some(found), Some(run)) if is_of_other_run(found, run) => Condition::Modified(found.modified),
                _ => Condition::Absent,
            };
            let gone = Commit::default().when(key, condition);
            let change = |zones: &mut Zones| match is_orphaned.load(Ordering::Relaxed) {
                true => zones.take(zone, Some(from), &me.name, me.run).map(|()| true),
                false => Ok(false),
            };
            record.change(gone, change).await
        }
        Duty::Give { zone, to } => {
            let change = |zones: &mut Zones| zones.give(zone, (&me.name, me.run), &to.name, to.run).map(|()| true);
            record.change(Commit::default(), change).await
        }
    }
}

/// Says what came of it. Gives by how much the counts of zones that were taken and given rise.
pub(super) fn report(duty: &Duty, done: &Result<bool, ZoneChangeError>) -> (u64, u64) {
    match (duty, done) {
        (Duty::Take { zone, .. }, Ok(true)) => tracing::info!(%zone, "this host takes a zone"),
        (Duty::TakeOver { zone, from }, Ok(true)) => {
            tracing::warn!(%zone, from = %from.host, "this host takes over the zone of a host that is gone");
        }
        (Duty::Give { zone, to }, Ok(true)) => tracing::info!(%zone, to = %to.name, "this host gives a zone away"),
        (_, Ok(false)) => {}
        // Another host was faster, the owner is alive after all, or the registry is away.
        (duty, Err(error)) => tracing::debug!(?duty, %error, "the zones stay as they are"),
    }
    match (duty, done) {
        (_, Err(_) | Ok(false)) => (0, 0),
        (Duty::Give { .. }, Ok(true)) => (0, 1),
        (Duty::Take { .. } | Duty::TakeOver { .. }, Ok(true)) => (1, 0),
    }
}
