//! Accounts that enter.

use super::Players;
use crate::checkpoints::answer::Standing;
use crate::checkpoints::held::{Job, Next, Phase};
use crate::checkpoints::output::Output;
use crate::checkpoints::tasks::Entered;
use crate::model::RunId;
use ringshard::game::AccountId;
use ringshard::runtime::fleet::{Recall, Stay, ToCore};
use std::time::Duration;
use tokio::time::Instant;

/// A client that has waited so long is refused: its account may have a checkpoint, which a newcomer would replace.
const ENTER_PATIENCE: Duration = Duration::from_secs(2);
/// Time after which the bucket is asked again that did not answer, while a client waits.
pub(super) const SOON: Duration = Duration::from_millis(100);
/// How long another host may take to let an account go. Then it is taken.
const RELEASE_PATIENCE: Duration = Duration::from_secs(1);

impl Players {
    /// Another host has let an account go.
    pub fn answered(&mut self, by: RunId, account: AccountId) {
        let Some(held) = self.held.get_mut(&account) else { return };
        if let Phase::Entering { asked: Some((run, _)), .. } = held.phase
            && run == by
        {
            self.ask_bucket(account, true);
        }
        self.start_tasks();
    }

    pub(super) fn enters(&mut self, core: usize, player: u64, account: AccountId) {
        let now = Instant::now();
        let until = match self.standing() {
            Standing::Opening => self.opening_until.max(now + ENTER_PATIENCE),
            Standing::Open | Standing::Absent => now + ENTER_PATIENCE,
        };
        let next = Next::Client { core, player, until };
        match self.held.get(&account).map(|held| held.phase) {
            None => self.begin_entering(core, player, account, until),
            Some(Phase::Entering { .. }) => self.refuse(core, player),
            Some(Phase::Here) => self.release(account, next),
            Some(Phase::Superseded | Phase::Leaving) => self.set_next(account, next),
        }
    }

    pub(super) fn begin_entering(&mut self, core: usize, player: u64, account: AccountId, until: Instant) {
        if self.standing() == Standing::Absent {
            // If a bucket opens later, each record in it is of a later stay than this one.
            let stay = self.desk.stay_at(0, 0);
            return self.enter_without(core, player, account, stay, None);
        }
        self.hold(core, player, account, None, Phase::Entering { until, asked: None });
        self.timed.insert(account);
        self.ask_bucket(account, false);
    }

    /// The bucket does not take the end of an account's stay. It is over all the same: the client that waits for it enters, with what
    /// is known here. The next stay goes on under the number of the last one, as if the player had moved: if the account has entered
    /// elsewhere meanwhile, that counts.
    pub(super) fn go_on(&mut self, account: AccountId) {
        let held = self.held.get_mut(&account).expect("it is here");
        let stay = held.stay.expect("it has entered");
        let Some(Next::Client { core, player, .. }) = held.next else { return self.gone(account) };
        let unwritten = held.unwritten.take();
        let state =
            unwritten.as_ref().and_then(|job| if let Job::Write { state } = job { state.clone() } else { None });
        let stay = Stay { moves: stay.moves + 1, ..stay };
        self.enter_without(core, player, account, stay, state);
        self.held.get_mut(&account).expect("it is here").unwritten = unwritten;
    }

    /// NATS has no JetStream: nobody waits for the bucket any more.
    pub(super) fn go_on_without(&mut self) {
        let waiting: Vec<_> = self.held.iter().map(|(account, held)| (*account, held.phase)).collect();
        for (account, phase) in waiting {
            match phase {
                Phase::Leaving => self.go_on(account),
                Phase::Entering { until, .. } => {
                    let held = self.held.remove(&account).expect("it was found");
                    self.begin_entering(held.core, held.player, account, until);
                }
                Phase::Here | Phase::Superseded => {}
            }
        }
    }

    fn enter_without(&mut self, core: usize, player: u64, account: AccountId, stay: Stay, state: Option<Vec<u8>>) {
        self.counters.without += 1;
        self.hold(core, player, account, Some(stay), Phase::Here);
        self.recall(core, player, Recall::Enter { stay, state });
    }

    pub(super) fn ask_bucket(&mut self, account: AccountId, takes_over: bool) {
        let held = &self.held[&account];
        let Phase::Entering { until, .. } = held.phase else { panic!("it has entered: {:?}", held.phase) };
        self.set_job(account, Job::Enter { takes_over, until });
    }

    pub(super) fn entered(&mut self, account: AccountId, entered: Entered) {
        let held = self.held.get_mut(&account).expect("it is here");
        let (core, player) = (held.core, held.player);
        let Phase::Entering { until, asked } = held.phase else { return };
        match entered {
            Entered::Here { stay, revision, state } => {
                (held.phase, held.stay, held.revision) = (Phase::Here, Some(stay), Some(revision));
                self.counters.restored += u64::from(state.is_some());
                self.recall(core, player, Recall::Enter { stay, state });
            }
            Entered::Owned { by } if asked.is_none() && (self.alive.contains(&by) || !self.has_heard_all) => {
                held.phase = Phase::Entering { until, asked: Some((by, Instant::now() + RELEASE_PATIENCE)) };
                self.timed.insert(account);
                self.out.push_back(Output::Ask(by, account));
            }
            Entered::Owned { .. } => self.ask_bucket(account, true),
            Entered::Failed(error) => {
                tracing::debug!(%account, error, "a checkpoint was not read: the bucket is asked again while the client waits");
                held.job = Some(Job::Enter { takes_over: asked.is_some(), until });
                held.again_at = Some(Instant::now() + SOON);
            }
        }
    }

    pub(super) fn refuse(&mut self, core: usize, player: u64) {
        self.recall(core, player, Recall::Refuse);
    }

    fn recall(&mut self, core: usize, player: u64, recall: Recall) {
        self.out.push_back(Output::ToCore(core, ToCore::Recalled { player, recall }));
    }
}
