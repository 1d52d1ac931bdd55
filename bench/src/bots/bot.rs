//! A client in the demonstration world: it walks, rests, shoots and chats, keeps a view of the world, and reports a
//! digest of it.

use super::observations::{Observations, SnapshotCounts};
use super::shared::{Behaviour, Shared};
use crate::load::fleet::Workload;
use ringshard_demo::{CHAT, SHOOT};
use ringshard_protocol::client::{Client, ClientEvent};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Channel;
use ringshard_world::codec::{Reader, Writer};
use ringshard_world::entity::states;
use ringshard_world::messages::{Input, SnapshotHeader, Welcome, kinds};
use ringshard_world::view::Change;
use ringshard_world::{EntityId, Received, View};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Inputs per second.
pub const INPUT_HZ: u32 = 60;
const INPUT_PERIOD: Duration = Duration::from_nanos(1_000_000_000 / INPUT_HZ as u64);
/// Inputs from one digest to the next: one digest per second.
const DIGEST_PERIOD: u32 = 60;
/// Inputs until a bot decides again whether to walk or rest.
const MOOD: u32 = 2 * INPUT_HZ;
/// How often a connected bot checks whether it may enter the world.
const LOOK: Duration = Duration::from_millis(20);
/// Inputs that wait for an answer at once.
const INPUTS_WAITING: usize = 256;
/// One in this many snapshots is compared entity by entity.
const CLOSE_LOOK: u64 = 16;

pub struct Bot {
    behaviour: Behaviour,
    shared: Arc<Shared>,
    /// What it sees, if it observes.
    view: View,
    /// Which snapshots arrived, if it does not observe.
    received: Received,
    player: Option<EntityId>,
    /// Square of the near distance, in position steps.
    near: u64,
    wants_in: bool,
    /// When it next checks whether it may enter.
    next_look: Instant,
    next_input: Instant,
    /// Offset of its inputs within the input period.
    phase: Duration,
    number: u16,
    /// Unanswered inputs: number, and when each was due.
    waiting: VecDeque<(u16, Instant)>,
    /// The newest input that the last snapshots acknowledge.
    applied: Option<u16>,
    direction: u16,
    walks: bool,
    chance: u32,
    pub counts: SnapshotCounts,
    /// Only of bots that observe.
    pub observations: Option<Box<Observations>>,
}

impl Bot {
    /// Bots behind one relay send at the same phase of the period, as relays forward in batches.
    pub fn new(number: usize, relay: f64, behaviour: Behaviour, shared: Arc<Shared>, observes: bool) -> Self {
        Bot {
            behaviour,
            shared,
            view: View::new(),
            received: Received::default(),
            player: None,
            near: 0,
            wants_in: false,
            next_look: Instant::NEVER,
            next_input: Instant::NEVER,
            phase: Duration::from_nanos((relay * INPUT_PERIOD.as_nanos() as f64) as u64),
            number: 0,
            waiting: VecDeque::new(),
            applied: None,
            direction: 0,
            walks: false,
            // Bots start with different random states.
            chance: (number as u32).wrapping_mul(0x9E37_79B9) | 1,
            counts: SnapshotCounts::default(),
            observations: observes.then(|| Box::new(Observations::new())),
        }
    }

    pub fn view(&self) -> &View {
        &self.view
    }

    /// A random number from 0 to 1.
    fn draw(&mut self) -> f64 {
        // Marsaglia's xorshift: good enough for behaviour.
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 17;
        self.chance ^= self.chance << 5;
        f64::from(self.chance) / f64::from(u32::MAX)
    }

    fn take_snapshot(&mut self, message: &[u8]) {
        let measures = self.shared.measure.load(Ordering::Relaxed);
        let faulty = match self.observations {
            Some(_) => self.read_snapshot(message, measures),
            None => self.acknowledge(message),
        };
        if measures {
            self.counts.faulty += u64::from(faulty);
            self.counts.snapshots += 1;
            self.counts.snapshot_bytes += message.len() as u64;
        }
    }

    /// Acknowledges a snapshot without reading it. Returns whether it is malformed.
    fn acknowledge(&mut self, message: &[u8]) -> bool {
        match SnapshotHeader::read(&mut Reader::new(message)) {
            Ok(header) if self.received.is_news(header) => {
                self.received.note(header);
                self.applied = Some(header.input);
                false
            }
            Ok(_) => false,
            Err(_) => true,
        }
    }

    /// Applies a snapshot to the view. Returns whether it is malformed.
    fn read_snapshot(&mut self, message: &[u8], measures: bool) -> bool {
        let (mut updates, mut entered, mut left) = (0, 0, 0);
        let taken = self.view.take(message, |change| match change {
            Change::Updated(_) => updates += 1,
            Change::Entered(_) => entered += 1,
            Change::Left(_) => left += 1,
        });
        self.applied = self.view.newest().map(|newest| newest.input);
        if measures {
            let counts = &mut self.counts;
            counts.looked += 1;
            counts.looked_bytes += message.len() as u64;
            counts.visible += self.view.len() as u64;
            counts.updates += updates;
            counts.entered += entered;
            counts.left += left;
            if counts.looked.is_multiple_of(CLOSE_LOOK) {
                self.compare_entities();
            }
        }
        taken.is_err()
    }

    fn compare_entities(&mut self) {
        let Some(own) = self.player.and_then(|player| self.view.entity(player)) else { return };
        let Some(observations) = &mut self.observations else { return };
        let from = own.state().position;
        for seen in self.view.entities() {
            let state = seen.state();
            let stale = self.view.tick().saturating_sub(seen.tick());
            let near = state.position.distance_squared(from) <= self.near;
            let class = match (state.states & states::MOVING != 0, near) {
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

    fn send_input(&mut self, now: Instant, client: &mut Client) {
        self.number = self.number.wrapping_add(1);
        if u32::from(self.number) % MOOD == 1 {
            self.walks = self.draw() < self.behaviour.moving;
            self.direction = (self.draw() * 65_535.0) as u16;
        }
        let stand_still = self.shared.stand_still.load(Ordering::Relaxed);
        self.walks &= !stand_still;
        let shoots = self.draw() < self.behaviour.fight / f64::from(INPUT_HZ) && !stand_still;
        let digest = u32::from(self.number) % DIGEST_PERIOD == 0 && self.observations.is_some();
        let input = Input {
            received: self.received.acknowledgment().or(self.view.received()),
            digest: digest.then(|| self.view.digest()),
            number: self.number,
            direction: self.direction,
            pace: if self.walks { 255 } else { 0 },
            actions: if shoots { SHOOT } else { 0 },
        };
        let mut message = [0; Input::BYTES_MAX];
        let mut writer = Writer::new(&mut message);
        input.write(&mut writer).expect("it has room");
        let used = writer.used();
        // An input that is not accepted counts as lost.
        let _ = client.send(now, Channel::UNRELIABLE, &message[..used]);
        if self.waiting.len() == INPUTS_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back((self.number, self.next_input));
    }
}

impl Workload for Bot {
    fn on_message(&mut self, _channel: Channel, message: &[u8]) {
        match message.first() {
            Some(&kinds::DELTA_SYNC) => self.take_snapshot(message),
            Some(&kinds::ENTER_TO_WORLD) => {
                if message == [kinds::ENTER_TO_WORLD] {
                    self.shared.echoed.store(true, Ordering::Relaxed);
                } else if let Ok(Some(welcome)) = Welcome::read(message) {
                    self.near = u64::from(welcome.map.steps_of(self.behaviour.near)).pow(2);
                    self.shared.entered.fetch_add(u64::from(self.player.is_none()), Ordering::Relaxed);
                    self.player = Some(welcome.player);
                }
            }
            Some(&CHAT) => self.counts.chats += 1,
            _ => {}
        }
    }

    fn advance(&mut self, now: Instant, client: &mut Client) {
        if let Some(applied) = self.applied.take() {
            let measures = self.shared.measure.load(Ordering::Relaxed);
            while let Some(&(number, due)) = self.waiting.front()
                && applied.wrapping_sub(number) as i16 >= 0
            {
                self.waiting.pop_front();
                if measures
                    && applied == number
                    && let Some(observations) = &mut self.observations
                {
                    observations.round_trip.saturating_record(now.since(due).as_nanos() as u64);
                }
            }
        }
        if self.wants_in && self.shared.open.load(Ordering::Relaxed) {
            self.wants_in = false;
            let _ = client.send(now, Channel::RELIABLE_ORDERED, &[kinds::ENTER_TO_WORLD]);
        }
        self.next_look = if self.wants_in { now + LOOK } else { Instant::NEVER };
        if self.player.is_none() {
            return;
        }
        if self.next_input == Instant::NEVER {
            let periods = now.since(Instant::ZERO).as_nanos() / INPUT_PERIOD.as_nanos() + 1;
            self.next_input =
                Instant::ZERO + Duration::from_nanos((periods * INPUT_PERIOD.as_nanos()) as u64) + self.phase;
        }
        if now < self.next_input {
            return;
        }
        self.send_input(now, client);
        let behind = now.since(self.next_input).as_nanos() / INPUT_PERIOD.as_nanos();
        self.next_input = self.next_input + INPUT_PERIOD * (behind as u32 + 1);
        if self.draw() < self.behaviour.chat / f64::from(INPUT_HZ) {
            let _ = client.send(now, Channel::RELIABLE_ORDERED, b" good evening");
        }
    }

    fn deadline(&self) -> Instant {
        self.next_input.min(self.next_look)
    }

    fn on_event(&mut self, event: ClientEvent) {
        if let ClientEvent::Connected { .. } = event {
            self.wants_in = true;
        }
    }
}
