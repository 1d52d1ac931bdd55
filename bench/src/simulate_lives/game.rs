//! A game that does all that a game may do to the bodies of its players, and writes down what it is told of their lives.

use crate::simulate::dice::Dice;
use ringshard::game::shard::Shard;
use ringshard::game::{Game, LeaveReason};
use ringshard_protocol::wire::{Channel, Message};
use ringshard_world::snapshot::{Input, kinds};
use ringshard_world::{EntityId, EntityKind};
use std::sync::{Arc, Mutex, MutexGuard};

/// Centre of the place where everybody is, in units, and half its edge.
const CENTRE: [f32; 3] = [10_000.0, 10_000.0, 100.0];
const HALF_EDGE: f32 = 3_000.0;
/// Entities that belong to no player, at most.
const OWN_MAX: usize = 4;
/// Of a thousand requests to enter, how many the game refuses.
const REFUSALS_PER_MILLE: u64 = 30;
/// Of a thousand ticks, in how many a body dies, and in how many an entity of the game comes or goes.
const DEATHS_PER_MILLE: u64 = 15;
const OWN_CHANGES_PER_MILLE: u64 = 40;

/// First byte of a message that asks the game for a large answer.
pub const BEG: u8 = kinds::GAME + 1;
/// Bytes of a large answer.
const ANSWER_BYTES: usize = 60_000;

/// What the game is told about the life of a player, with the player's body at that time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    Joined(EntityId),
    Suspended(EntityId),
    Resumed(EntityId),
    Gone(EntityId, LeaveReason),
}

/// What the game writes down. The books of the core read it.
#[derive(Debug, Default)]
pub struct Diary {
    pub heard: Vec<Heard>,
    /// Entities that should exist: bodies of players, and entities of the game's own.
    pub entities: usize,
    /// What the game was asked that nobody may ask of it.
    pub fault: Option<String>,
}

/// A diary that the game and the books share.
#[derive(Clone, Debug, Default)]
pub struct SharedDiary(Arc<Mutex<Diary>>);

impl SharedDiary {
    pub fn open(&self) -> MutexGuard<'_, Diary> {
        self.0.lock().expect("whoever panics ends the process")
    }
}

/// The game, on one core.
pub struct Fickle {
    diary: SharedDiary,
    dice: Dice,
    bodies: Vec<EntityId>,
    own: Vec<EntityId>,
    /// A large answer that does not compress.
    answer: Vec<u8>,
}

impl Fickle {
    pub fn new(diary: SharedDiary, mut dice: Dice) -> Self {
        let mut answer: Vec<u8> = (0..ANSWER_BYTES).map(|_| dice.next() as u8).collect();
        answer[0] = kinds::GAME;
        Fickle { diary, dice, bodies: Vec::new(), own: Vec::new(), answer }
    }

    fn spot(&mut self) -> [f32; 3] {
        let [x, y, z] = CENTRE;
        let mut offset = || (self.dice.next() % 1000) as f32 / 500.0 * HALF_EDGE - HALF_EDGE;
        [x + offset(), y + offset(), z]
    }

    fn spawn(&mut self, shard: &mut Shard, kind: EntityKind) -> Option<EntityId> {
        let spot = self.spot();
        let id = shard.entities.spawn(kind, 1, spot).ok()?;
        self.diary.open().entities += 1;
        Some(id)
    }

    fn despawn(&mut self, shard: &mut Shard, id: EntityId) {
        let was_there = shard.entities.despawn(id);
        let mut diary = self.diary.open();
        diary.entities -= 1;
        if !was_there {
            diary.fault = Some(format!("{id:?} is gone, and the game has not despawned it"));
        }
    }

    fn drop_body(&mut self, shard: &mut Shard, body: EntityId) {
        if let Some(at) = self.bodies.iter().position(|&it| it == body) {
            self.bodies.swap_remove(at);
            self.despawn(shard, body);
        }
    }

    fn note(&mut self, heard: Heard) {
        self.diary.open().heard.push(heard);
    }

    fn expect_alive(&mut self, player: EntityId, what: &str) {
        if !self.bodies.contains(&player) {
            self.diary.open().fault = Some(format!("{what} of {player:?}, which is no living body"));
        }
    }
}

impl Game for Fickle {
    fn join(&mut self, shard: &mut Shard) -> Option<EntityId> {
        if self.dice.chance(REFUSALS_PER_MILLE) {
            return None;
        }
        let body = self.spawn(shard, EntityKind::Player)?;
        self.bodies.push(body);
        self.note(Heard::Joined(body));
        Some(body)
    }

    fn suspended(&mut self, shard: &mut Shard, player: EntityId) {
        self.note(Heard::Suspended(player));
        if self.dice.chance(100) {
            self.drop_body(shard, player);
        }
    }

    fn resumed(&mut self, shard: &mut Shard, player: EntityId) {
        self.note(Heard::Resumed(player));
        if self.dice.chance(50) {
            self.drop_body(shard, player);
        }
    }

    fn leave(&mut self, shard: &mut Shard, player: EntityId, why: LeaveReason) {
        self.note(Heard::Gone(player, why));
        if self.dice.chance(200) {
            return self.drop_body(shard, player);
        }
        // The world despawns it after this.
        if let Some(at) = self.bodies.iter().position(|&it| it == player) {
            self.bodies.swap_remove(at);
            self.diary.open().entities -= 1;
        }
    }

    fn input(&mut self, shard: &mut Shard, player: EntityId, _input: &Input) {
        self.expect_alive(player, "an input");
        let spot = self.spot();
        shard.entities.set_point(player, spot);
        shard.entities.set_variable(player, 0, self.dice.next() as i32);
    }

    fn message(&mut self, shard: &mut Shard, player: EntityId, message: Message<'_>) {
        self.expect_alive(player, "a message");
        match message.bytes.first() {
            Some(&BEG) => shard.send(player, Channel::RELIABLE_ORDERED, &self.answer),
            _ => {
                let channel = Channel::new((self.dice.next() % 16) as u8).expect("there are sixteen channels");
                shard.send(player, channel, &[kinds::GAME; 8]);
            }
        }
        if self.dice.chance(20) {
            self.drop_body(shard, player);
        }
    }

    fn tick(&mut self, shard: &mut Shard) {
        if self.dice.chance(DEATHS_PER_MILLE) && !self.bodies.is_empty() {
            let body = self.dice.pick(&self.bodies);
            self.drop_body(shard, body);
        }
        if self.dice.chance(OWN_CHANGES_PER_MILLE) {
            match self.own.len() < OWN_MAX && self.dice.chance(500) {
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
