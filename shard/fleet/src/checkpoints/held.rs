//! An account at this host, and what is asked of the bucket about it.

use super::answer::BucketError;
use super::tasks::{Changed, Desk, Entered};
use crate::model::RunId;
use ringshard::game::AccountId;
use ringshard::runtime::fleet::Stay;
use std::hash::{DefaultHasher, Hash, Hasher};
use tokio::time::Instant;

/// An account at this host.
pub(super) struct Held {
    /// Distinguishes it from what was there before: a task that was begun then says nothing about this.
    pub serial: u64,
    pub core: usize,
    pub player: u64,
    /// None while it enters.
    pub stay: Option<Stay>,
    pub phase: Phase,
    /// Who wants it next.
    pub next: Option<Next>,
    /// The number of the record's last change, if that was this host's.
    pub revision: Option<u64>,
    /// What was written last, and when.
    pub written: Option<(u64, Instant)>,
    pub job: Option<Job>,
    pub is_busy: bool,
    /// When its job is tried again.
    pub again_at: Option<Instant>,
    /// Whether it is in the queue of jobs.
    pub is_queued: bool,
    /// What the last stay here has left, and the bucket does not have: its end. If the next player does not get into the world, that
    /// is written after all.
    pub unwritten: Option<Job>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// A client waits until then.
    Entering { until: Instant, asked: Option<(RunId, Instant)> },
    /// The player is at its core.
    Here,
    /// Its core is to let it go; nothing of it is written any more.
    Superseded,
    /// The player is at no core any more.
    Leaving,
}

/// Who wants an account that is here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    Host(RunId),
    Client { core: usize, player: u64, until: Instant },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Job {
    /// `until`: then its client is refused.
    Enter { takes_over: bool, until: Instant },
    /// With no state: the player has left for good.
    Write { state: Option<Vec<u8>> },
    /// Nothing has changed, but the account may have entered elsewhere.
    Verify,
}

pub(super) enum Finished {
    Opened(Result<(), BucketError>),
    Entered { account: AccountId, serial: u64, entered: Entered },
    Changed { account: AccountId, serial: u64, hash: Option<u64>, changed: Changed, job: Job },
}

impl Held {
    pub fn new(serial: u64, core: usize, player: u64, stay: Option<Stay>, phase: Phase) -> Self {
        let (next, revision, written, job, again_at, unwritten) = (None, None, None, None, None, None);
        let (is_busy, is_queued) = (false, false);
        Held {
            serial,
            core,
            player,
            stay,
            phase,
            next,
            revision,
            written,
            job,
            is_busy,
            again_at,
            is_queued,
            unwritten,
        }
    }
}

/// Asks the bucket. `revision` is the number of the record's last change, if that was this host's.
pub(super) async fn carry_out(
    desk: &Desk,
    (account, serial): (AccountId, u64),
    stay: Option<Stay>,
    revision: Option<u64>,
    job: Job,
) -> Finished {
    if let Job::Enter { takes_over, until } = job {
        return Finished::Entered { account, serial, entered: desk.enter(account, takes_over, until).await };
    }
    let stay = stay.expect("an account that has entered has a stay");
    let (hash, changed) = match &job {
        Job::Write { state } => {
            (state.as_deref().map(hash_of), desk.write(account, stay, revision, state.clone()).await)
        }
        _ => (None, desk.verify(account, stay).await),
    };
    Finished::Changed { account, serial, hash, changed, job }
}

/// To tell whether a state has changed.
pub(super) fn hash_of(state: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}
