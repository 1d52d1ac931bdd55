//! A host of the tests: cores without a game, their exchange, and its border.

use crate::dice::Dice;
use ringshard::world::border::{Border, BorderSettings, Contract, Neighbour, NeighbourId, Rect};
use ringshard::world::exchange::{Change, Command, Exchange, Purpose};
use ringshard::world::replication::Replica;
use ringshard::world::rewind::{History, Hitbox, PartPool, Sample};
use ringshard::world::store::Rate;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_world::character::Character;
use ringshard_world::{EntityId, Map, State};
use std::collections::BTreeMap;

pub const CORES: usize = 2;
pub const ENTITIES: usize = 600;
/// From where the two kinds are seen, in units.
pub const SIGHT: [f32; 2] = [15_000.0, 4_000.0];
/// Width of a host's area.
pub const WIDTH: f32 = 100_000.0;
pub const HITBOXES: &[Hitbox] = &[Hitbox::Sphere { radius: 50.0, offset_z: 0.0 }];

/// What hosts have in common.
pub fn contract() -> Contract<Character> {
    Contract {
        number: 7,
        blank: Character::default(),
        map: Map::default(),
        sight: SIGHT.to_vec(),
        hitboxes: HITBOXES.len(),
        is_command: |bytes| bytes.len() == 4,
        is_event: |bytes| bytes.len() == 4,
    }
}

/// The area of a host: strips along x, the first beside the map's edge.
pub fn area(host: usize) -> Rect {
    Rect { min: [host as f32 * WIDTH, 0.0], max: [(host + 1) as f32 * WIDTH, 50_000.0] }
}

/// An entity as its owner knows it.
#[derive(Clone, Copy, Debug)]
pub struct Owned {
    pub id: EntityId,
    pub state: State<Character>,
    pub rate: Rate,
}

pub struct Core {
    pub exchange: Exchange<Character>,
    pub replica: Replica<Character>,
    pub history: History,
    parts: PartPool,
    pub owned: BTreeMap<u16, Owned>,
    generations: Vec<u8>,
    changes: Vec<Change<Character>>,
    /// Commands that have arrived.
    pub commands: Vec<Command>,
    tick: u32,
}

pub struct Host {
    pub number: usize,
    pub cores: Vec<Core>,
    pub border: Border<Character>,
    /// How far its clock is ahead.
    pub ahead: Duration,
    pub neighbours: Vec<Neighbour>,
}

impl Host {
    pub fn new(number: usize, hosts: usize, incarnation: u64, ahead: Duration, settings: BorderSettings) -> Self {
        let (ends, border) = Exchange::with_border(CORES, ENTITIES);
        let neighbour = |host: usize| Neighbour { id: NeighbourId(host as u32), area: vec![area(host)] };
        Host {
            number,
            cores: ends.into_iter().map(Core::new).collect(),
            border: Border::new(border, contract(), BorderSettings { incarnation, ..settings }),
            ahead,
            neighbours: (0..hosts).filter(|&host| host != number).map(neighbour).collect(),
        }
    }

    /// A turn of all cores and of the border, at a time of the simulation.
    pub fn turn(&mut self, now: Instant) {
        let now = now + self.ahead;
        self.cores.iter_mut().for_each(|core| core.turn(now));
        self.border.turn(now, &self.neighbours);
    }

    pub fn receive(&mut self, now: Instant, from: usize, bytes: &[u8]) {
        self.border.receive(now + self.ahead, NeighbourId(from as u32), bytes);
    }

    /// Adds an entity at a place; none if the core is full.
    pub fn spawn(&mut self, core: usize, kind: u8, point: [f32; 3]) -> Option<EntityId> {
        self.cores[core].spawn(kind, point)
    }

    /// All entities of this host.
    pub fn owned(&self) -> impl Iterator<Item = &Owned> {
        self.cores.iter().flat_map(|core| core.owned.values())
    }

    /// Everything of the world that a core of this host sees and this host does not own: by owner and id there. What the border
    /// has given up in this turn has no owner.
    pub fn sees(&self, core: usize) -> BTreeMap<(u32, EntityId), (EntityId, State<Character>)> {
        let first = self.first_of_border();
        let replicas = self.cores[core].replica.living().filter(|(index, ..)| *index >= first);
        let named = replicas.map(|(index, generation, state)| {
            let id = EntityId { index, generation };
            let owner = self.border.owner(id).map_or((u32::MAX, id), |(neighbour, there)| (neighbour.0, there));
            (owner, (id, *state))
        });
        named.collect()
    }

    fn first_of_border(&self) -> u16 {
        (CORES * (ENTITIES / (CORES + 1))) as u16
    }

    /// Moves, changes, adds and removes entities at random, around the borders.
    pub fn stir(&mut self, dice: &mut Dice) {
        let left = self.number as f32 * WIDTH;
        for core in &mut self.cores {
            for _ in 0..6 {
                let depth = dice.below(30_000) as f32;
                let x = if dice.per_mille(500) { left + depth } else { left + WIDTH - 1.0 - depth };
                let point = [x, dice.below(50_000) as f32, 100.0];
                match dice.below(12) {
                    0 | 11 if core.owned.len() < 90 => _ = core.spawn(dice.below(2) as u8, point),
                    1 => core.despawn(dice),
                    2 => core.alter(dice, |owned, dice| {
                        owned.rate = [Rate::Full, Rate::Reduced, Rate::Low, Rate::Never][dice.below(4)];
                    }),
                    3 => core.alter(dice, |owned, _| owned.state.position = Map::default().quantise(point)),
                    4 => core.alter(dice, |owned, dice| owned.state.shown.health = dice.bits() as u8),
                    _ => core.alter(dice, |owned, dice| {
                        let [x, y, z] = Map::default().point(owned.state.position);
                        let step = |dice: &mut Dice| dice.below(400) as f32 - 200.0;
                        owned.state.position = Map::default().quantise([x + step(dice), y + step(dice), z]);
                        owned.state.velocity[0] = dice.below(9) as i16;
                        owned.state.rotation[0] = dice.bits() as u16;
                    }),
                }
            }
        }
    }

    /// Sends a command, as a core's game does, with a number as its content. Whether it left.
    pub fn command(&mut self, purpose: Purpose, to: EntityId, from: EntityId, number: u32) -> bool {
        let exchange = &mut self.cores[0].exchange;
        let owner = match purpose {
            Purpose::ToViewers(_) => exchange.border().expect("there is a border"),
            _ => exchange.owner(to.index),
        };
        exchange.command(owner, Command::new(purpose, to, from, &number.to_le_bytes()))
    }
}

impl Core {
    fn new(exchange: Exchange<Character>) -> Self {
        let share = exchange.own().1;
        Core {
            replica: Replica::new(ENTITIES, 0, Character::default()),
            history: History::of_parts(exchange.cores(), share, Map::default(), HITBOXES),
            parts: PartPool::new(share),
            owned: BTreeMap::new(),
            generations: vec![0; share],
            changes: Vec::new(),
            commands: Vec::new(),
            tick: 0,
            exchange,
        }
    }

    fn turn(&mut self, now: Instant) {
        self.tick += 1;
        let Core { exchange, replica, owned, changes, commands, parts, history, tick, .. } = self;
        exchange.receive(|changes| changes.iter().for_each(|change| replica.apply(*tick, change)), |_, _| ());
        exchange.commands(|command| commands.push(*command));
        let first = exchange.own().0;
        let part = parts.take(|part| {
            let samples = owned.values().map(|it| {
                let State { position, velocity, rotation, leap, .. } = it.state;
                let generation = it.id.generation;
                (it.id.index - first, Sample { position, velocity, rotation, leap, generation, hitbox: 0 })
            });
            part.record(samples, HITBOXES.len());
        });
        changes.iter().for_each(|change| replica.apply(*tick, change));
        exchange.publish(now, changes, part, |index| match owned.get(&index) {
            Some(owned) => change_of(owned),
            None => Change::Gone { id: EntityId { index, generation: 1 } },
        });
        changes.clear();
        history.keep((*tick).into(), exchange.parts());
    }

    fn spawn(&mut self, kind: u8, point: [f32; 3]) -> Option<EntityId> {
        let first = self.exchange.own().0;
        let row = (0..self.generations.len()).find(|row| !self.owned.contains_key(&(first + *row as u16)))?;
        self.generations[row] = self.generations[row].checked_add(1).unwrap_or(1);
        let id = EntityId { index: first + row as u16, generation: self.generations[row] };
        let shown = Character { kind, ..Character::default() };
        let state = State { position: Map::default().quantise(point), ..State::blank(shown) };
        self.put(Owned { id, state, rate: Rate::Full });
        Some(id)
    }

    /// Its entity is so from now on.
    pub fn put(&mut self, owned: Owned) {
        self.owned.insert(owned.id.index, owned);
        self.note(change_of(&owned));
    }

    pub fn remove(&mut self, id: EntityId) {
        self.owned.remove(&id.index);
        self.note(Change::Gone { id });
    }

    /// There is one change of an entity per tick.
    fn note(&mut self, change: Change<Character>) {
        self.changes.retain(|noted| noted.id().index != change.id().index);
        self.changes.push(change);
    }

    fn despawn(&mut self, dice: &mut Dice) {
        if let Some(id) = self.any(dice) {
            self.remove(id);
        }
    }

    fn alter(&mut self, dice: &mut Dice, alter: impl FnOnce(&mut Owned, &mut Dice)) {
        let Some(id) = self.any(dice) else { return };
        let mut owned = self.owned[&id.index];
        alter(&mut owned, dice);
        self.put(owned);
    }

    fn any(&self, dice: &mut Dice) -> Option<EntityId> {
        let count = self.owned.len();
        (count > 0).then(|| self.owned.values().nth(dice.below(count)).expect("it is there").id)
    }
}

fn change_of(owned: &Owned) -> Change<Character> {
    Change::State { id: owned.id, state: owned.state, kind: owned.state.shown.kind, rate: owned.rate }
}
