//! A game that does everything that a game may do to players' entities, and logs its callbacks.

use crate::random::Random;
use ringshard::game::shard::Shard;
use ringshard::game::{Game, LeaveReason};
use ringshard_protocol::wire::{Channel, Message};
use ringshard_world::messages::{Input, kinds};
use ringshard_world::{EntityId, EntityKind};
use std::sync::{Arc, Mutex, MutexGuard};

/// Centre of the area where everybody is, in units, and half its edge.
const CENTRE: [f32; 3] = [10_000.0, 10_000.0, 100.0];
const HALF_EDGE: f32 = 3_000.0;
/// Maximum number of entities that belong to no player.
const OWN_MAX: usize = 4;
/// Requests to enter that the game refuses, per thousand.
const REFUSALS_PER_MILLE: u64 = 30;
/// Ticks in which a player's entity dies, and in which one of the game's own appears or disappears, per thousand.
const DEATHS_PER_MILLE: u64 = 15;
const OWN_CHANGES_PER_MILLE: u64 = 40;
/// First byte of a message that asks the game for a large answer.
pub const LARGE_REQUEST: u8 = kinds::GAME + 1;
/// Bytes of a large answer.
const ANSWER_BYTES: usize = 60_000;

/// A callback of the game about a player, with its current entity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GameEvent {
    Joined(EntityId),
    Suspended(EntityId),
    Resumed(EntityId),
    Gone(EntityId, LeaveReason),
}

/// The callbacks of the game so far. The model reads them.
#[derive(Debug, Default)]
pub struct EventLog {
    pub events: Vec<GameEvent>,
    /// Entities that should exist: those of players, and the game's own.
    pub entities: usize,
    /// A call that the game must never get.
    pub fault: Option<String>,
}

/// An event log that the game and the model share.
#[derive(Clone, Debug, Default)]
pub struct SharedEventLog(Arc<Mutex<EventLog>>);

impl SharedEventLog {
    pub fn open(&self) -> MutexGuard<'_, EventLog> {
        self.0.lock().expect("a thread that panics ends the process")
    }
}

/// The game on one core.
pub struct RandomGame {
    event_log: SharedEventLog,
    random: Random,
    bodies: Vec<EntityId>,
    own: Vec<EntityId>,
    /// Large and incompressible.
    answer: Vec<u8>,
}

impl RandomGame {
    pub fn new(event_log: SharedEventLog, mut random: Random) -> Self {
        let mut answer: Vec<u8> = (0..ANSWER_BYTES).map(|_| random.next() as u8).collect();
        answer[0] = kinds::GAME;
        RandomGame { event_log, random, bodies: Vec::new(), own: Vec::new(), answer }
    }

    fn random_position(&mut self) -> [f32; 3] {
        let [x, y, z] = CENTRE;
        let mut offset = || (self.random.next() % 1000) as f32 / 500.0 * HALF_EDGE - HALF_EDGE;
        [x + offset(), y + offset(), z]
    }

    fn spawn(&mut self, shard: &mut Shard, kind: EntityKind) -> Option<EntityId> {
        let random_position = self.random_position();
        let id = shard.entities.spawn(kind, 1, random_position).ok()?;
        self.event_log.open().entities += 1;
        Some(id)
    }

    fn despawn(&mut self, shard: &mut Shard, id: EntityId) {
        let was_there = shard.entities.despawn(id);
        let mut event_log = self.event_log.open();
        event_log.entities -= 1;
        if !was_there {
            event_log.fault = Some(format!("{id:?} is gone, but the game has not despawned it"));
        }
    }

    fn remove_entity(&mut self, shard: &mut Shard, body: EntityId) {
        if let Some(at) = self.bodies.iter().position(|&it| it == body) {
            self.bodies.swap_remove(at);
            self.despawn(shard, body);
        }
    }

    fn note(&mut self, events: GameEvent) {
        self.event_log.open().events.push(events);
    }

    fn expect_alive(&mut self, player: EntityId, what: &str) {
        if !self.bodies.contains(&player) {
            self.event_log.open().fault = Some(format!("{what} of {player:?}, which is not alive"));
        }
    }
}

impl Game for RandomGame {
    fn join(&mut self, shard: &mut Shard) -> Option<EntityId> {
        if self.random.chance(REFUSALS_PER_MILLE) {
            return None;
        }
        let body = self.spawn(shard, EntityKind::Player)?;
        self.bodies.push(body);
        self.note(GameEvent::Joined(body));
        Some(body)
    }

    fn suspended(&mut self, shard: &mut Shard, player: EntityId) {
        self.note(GameEvent::Suspended(player));
        if self.random.chance(100) {
            self.remove_entity(shard, player);
        }
    }

    fn resumed(&mut self, shard: &mut Shard, player: EntityId) {
        self.note(GameEvent::Resumed(player));
        if self.random.chance(50) {
            self.remove_entity(shard, player);
        }
    }

    fn leave(&mut self, shard: &mut Shard, player: EntityId, why: LeaveReason) {
        self.note(GameEvent::Gone(player, why));
        if self.random.chance(200) {
            return self.remove_entity(shard, player);
        }
        // The world despawns it afterwards.
        if let Some(at) = self.bodies.iter().position(|&it| it == player) {
            self.bodies.swap_remove(at);
            self.event_log.open().entities -= 1;
        }
    }

    fn input(&mut self, shard: &mut Shard, player: EntityId, _input: &Input) {
        self.expect_alive(player, "an input");
        let random_position = self.random_position();
        shard.entities.set_point(player, random_position);
        shard.entities.set_variable(player, 0, self.random.next() as i32);
    }

    fn message(&mut self, shard: &mut Shard, player: EntityId, message: Message<'_>) {
        self.expect_alive(player, "a message");
        match message.bytes.first() {
            Some(&LARGE_REQUEST) => shard.send(player, Channel::RELIABLE_ORDERED, &self.answer),
            _ => {
                let channel = Channel::new((self.random.next() % 16) as u8).expect("there are sixteen channels");
                shard.send(player, channel, &[kinds::GAME; 8]);
            }
        }
        if self.random.chance(20) {
            self.remove_entity(shard, player);
        }
    }

    fn tick(&mut self, shard: &mut Shard) {
        if self.random.chance(DEATHS_PER_MILLE) && !self.bodies.is_empty() {
            let body = self.random.pick(&self.bodies);
            self.remove_entity(shard, body);
        }
        if self.random.chance(OWN_CHANGES_PER_MILLE) {
            match self.own.len() < OWN_MAX && self.random.chance(500) {
                true => {
                    let own = self.spawn(shard, EntityKind::Npc);
                    self.own.extend(own);
                }
                false => {
                    if let Some(own) = self.own.pop() {
                        self.despawn(shard, own);
                    }
                }
            }
        }
    }
}
