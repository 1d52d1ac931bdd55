//! One core of a world: its players, and what it knows of the world. It runs the parts of a tick as the server does.

use super::super::audience::{Audience, NEAR};
use super::super::crowd::Crowd;
use super::super::options::Arguments;
use super::super::serving::busy;
use super::parts::Parts;
use rand_chacha::rand_core::SeedableRng;
use ringshard::game::character::KINDS;
use ringshard::world::exchange::{Change, Exchange};
use ringshard::world::replication::changes::{describe, find_changes, take_changes};
use ringshard::world::replication::{Encoder, Replica};
use ringshard::world::rewind::{History, Hitbox, Part, PartPool, Sample};
use ringshard::world::store::Entities;
use ringshard::world::visibility::Visibility;
use ringshard_demo::Layout;
use ringshard_protocol::crypto::Csprng;
use ringshard_protocol::time::Instant;
use ringshard_terrain::Terrain;
use ringshard_world::character::{Character, EntityKind};
use ringshard_world::{Map, State};
use std::sync::Arc;

/// Every player can be hit.
const HITBOXES: &[Hitbox] = &[Hitbox::Capsule { radius: 40.0, half_height: 90.0, offset_z: 90.0 }];

pub struct WorldCore {
    map: Map,
    random: Csprng,
    crowd: Crowd,
    entities: Entities<Character>,
    exchange: Exchange<Character>,
    parts: PartPool,
    replica: Replica<Character>,
    visibility: Visibility,
    encoder: Encoder,
    history: History,
    audience: Audience,
    changes: Vec<Change<Character>>,
    /// At the begin of the measurement.
    before: Totals,
}

/// What a core has counted.
#[derive(Clone, Copy, Default)]
pub struct Totals {
    pub received: u64,
    pub entries: u64,
    pub encoded: u64,
}

impl WorldCore {
    pub fn new(
        arguments: &Arguments,
        terrain: &Arc<Terrain>,
        layout: Layout,
        exchange: Exchange<Character>,
        players: usize,
        entities_max: usize,
        random: &mut Csprng,
    ) -> WorldCore {
        let map = *terrain.map();
        let (first, share) = exchange.own();
        let crowd = Crowd::new(terrain, layout, players, arguments.moving, random);
        let mut entities = Entities::new(first, share, Character::default());
        let bodies = (0..players).map(|number| {
            entities.spawn(*crowd.pose(number), crowd.shown(number)).expect("a core has room for its players")
        });
        WorldCore {
            audience: Audience::new(arguments, bodies, entities_max),
            entities,
            parts: PartPool::new(share),
            random: Csprng::seed_from_u64(exchange.core() as u64 + 2),
            replica: Replica::new(entities_max, 0, Character::default()),
            visibility: Visibility::new(&map, entities_max, arguments.visible, NEAR, &KINDS),
            encoder: Encoder::new(entities_max),
            history: History::of_parts(exchange.cores(), share, map, HITBOXES),
            changes: Vec::new(),
            before: Totals::default(),
            exchange,
            crowd,
            map,
        }
    }

    /// One tick. Gives the CPU time of its parts.
    pub fn tick(&mut self, tick: u32) -> Parts {
        self.crowd.steer(tick, &mut self.random);
        let mut last = busy();
        let mut parts = Parts::default();
        let work: [fn(&mut WorldCore, u32); 7] =
            [Self::apply, Self::step, Self::publish, Self::rebuild, Self::record, Self::look, Self::write];
        for (part, work) in parts.iter_mut().zip(work) {
            work(self, tick);
            let now = busy();
            *part = now - last;
            last = now;
        }
        parts
    }

    fn apply(&mut self, tick: u32) {
        let WorldCore { exchange, replica, encoder, visibility, .. } = self;
        let take = |changes: &[Change<Character>]| {
            take_changes(tick, changes, replica, encoder);
            visibility.note(changes);
        };
        exchange.receive(take, |_, _| ());
    }

    fn step(&mut self, _tick: u32) {
        self.crowd.step();
        for player in 0..self.crowd.len() {
            let row = self.entities.row(self.audience.body(player)).expect("players stay");
            let columns = self.entities.columns_mut();
            (columns.poses[row], columns.shown[row]) = (*self.crowd.pose(player), self.crowd.shown(player));
        }
    }

    fn publish(&mut self, tick: u32) {
        let WorldCore { map, entities, exchange, parts, replica, encoder, visibility, changes, .. } = self;
        let first = exchange.own().0;
        let columns = entities.columns();
        find_changes(map, first, &columns, replica, kind_of, changes);
        take_changes(tick, changes, replica, encoder);
        visibility.note(changes);
        let part = parts.take(|part| record_part(part, replica, exchange.own()));
        exchange.publish(Instant::ZERO, changes, part, |index| describe(map, first, &columns, index, kind_of));
        encoder.clear();
    }

    fn rebuild(&mut self, _tick: u32) {
        self.visibility.refresh(&self.replica);
    }

    fn record(&mut self, tick: u32) {
        self.history.keep(tick.into(), self.exchange.parts());
    }

    fn look(&mut self, tick: u32) {
        self.audience.look(tick, &self.map, &self.crowd, &self.replica, &mut self.visibility);
    }

    fn write(&mut self, tick: u32) {
        self.audience.write(tick, &self.crowd, &self.replica, &mut self.encoder);
    }

    /// From now on it counts what it does.
    pub fn begin_measurement(&mut self) {
        self.before = Totals::default();
        self.before = self.totals();
    }

    /// What it has counted since the measurement began.
    pub fn totals(&self) -> Totals {
        Totals {
            received: self.exchange.stats.received - self.before.received,
            entries: self.encoder.taken - self.before.entries,
            encoded: self.encoder.encoded - self.before.encoded,
        }
    }
}

fn record_part(part: &mut Part, replica: &Replica<Character>, (first, share): (u16, usize)) {
    let samples = (0..share as u16).map(|row| {
        let index = first + row;
        let State { position, velocity, rotation, leap, .. } = *replica.state(index);
        (row, Sample { position, velocity, rotation, leap, generation: replica.generation(index), hitbox: 0 })
    });
    part.record(samples, HITBOXES.len());
}

fn kind_of(_shown: &Character) -> u8 {
    EntityKind::Player as u8
}
