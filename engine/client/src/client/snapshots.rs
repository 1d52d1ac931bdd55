//! What snapshots bring: entities, the own state, and the feedback that the clocks follow.

use super::Client;
use super::news::News;
use ringshard_world::Rules;
use ringshard_world::clock::{InputClock, ShownClock};
use ringshard_world::messages::{NO_LEAD, Owner, SnapshotHeader};
use ringshard_world::prediction::Reconciled;
use ringshard_world::view::Change;

/// At most so many ticks are stepped to where a clock starts.
const START_TICKS_MAX: u64 = 100;

impl<R: Rules> Client<R> {
    pub(super) fn take_snapshot(&mut self, message: &[u8]) {
        if !self.is_in_world() {
            self.stats.snapshots_outside += 1;
            return;
        }
        let Client { view, news, stats, .. } = self;
        let former = view.newest();
        let mut tells = false;
        let taken = view.take(message, |change| {
            tells = true;
            match change {
                Change::Entered(id) => news.push_back(News::Spawned(id)),
                Change::Left(id) => news.push_back(News::Despawned(id)),
                Change::Updated(_) => stats.updates += 1,
            }
        });
        match taken {
            Ok(true) => {}
            Ok(false) => {
                self.stats.snapshots_late += 1;
                return;
            }
            Err(_) => {
                self.stats.snapshots_refused += 1;
                self.is_inexact = true;
                return;
            }
        }
        self.stats.snapshots += 1;
        self.stats.snapshot_bytes += message.len() as u64;
        let (header, owner) = (self.view.newest().expect("a snapshot was taken"), *self.view.owner());
        let told = std::mem::replace(&mut self.told, tells);
        let follows = former.is_some_and(|former| header.number == former.number.wrapping_add(1));
        self.follow_arrival(follows && !(told && tells));
        self.follow_inputs(&header);
        self.take_owner(&owner);
        self.start_inputs();
    }

    /// The shown tick follows the arrivals. `is_quiet` is that of [`ShownClock::arrived`].
    fn follow_arrival(&mut self, is_quiet: bool) {
        let (now, tick) = (self.now, self.view.tick());
        match &mut self.shown_clock {
            Some(clock) => clock.arrived(now, tick, is_quiet),
            None => self.shown_clock = Some(ShownClock::start(now, tick, &self.interpolation)),
        }
        let clock = self.shown_clock.as_ref().expect("it was started");
        self.view.keep_history(clock.delay(&self.interpolation) as u64 + 2);
    }

    /// The clock of the inputs follows what the server says of their arrival.
    fn follow_inputs(&mut self, header: &SnapshotHeader) {
        let missed = header.input_age > 0 && header.lead != NO_LEAD;
        self.stats.inputs_missed += u64::from(missed);
        let (now, round_trip) = (self.now, self.round_trip());
        if let Some(clock) = &mut self.input_clock {
            clock.report(now, self.view.tick(), header.lead, missed, round_trip);
        }
    }

    fn take_owner(&mut self, owner: &Owner<R::Own>) {
        self.held_pose = None;
        let body_changed = owner.body != self.body;
        if body_changed {
            self.body = owner.body;
            self.news.push_back(News::BodyChanged(owner.body));
        }
        let is_first = self.prediction.is_empty();
        let reconciled = self.prediction.reconcile(&self.rules, self.view.tick(), owner.own);
        if !is_first && !matches!(reconciled, Reconciled::Forgotten) {
            self.stats.predicted += 1;
        }
        if let Reconciled::Corrected { former } = reconciled {
            self.stats.mispredicted += 1;
            self.show_correction(&former, body_changed);
        }
        if body_changed {
            // Nothing glides from one body to the next.
            self.smoother.clear();
        }
    }

    fn show_correction(&mut self, former: &R::Own, body_changed: bool) {
        let newest = self.prediction.own().expect("it was corrected");
        let (before, after) = (self.rules.pose(former), self.rules.pose(newest));
        let by = self.smoother.corrected(&before, &after, &self.smoothing);
        if by > 0.0 && !body_changed {
            self.stats.corrections += 1;
            self.worst_correction = self.worst_correction.max(by);
            self.news.push_back(News::Corrected { by });
        }
    }

    /// Starts the clock of the inputs, if it does not run. The ticks until the first input are stepped as the server steps
    /// them: without one.
    fn start_inputs(&mut self) {
        if self.input_clock.is_some() || !self.connection.is_connected() {
            return;
        }
        let clock = InputClock::start(self.now, self.view.tick(), self.round_trip());
        let last = (clock.tick() - 1).min(self.view.tick() + START_TICKS_MAX);
        while self.prediction.newest() < last {
            self.prediction.skip(&self.rules);
        }
        self.input_clock = Some(clock);
    }
}
