//! What a host does about the accounts at its cores: see the folder's page.
//!
//! ```text
//!            a client enters        the record is this host's          the player leaves
//!  (nothing) -------------> Entering -----------------------> Here -----------------------> Leaving --> (nothing)
//!                              |                               |                               ^
//!                              | another live host has it:     | another host, or another      |
//!                              | that one is asked first       | client here, asks for it -----+
//! ```

mod entering;
mod opening;

use super::AGE_MAX;
use super::answer::Standing;
use super::held::{Finished, Held, Job, Next, Phase, carry_out, hash_of};
use super::output::Output;
use super::tasks::{Changed, Desk};
use crate::model::RunId;
use entering::SOON;
use opening::OPENING;
use ringshard::game::AccountId;
use ringshard::runtime::fleet::{FromCore, Stay, StayEnd, ToCore};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Questions to the bucket at a time.
const TASKS_MAX: usize = 64;
/// Time after which a bucket is asked again that did not answer.
const AGAIN: Duration = Duration::from_secs(5);
/// A record that has not changed is written again after this time, so that it does not become too old.
const REFRESH: Duration = AGE_MAX.checked_div(4).expect("four is not zero");
/// Accounts that wait for something, or for their turn at the bucket. While more do, the end of a stay is not written.
const LEAVING_MAX: usize = 16_384;

/// What is counted of players.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct PlayerCounters {
    /// Whether the bucket is open.
    pub is_open: bool,
    /// Accounts at this host.
    pub accounts: u64,
    /// Checkpoints that the bucket has taken.
    pub written: u64,
    /// Checkpoints that were left out, because the player had not changed.
    pub unchanged: u64,
    /// Checkpoints and ends of stays that the bucket has not taken. Ends of stays are tried again; after a checkpoint the
    /// next one comes anyway.
    pub failed: u64,
    /// Records of players that have left for good.
    pub left: u64,
    /// Clients that entered with a checkpoint.
    pub restored: u64,
    /// Clients that entered without the bucket: as they had just left this host, or as newcomers because NATS has no JetStream.
    pub without: u64,
    /// Clients that were refused, because the bucket did not answer in time.
    pub kept_out: u64,
    /// Players that left, because their account has entered elsewhere.
    pub released: u64,
    /// The same, and this host learned it from the record, or because a later stay is at another of its cores: what its player
    /// did meanwhile is lost.
    pub superseded: u64,
    /// Values that were no record of their account.
    pub refused: u64,
}

/// Keeps the checkpoints of a host's players.
pub(super) struct Players {
    desk: Arc<Desk>,
    is_open: bool,
    /// False: NATS has said for a while that it has none. It is true again when a bucket is open.
    has_jetstream: bool,
    /// Since when it has said so.
    without_since: Option<Instant>,
    /// Until then clients wait for a bucket that does not open.
    opening_until: Instant,
    /// When the bucket is opened next. None: it is being opened, or open.
    open_at: Option<Instant>,
    is_opening: bool,
    /// What the log has last said about a bucket that does not open.
    complained_of: Option<Standing>,
    held: BTreeMap<AccountId, Held>,
    /// Accounts that wait for something until some time.
    timed: BTreeSet<AccountId>,
    /// Accounts that have a job, in order: first those that enter or leave.
    urgent: VecDeque<AccountId>,
    queue: VecDeque<AccountId>,
    tasks: JoinSet<Finished>,
    out: VecDeque<Output>,
    /// Runs of other hosts that are heard.
    alive: BTreeSet<RunId>,
    /// Whether these are all that live.
    has_heard_all: bool,
    /// Whether a core has ended, so that the process soon does.
    is_ending: bool,
    /// Counts what was held.
    serial: u64,
    counters: PlayerCounters,
}

impl Players {
    pub fn new(desk: Arc<Desk>) -> Self {
        Players {
            desk,
            is_open: false,
            has_jetstream: true,
            without_since: None,
            opening_until: Instant::now() + OPENING,
            open_at: Some(Instant::now()),
            is_opening: false,
            complained_of: None,
            held: BTreeMap::new(),
            timed: BTreeSet::new(),
            urgent: VecDeque::new(),
            queue: VecDeque::new(),
            tasks: JoinSet::new(),
            out: VecDeque::new(),
            alive: BTreeSet::new(),
            has_heard_all: false,
            is_ending: false,
            serial: 0,
            counters: PlayerCounters::default(),
        }
    }

    /// The counters.
    pub fn counters(&self) -> PlayerCounters {
        PlayerCounters {
            is_open: self.is_open,
            accounts: self.held.len() as u64,
            refused: self.desk.refused.load(Ordering::Relaxed),
            ..self.counters
        }
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// A core says something about an account. Other letters are not the keeper's.
    pub fn hear_core(&mut self, core: usize, letter: FromCore) {
        match letter {
            FromCore::Enters { player, account } => self.enters(core, player, account),
            FromCore::Checkpoint { player, account, stay, state } => {
                self.checkpoint(core, player, account, stay, state)
            }
            FromCore::Ended { player, account, stay, end } => self.ended(core, player, account, stay, end),
            _ => {}
        }
        self.start_tasks();
    }

    /// A core has ended. What it has not said of an account, it will not say any more.
    pub fn core_ended(&mut self, core: usize) {
        self.is_ending = true;
        let waits = |next: &mut Next| matches!(next, Next::Client { core: at, .. } if *at == core);
        let soon = Instant::now() + SOON;
        for held in self.held.values_mut() {
            held.next.take_if(waits);
            held.again_at = held.again_at.map(|at| at.min(soon));
        }
        let is_there = |held: &Held| held.core == core && held.phase != Phase::Leaving;
        let there: Vec<_> = self.held.iter().filter(|(_, held)| is_there(held)).map(|(account, _)| *account).collect();
        let were_inside = there.iter().filter(|account| self.held[account].written.is_some()).count();
        if were_inside > 0 {
            self.counters.failed += were_inside as u64;
            tracing::warn!(
                core,
                players = were_inside,
                "a core ended without the last state of players: they come back from checkpoints"
            );
        }
        there.into_iter().for_each(|account| self.gone(account));
    }

    /// Another host asks to let an account go.
    pub fn asked(&mut self, by: RunId, account: AccountId) {
        match self.held.get_mut(&account) {
            Some(held) if held.phase == Phase::Here => self.release(account, Next::Host(by)),
            Some(held) if held.phase == Phase::Leaving => {
                held.next.get_or_insert(Next::Host(by));
                self.hurry(account);
            }
            // It goes on with what is in the bucket.
            _ => self.out.push_back(Output::Answer(by, account)),
        }
    }

    /// Looks at what takes too long.
    pub fn tick(&mut self, alive: &BTreeSet<RunId>, is_complete: bool) {
        self.alive.clone_from(alive);
        self.has_heard_all = is_complete;
        let now = Instant::now();
        self.open(now);
        for account in std::mem::take(&mut self.timed) {
            self.look_at(now, account);
        }
        self.start_tasks();
    }

    /// Waits until the bucket has answered something.
    pub async fn hear_bucket(&mut self) {
        let finished = match self.tasks.join_next().await {
            Some(finished) => finished.expect("a task does not panic"),
            None => return std::future::pending().await,
        };
        match finished {
            Finished::Opened(opened) => self.opened(opened),
            Finished::Entered { account, serial, entered } => {
                if self.has_finished(account, serial) {
                    self.entered(account, entered);
                }
            }
            Finished::Changed { account, serial, hash, changed, job } => {
                self.count(&changed, &job);
                if self.has_finished(account, serial) {
                    self.changed(account, hash, changed, job);
                }
            }
        }
        self.start_tasks();
    }

    fn checkpoint(&mut self, core: usize, player: u64, account: AccountId, stay: Stay, state: Vec<u8>) {
        let known = self.held.get(&account).map(|held| (held.stay, held.phase));
        match known {
            // It has come from another host, or has come back.
            None => self.hold(core, player, account, Some(stay), Phase::Here),
            Some((Some(known), _)) if known < stay => {
                let next = self.held.get_mut(&account).and_then(|held| held.next.take());
                self.hold(core, player, account, Some(stay), Phase::Here);
                self.disappoint(account, next);
            }
            Some((Some(known), _)) if known > stay => {
                self.counters.superseded += 1;
                return self.out.push_back(Output::ToCore(core, ToCore::Release { player }));
            }
            Some((Some(_), Phase::Here)) => {}
            // A client enters with the account at this moment; or the core is about to let it go.
            Some(_) => return,
        }
        if !self.is_open {
            return;
        }
        let held = self.held.get_mut(&account).expect("it is here");
        let is_fresh = |(hash, at): (u64, Instant)| hash == hash_of(&state) && at.elapsed() < REFRESH;
        if held.job.is_none() && !held.is_busy && held.written.is_some_and(is_fresh) {
            self.counters.unchanged += 1;
            return self.set_job(account, Job::Verify);
        }
        self.set_job(account, Job::Write { state: Some(state) });
    }

    fn ended(&mut self, core: usize, player: u64, account: AccountId, stay: Stay, end: StayEnd) {
        // It has come from another host, and has left before its first checkpoint.
        if !self.held.contains_key(&account) && matches!(end, StayEnd::Left | StayEnd::Released(Some(_))) {
            self.hold(core, player, account, Some(stay), Phase::Here);
        }
        let Some(held) = self.held.get_mut(&account).filter(|held| held.stay == Some(stay)) else { return };
        let is_superseded = held.phase == Phase::Superseded;
        self.counters.released +=
            u64::from(!is_superseded && held.next.is_some() && matches!(end, StayEnd::Released(_)));
        held.phase = Phase::Leaving;
        held.job = None;
        let job = match end {
            // What is in the bucket is another host's.
            _ if is_superseded => return self.gone(account),
            StayEnd::Left => Job::Write { state: None },
            StayEnd::Released(Some(state)) => Job::Write { state: Some(state) },
            // What its account has left here before is still to be written.
            StayEnd::Kept | StayEnd::Released(None) => match held.unwritten.take() {
                Some(job) => job,
                None => return self.gone(account),
            },
        };
        held.unwritten = Some(job.clone());
        if self.standing() == Standing::Absent {
            return self.go_on(account);
        }
        // It may be in the other queue: what is found there later has no job.
        self.held.get_mut(&account).expect("it is here").is_queued = false;
        self.set_job(account, job);
        if self.timed.len() + self.urgent.len() > LEAVING_MAX {
            self.gone(account);
        }
    }

    fn count(&mut self, changed: &Changed, job: &Job) {
        match (changed, job) {
            (Changed::Done(_), Job::Write { state: Some(_) }) => self.counters.written += 1,
            (Changed::Done(_), Job::Write { state: None }) => self.counters.left += 1,
            (Changed::Done(_), _) => {}
            (Changed::Failed(_), _) => self.counters.failed += 1,
            (Changed::Superseded, _) => {}
        }
    }

    fn changed(&mut self, account: AccountId, hash: Option<u64>, changed: Changed, job: Job) {
        let held = self.held.get_mut(&account).expect("it is here");
        match (changed, held.phase) {
            (Changed::Done(revision), Phase::Leaving) if held.job.is_some() => {
                held.revision = Some(revision);
                self.requeue(account);
            }
            (Changed::Done(_) | Changed::Superseded, Phase::Leaving) => self.gone(account),
            (Changed::Done(revision), _) => {
                held.revision = Some(revision);
                if let Some(hash) = hash {
                    (held.written, held.unwritten) = (Some((hash, Instant::now())), None);
                }
                self.requeue(account);
            }
            (Changed::Superseded, Phase::Here) => {
                let (core, player) = (held.core, held.player);
                (held.phase, held.job) = (Phase::Superseded, None);
                self.counters.superseded += 1;
                tracing::warn!(%account, "a player leaves: its account has entered elsewhere");
                self.out.push_back(Output::ToCore(core, ToCore::Release { player }));
            }
            (Changed::Superseded, _) => {}
            (Changed::Failed(error), phase) => {
                tracing::debug!(%account, error, "a checkpoint was not written");
                (held.revision, held.written) = (None, None);
                if phase == Phase::Leaving {
                    held.job.get_or_insert(job);
                    let pause = if held.next.is_some() || self.is_ending { SOON } else { AGAIN };
                    held.again_at = Some(Instant::now() + pause);
                    self.timed.insert(account);
                } else {
                    // The next checkpoint comes anyway.
                    self.requeue(account);
                }
            }
        }
    }

    /// An account is not at this host any more: who wants it gets it.
    fn gone(&mut self, account: AccountId) {
        match self.held.remove(&account).and_then(|held| held.next) {
            None => {}
            Some(Next::Host(run)) => self.out.push_back(Output::Answer(run, account)),
            Some(Next::Client { core, player, until }) => self.begin_entering(core, player, account, until),
        }
    }

    /// Asks the core to let an account go, for the next.
    fn release(&mut self, account: AccountId, next: Next) {
        let held = &self.held[&account];
        if held.next.is_none() {
            self.out.push_back(Output::ToCore(held.core, ToCore::Release { player: held.player }));
        }
        self.set_next(account, next);
    }

    /// Of two who want an account, the later one gets it.
    fn set_next(&mut self, account: AccountId, next: Next) {
        let former = self.held.get_mut(&account).and_then(|held| held.next.replace(next));
        self.disappoint(account, former);
        self.hurry(account);
    }

    /// Somebody waits for an account: the bucket is asked again soon.
    fn hurry(&mut self, account: AccountId) {
        if let Some(again_at) = self.held.get_mut(&account).and_then(|held| held.again_at.as_mut()) {
            *again_at = (*again_at).min(Instant::now() + SOON);
        }
        self.timed.insert(account);
    }

    fn disappoint(&mut self, account: AccountId, next: Option<Next>) {
        match next {
            None => {}
            Some(Next::Host(run)) => self.out.push_back(Output::Answer(run, account)),
            Some(Next::Client { core, player, .. }) => self.refuse(core, player),
        }
    }

    fn look_at(&mut self, now: Instant, account: AccountId) {
        let Some(held) = self.held.get_mut(&account) else { return };
        let (core, player) = (held.core, held.player);
        match held.phase {
            // What is being asked of the bucket may still let it in.
            Phase::Entering { until, .. } if now >= until && !held.is_busy => {
                self.held.remove(&account);
                self.counters.kept_out += 1;
                return self.refuse(core, player);
            }
            Phase::Entering { until, asked: Some((run, at)) } if now >= at => {
                held.phase = Phase::Entering { until, asked: Some((run, until)) };
                self.ask_bucket(account, true);
            }
            _ => {}
        }
        let Some(held) = self.held.get_mut(&account) else { return };
        if let Some(Next::Client { core, player, until }) = held.next
            && now >= until
        {
            if held.phase == Phase::Leaving {
                return self.go_on(account);
            }
            held.next = None;
            self.refuse(core, player);
        }
        let Some(held) = self.held.get_mut(&account) else { return };
        if held.again_at.is_some_and(|at| now >= at) {
            held.again_at = None;
            self.requeue(account);
        }
        let held = &self.held[&account];
        if matches!(held.phase, Phase::Entering { .. }) || held.next.is_some() || held.again_at.is_some() {
            self.timed.insert(account);
        }
    }

    fn set_job(&mut self, account: AccountId, job: Job) {
        self.held.get_mut(&account).expect("it is here").job = Some(job);
        self.requeue(account);
    }

    fn requeue(&mut self, account: AccountId) {
        let Some(held) = self.held.get_mut(&account) else { return };
        if held.job.is_some() && !held.is_busy && held.again_at.is_none() && !held.is_queued {
            held.is_queued = true;
            let is_urgent = matches!(held.phase, Phase::Entering { .. } | Phase::Leaving);
            if is_urgent { &mut self.urgent } else { &mut self.queue }.push_back(account);
        }
    }

    fn start_tasks(&mut self) {
        while self.tasks.len() < TASKS_MAX
            && let Some(account) = self.urgent.pop_front().or_else(|| self.queue.pop_front())
        {
            let Some(held) = self.held.get_mut(&account) else { continue };
            held.is_queued = false;
            if held.is_busy {
                continue;
            }
            let Some(job) = held.job.take() else { continue };
            held.is_busy = true;
            let (desk, of, stay, revision) = (self.desk.clone(), (account, held.serial), held.stay, held.revision);
            self.tasks.spawn(async move { carry_out(&desk, of, stay, revision, job).await });
        }
    }

    fn hold(&mut self, core: usize, player: u64, account: AccountId, stay: Option<Stay>, phase: Phase) {
        self.serial += 1;
        self.held.insert(account, Held::new(self.serial, core, player, stay, phase));
    }

    /// Whether a task that has finished is about what is held now.
    fn has_finished(&mut self, account: AccountId, serial: u64) -> bool {
        let held = self.held.get_mut(&account).filter(|held| held.serial == serial);
        held.map(|held| held.is_busy = false).is_some()
    }
}
