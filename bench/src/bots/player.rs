//! A bot that plays: a real client of the demonstration, which keeps a view of the world, predicts and reports digests.

use super::answers::Answers;
use super::brain::Brain;
use super::observations::{Observations, SnapshotCounts};
use super::shared::Shared;
use crate::load::fleet::Member;
use ringshard_client::{Channel, Client, News};
use ringshard_demo_rules::{DemoRules, Event};
use ringshard_protocol::client::{Client as Connection, ClientConfig, CloseReason};
use ringshard_protocol::time::Instant;
use ringshard_world::character::states;
use ringshard_world::contract::Text;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// One in this many snapshots is compared entity by entity.
const CLOSE_LOOK: u64 = 16;

pub struct Player {
    client: Option<Box<Client<DemoRules>>>,
    brain: Brain,
    shared: Arc<Shared>,
    has_entered: bool,
    /// Near distance, in units.
    near: f32,
    answers: Answers,
    /// Snapshots that were looked at.
    looked: u64,
    pub counts: SnapshotCounts,
    pub observations: Box<Observations>,
}

impl Player {
    pub fn new(brain: Brain, near: f32, shared: Arc<Shared>) -> Self {
        Player {
            client: None,
            brain,
            shared,
            has_entered: false,
            near,
            answers: Answers::default(),
            looked: 0,
            counts: SnapshotCounts::default(),
            observations: Box::new(Observations::new()),
        }
    }

    pub fn client(&self) -> &Client<DemoRules> {
        self.client.as_ref().expect("a member begins first")
    }

    fn client_mut(&mut self) -> &mut Client<DemoRules> {
        self.client.as_mut().expect("a member begins first")
    }

    /// Counts what a datagram has brought.
    fn observe(&mut self, now: Instant, before: SnapshotCounts) {
        let stats = self.client().stats();
        if stats.snapshots == before.snapshots {
            self.counts.faulty += (stats.snapshots_refused + stats.malformed).saturating_sub(before.faulty);
            return;
        }
        let measures = self.shared.measure.load(Ordering::Relaxed);
        let newest = self.client().view().newest();
        let tick = self.client().view().tick();
        if newest.is_some_and(|newest| newest.input_age == 0) {
            self.answers.answered(tick, now, measures.then_some(&mut *self.observations));
        }
        if !measures {
            return;
        }
        let after = self.totals();
        let Player { counts, client: Some(client), .. } = self else { return };
        counts.snapshots += after.snapshots - before.snapshots;
        counts.snapshot_bytes += after.snapshot_bytes - before.snapshot_bytes;
        counts.looked += after.looked - before.looked;
        counts.looked_bytes += after.looked_bytes - before.looked_bytes;
        counts.updates += after.updates - before.updates;
        counts.predicted += after.predicted - before.predicted;
        counts.mispredicted += after.mispredicted - before.mispredicted;
        counts.inputs_missed += after.inputs_missed - before.inputs_missed;
        counts.faulty += after.faulty - before.faulty;
        counts.visible += client.view().len() as u64;
        self.looked += 1;
        if self.looked.is_multiple_of(CLOSE_LOOK) {
            self.compare_entities();
        }
    }

    /// What its client has counted since the start.
    fn totals(&self) -> SnapshotCounts {
        let stats = self.client().stats();
        SnapshotCounts {
            snapshots: stats.snapshots,
            snapshot_bytes: stats.snapshot_bytes,
            looked: stats.snapshots,
            looked_bytes: stats.snapshot_bytes,
            updates: stats.updates,
            predicted: stats.predicted,
            mispredicted: stats.mispredicted,
            inputs_missed: stats.inputs_missed,
            faulty: stats.snapshots_refused + stats.malformed,
            ..SnapshotCounts::default()
        }
    }

    fn compare_entities(&mut self) {
        let Player { client: Some(client), observations, near, .. } = self else { return };
        let (view, map) = (client.view(), client.map());
        let Some(own) = client.scene().own_pose() else { return };
        let (from, near) = (map.quantise(own.point), u64::from(map.steps_of(*near)).pow(2));
        for seen in view.entities().filter(|seen| Some(seen.id()) != client.scene().body()) {
            let state = seen.state();
            let stale = view.tick().saturating_sub(seen.tick());
            let is_near = state.position.distance_squared(from) <= near;
            let class = match (state.shown.is(states::MOVING), is_near) {
                (true, true) => {
                    observations.near_staleness.saturating_record(stale);
                    0
                }
                (true, false) => {
                    observations.far_staleness.saturating_record(stale);
                    1
                }
                (false, _) => 2,
            };
            observations.classes[class].seen += 1;
            observations.classes[class].fresh += u64::from(stale == 0);
        }
    }

    /// Takes what the client tells; returns why its connection is gone, if it says so.
    fn take_news(&mut self) -> Option<CloseReason> {
        let mut closed = None;
        while let Some(news) = self.client_mut().news() {
            match news {
                News::Entered { .. } if !std::mem::replace(&mut self.has_entered, true) => {
                    self.shared.entered.fetch_add(1, Ordering::Relaxed);
                }
                News::Spawned(_) => self.counts.entered += u64::from(self.shared.measure.load(Ordering::Relaxed)),
                News::Despawned(_) => self.counts.left += u64::from(self.shared.measure.load(Ordering::Relaxed)),
                News::Event(Event::Said { .. }) => self.counts.chats += 1,
                News::Closed(reason) => closed = Some(reason),
                _ => {}
            }
        }
        closed
    }
}

impl Member for Player {
    fn begin(&mut self, config: ClientConfig, now: Instant, seed: [u8; 32]) {
        let rules = self.shared.rules.clone();
        let client = Client::new(rules, config, &[], now, seed).expect("the server's key is valid");
        self.client = Some(Box::new(client));
    }

    fn connection(&self) -> &Connection {
        self.client().connection()
    }

    fn connection_mut(&mut self) -> &mut Connection {
        self.client_mut().connection_mut()
    }

    fn receive(&mut self, now: Instant, datagram: &mut [u8], _buffer: &mut Vec<u8>) -> bool {
        let before = self.totals();
        self.client_mut().receive(now, datagram);
        self.observe(now, before);
        // In the world, everything waits for the next input.
        !self.client().is_in_world()
    }

    fn serve(&mut self, now: Instant) -> Option<CloseReason> {
        let due = self.client_mut().advance(now);
        for _ in 0..due {
            let own = self.client().scene().own().copied();
            let input = self.brain.input(own.as_ref());
            self.client_mut().input(&input);
            let tick = self.client().scene().tick();
            self.answers.expect(u64::from(tick), now);
            if self.brain.speaks() {
                let event = Event::Say { text: Text::new("good evening") };
                self.client_mut().tell(Channel::RELIABLE_ORDERED, &event);
            }
        }
        self.client_mut().flush(now);
        self.take_news()
    }

    fn deadline(&self) -> Instant {
        self.client().deadline()
    }
}
