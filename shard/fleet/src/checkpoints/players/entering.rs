//! Accounts that enter.

use super::Players;
use crate::checkpoints::answer::Standing;
use crate::checkpoints::held::{Job, Next, Phase};
use crate::checkpoints::output::Output;
use crate::checkpoints::tasks::Entered;
use crate::model::RunId;
use ringshard::game::AccountId;
use ringshard::runtime::fleet::{Recall, ToCore};
use std::time::Duration;
use tokio::time::Instant;

/// A client that has waited so long enters without its checkpoint.
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
            self.set_job(account, Job::Enter { takes_over: true });
        }
        self.start_tasks();
    }

    pub(super) fn enters(&mut self, core: usize, player: u64, account: AccountId) {
        let now = Instant::now();
        let until = match self.standing() {
            Standing::Missing => return self.enter_without(core, player, account, None),
            Standing::Opening => self.opening_until.max(now + ENTER_PATIENCE),
            Standing::Open => now + ENTER_PATIENCE,
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
        self.hold(core, player, account, None, Phase::Entering { until, asked: None });
        self.timed.insert(account);
        self.set_job(account, Job::Enter { takes_over: false });
    }

    /// The bucket has not answered. `state` is the player as it has just left this host. Its record is found at the first
    /// checkpoint, which replaces it.
    pub(super) fn enter_without(&mut self, core: usize, player: u64, account: AccountId, state: Option<Vec<u8>>) {
        self.counters.without += 1;
        let former = self.held.get(&account).and_then(|held| held.stay).map_or(0, |stay| stay.number);
        let stay = self.desk.stay_at(self.desk.clock.now_ms(), former);
        self.hold(core, player, account, Some(stay), Phase::Here);
        self.recall(core, player, Recall::Enter { stay, state });
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
            Entered::Owned { by } if asked.is_none() && self.alive.contains(&by) => {
                held.phase = Phase::Entering { until, asked: Some((by, Instant::now() + RELEASE_PATIENCE)) };
                self.timed.insert(account);
                self.out.push_back(Output::Ask(by, account));
            }
            Entered::Owned { .. } => self.set_job(account, Job::Enter { takes_over: true }),
            Entered::Failed(error) => {
                tracing::debug!(%account, error, "a checkpoint was not read: the bucket is asked again while the client waits");
                held.job = Some(Job::Enter { takes_over: asked.is_some() });
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
