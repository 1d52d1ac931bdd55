//! A client that lives in the demonstration world: it walks, rests, shoots and talks, keeps its view of the world, and
//! says whether that is the server's.

use crate::fleet::Talk;
use hdrhistogram::Histogram;
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
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Inputs a second.
pub const INPUT_HZ: u32 = 60;
const INPUT_PERIOD: Duration = Duration::from_nanos(1_000_000_000 / INPUT_HZ as u64);
/// Between two digests that a bot gives: two a second would do as well.
const DIGEST_PERIOD: u32 = 60;
/// How long one walks or rests before it thinks again, in inputs.
const MOOD: u32 = 2 * INPUT_HZ;
/// How often one looks whether it may come in.
const LOOK: Duration = Duration::from_millis(20);
/// Inputs whose answers are waited for at once.
const INPUTS_WAITING: usize = 256;
/// Snapshots of which one is looked at closely.
const CLOSE_LOOK: u64 = 16;
/// Longest staleness that is told apart, in ticks.
const STALENESS_MAX: u64 = 100_000;

/// How all bots behave.
#[derive(Clone, Copy, Debug)]
pub struct Temper {
    /// Share of them that walks at a time.
    pub moving: f64,
    /// Shots a second.
    pub fight: f64,
    /// Chat messages a second.
    pub chat: f64,
    /// Units up to which an entity is near.
    pub near: f32,
}

/// What all bots share with the main thread.
#[derive(Default)]
pub struct Crowd {
    /// Everybody is connected, and may come into the world.
    pub open: AtomicBool,
    /// Count from now on.
    pub measure: AtomicBool,
    /// Stand still from now on.
    pub calm: AtomicBool,
    pub entered: AtomicU64,
    /// The server sent a player's wish to enter back to it: it echoes, and has no world.
    pub echoed: AtomicBool,
}

/// What a bot has seen while it was measured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sights {
    pub snapshots: u64,
    pub snapshot_bytes: u64,
    /// Of those: the ones that were looked into. What stands below is of these.
    pub looked: u64,
    pub looked_bytes: u64,
    /// Entities in view, summed over the snapshots.
    pub visible: u64,
    pub updates: u64,
    pub entered: u64,
    pub left: u64,
    pub chats: u64,
    /// Snapshots that could not be read.
    pub faulty: u64,
}

impl Sights {
    pub fn add(&mut self, other: &Sights) {
        self.snapshots += other.snapshots;
        self.snapshot_bytes += other.snapshot_bytes;
        self.looked += other.looked;
        self.looked_bytes += other.looked_bytes;
        self.visible += other.visible;
        self.updates += other.updates;
        self.entered += other.entered;
        self.left += other.left;
        self.chats += other.chats;
        self.faulty += other.faulty;
    }
}

/// What a bot that looks closely has seen.
#[derive(Clone, Debug)]
pub struct Observations {
    /// Ticks since the state of a near moving entity was that of the world, as the newest snapshot had it.
    pub near_staleness: Histogram<u64>,
    /// The same of far ones.
    pub far_staleness: Histogram<u64>,
    /// From an input to the snapshot that says that it was applied, in nanoseconds.
    pub round_trip: Histogram<u64>,
    /// Near moving, far moving and still entities.
    pub classes: [Class; 3],
}

/// Entities of one class, in the snapshots that were looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Class {
    /// In view.
    pub seen: u64,
    /// Told of in that snapshot.
    pub fresh: u64,
}

impl Observations {
    pub fn new() -> Self {
        let staleness = Histogram::new_with_bounds(1, STALENESS_MAX, 3).expect("the bounds are in range");
        Observations {
            near_staleness: staleness.clone(),
            far_staleness: staleness,
            round_trip: Histogram::new_with_bounds(1_000, 60_000_000_000, 2).expect("the bounds are in range"),
            classes: [Class::default(); 3],
        }
    }

    pub fn add(&mut self, other: &Observations) {
        self.near_staleness.add(&other.near_staleness).expect("all have the same bounds");
        self.far_staleness.add(&other.far_staleness).expect("all have the same bounds");
        self.round_trip.add(&other.round_trip).expect("all have the same bounds");
        for (class, other) in self.classes.iter_mut().zip(other.classes) {
            class.seen += other.seen;
            class.fresh += other.fresh;
        }
    }
}

/// One client in the world.
pub struct Bot {
    temper: Temper,
    crowd: Arc<Crowd>,
    /// What it sees, if it looks.
    view: View,
    /// What came, if it does not.
    received: Received,
    player: Option<EntityId>,
    /// Square of the near distance, in steps.
    near: u64,
    wants_in: bool,
    /// When it looks again whether it may come in.
    looks_at: Instant,
    next_input: Instant,
    /// When in the period it speaks.
    phase: Duration,
    number: u16,
    /// Inputs under way: number, and when it was due.
    waiting: VecDeque<(u16, Instant)>,
    /// Snapshots that came since the last turn say that these are answered.
    applied: Option<u16>,
    direction: u16,
    walks: bool,
    chance: u32,
    pub sights: Sights,
    /// Of those that look closely.
    pub observations: Option<Box<Observations>>,
}

impl Bot {
    /// Bots behind one relay speak at the same part of the period: relays pass on what gathered.
    pub fn new(number: usize, relay: f64, temper: Temper, crowd: Arc<Crowd>, observes: bool) -> Self {
        Bot {
            temper,
            crowd,
            view: View::new(),
            received: Received::default(),
            player: None,
            near: 0,
            wants_in: false,
            looks_at: Instant::NEVER,
            next_input: Instant::NEVER,
            phase: Duration::from_nanos((relay * INPUT_PERIOD.as_nanos() as f64) as u64),
            number: 0,
            waiting: VecDeque::new(),
            applied: None,
            direction: 0,
            walks: false,
            // Each begins elsewhere in its chances.
            chance: (number as u32).wrapping_mul(0x9E37_79B9) | 1,
            sights: Sights::default(),
            observations: observes.then(|| Box::new(Observations::new())),
        }
    }

    /// What it knows of the world.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// From 0 to 1.
    fn draw(&mut self) -> f64 {
        // Marsaglia's xorshift: it is only to look unplanned.
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 17;
        self.chance ^= self.chance << 5;
        f64::from(self.chance) / f64::from(u32::MAX)
    }

    fn take_snapshot(&mut self, message: &[u8]) {
        let measures = self.crowd.measure.load(Ordering::Relaxed);
        let faulty = match self.observations {
            Some(_) => self.look(message, measures),
            None => self.note(message),
        };
        if measures {
            self.sights.faulty += u64::from(faulty);
            self.sights.snapshots += 1;
            self.sights.snapshot_bytes += message.len() as u64;
        }
    }

    /// Acknowledges a snapshot without a look; gives whether it is faulty.
    fn note(&mut self, message: &[u8]) -> bool {
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

    /// Takes in what a snapshot says; gives whether it is faulty.
    fn look(&mut self, message: &[u8], measures: bool) -> bool {
        let (mut updates, mut entered, mut left) = (0, 0, 0);
        let taken = self.view.take(message, |change| match change {
            Change::Updated(_) => updates += 1,
            Change::Entered(_) => entered += 1,
            Change::Left(_) => left += 1,
        });
        self.applied = self.view.newest().map(|newest| newest.input);
        if measures {
            let sights = &mut self.sights;
            sights.looked += 1;
            sights.looked_bytes += message.len() as u64;
            sights.visible += self.view.len() as u64;
            sights.updates += updates;
            sights.entered += entered;
            sights.left += left;
            if sights.looked.is_multiple_of(CLOSE_LOOK) {
                self.look_closely();
            }
        }
        taken.is_err()
    }

    fn look_closely(&mut self) {
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

    fn say_input(&mut self, now: Instant, client: &mut Client) {
        self.number = self.number.wrapping_add(1);
        if u32::from(self.number) % MOOD == 1 {
            self.walks = self.draw() < self.temper.moving;
            self.direction = (self.draw() * 65_535.0) as u16;
        }
        let calm = self.crowd.calm.load(Ordering::Relaxed);
        self.walks &= !calm;
        let shoots = self.draw() < self.temper.fight / f64::from(INPUT_HZ) && !calm;
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
        // One that is not taken is as good as lost.
        let _ = client.send(now, Channel::UNRELIABLE, &message[..used]);
        if self.waiting.len() == INPUTS_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back((self.number, self.next_input));
    }
}

impl Talk for Bot {
    fn hear(&mut self, _channel: Channel, message: &[u8]) {
        match message.first() {
            Some(&kinds::DELTA_SYNC) => self.take_snapshot(message),
            Some(&kinds::ENTER_TO_WORLD) => {
                if message == [kinds::ENTER_TO_WORLD] {
                    self.crowd.echoed.store(true, Ordering::Relaxed);
                } else if let Ok(Some(welcome)) = Welcome::read(message) {
                    self.near = u64::from(welcome.map.steps_of(self.temper.near)).pow(2);
                    self.crowd.entered.fetch_add(u64::from(self.player.is_none()), Ordering::Relaxed);
                    self.player = Some(welcome.player);
                }
            }
            Some(&CHAT) => self.sights.chats += 1,
            _ => {}
        }
    }

    fn speak(&mut self, now: Instant, client: &mut Client) {
        if let Some(applied) = self.applied.take() {
            let measures = self.crowd.measure.load(Ordering::Relaxed);
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
        if self.wants_in && self.crowd.open.load(Ordering::Relaxed) {
            self.wants_in = false;
            let _ = client.send(now, Channel::RELIABLE_ORDERED, &[kinds::ENTER_TO_WORLD]);
        }
        self.looks_at = if self.wants_in { now + LOOK } else { Instant::NEVER };
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
        self.say_input(now, client);
        let behind = now.since(self.next_input).as_nanos() / INPUT_PERIOD.as_nanos();
        self.next_input = self.next_input + INPUT_PERIOD * (behind as u32 + 1);
        if self.draw() < self.temper.chat / f64::from(INPUT_HZ) {
            let _ = client.send(now, Channel::RELIABLE_ORDERED, b" good evening");
        }
    }

    fn deadline(&self) -> Instant {
        self.next_input.min(self.looks_at)
    }

    fn event(&mut self, event: ClientEvent) {
        if let ClientEvent::Connected { .. } = event {
            self.wants_in = true;
        }
    }
}
