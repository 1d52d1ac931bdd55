//! A core's copy of the whole world, as it is replicated: its own entities and those of every other core (A6).
//!
//! Every change makes a new version of its entity. The last 32 are kept: they are what clients may have, and what
//! differences are made from. Versions and ticks go round after 2^32: only how far two of them are apart counts.

use crate::runtime::tick::TICKS_PER_SECOND;
use crate::world::exchange::Change;
use crate::world::store::Rate;
use ringshard_world::entity::states;
use ringshard_world::limits::{BASELINE_AGE_MAX, VARIABLES};
use ringshard_world::messages::Versioned;
use ringshard_world::{EntityId, Position, State};
use std::cell::Cell;

/// Versions that are kept.
const KEPT: usize = BASELINE_AGE_MAX as usize + 1;
/// An entity that changed within so many ticks of its last change is moving.
const MOVING_GAP: u32 = 3;

/// Interval of what nobody is told of.
const NEVER: u8 = u8::MAX;

/// Ticks between two updates.
fn interval_of(rate: Rate) -> u8 {
    TICKS_PER_SECOND.checked_div(rate.hertz()).map_or(NEVER, |ticks| ticks as u8)
}

/// The version after another. 0 stands for none and is left out, so that the numbers on the wire, which are these modulo
/// 32, go on one by one. Over that gap no differences are made: all is told in full once.
fn after(version: u32) -> u32 {
    version.checked_add(1).unwrap_or(KEPT as u32)
}

/// What clients' slots ask of an entity, all of them in every tick: small, so that it stays in the cache.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// Newest version.
    pub(super) version: u32,
    /// 0 when there is none.
    pub(super) generation: u8,
    /// Ticks between two updates at least; [`NEVER`] for none at all.
    pub(super) interval: u8,
    /// [`MOVING`], [`INVISIBLE`].
    marks: u8,
    /// How many versions back it is itself, and no other that had its place; up to 255.
    lived: u8,
}

const _: () = assert!(size_of::<Head>() == 8);

/// The last change came soon after the one before.
const MOVING: u8 = 1;
/// Only those of its own faction see it.
const INVISIBLE: u8 = 2;

impl Head {
    /// Whether the last change came soon after the one before.
    #[inline]
    pub(super) fn is_moving(self) -> bool {
        self.marks & MOVING != 0
    }

    /// Whether only those of its own faction see it.
    #[inline]
    pub(super) fn is_invisible(self) -> bool {
        self.marks & INVISIBLE != 0
    }

    fn mark(&mut self, mark: u8, set: bool) {
        self.marks = if set { self.marks | mark } else { self.marks & !mark };
    }

    /// How many versions back `version` is, where differences from it can be made; 0 where they cannot.
    #[inline]
    pub(super) fn age_of(self, version: u32) -> u8 {
        let age = self.version.wrapping_sub(version);
        if age <= BASELINE_AGE_MAX.min(self.lived.into()) { age as u8 } else { 0 }
    }
}

const NOBODY: Head = Head { version: 0, generation: 0, interval: 0, marks: 0, lived: 0 };

/// What is seldom asked.
#[derive(Clone, Copy, Debug, Default)]
struct Life {
    changed_at: u32,
    /// What [`Replica::seals`] was when its newest version was made.
    seal: u32,
    /// Variables that are not 0.
    set: u64,
}

/// The world, as one core knows it.
#[derive(Debug)]
pub struct Replica {
    heads: Vec<Head>,
    lives: Vec<Life>,
    states: Vec<State>,
    past: Vec<[State; KEPT]>,
    variables: Vec<[i32; VARIABLES]>,
    /// Which variables each version set anew.
    variables_set: Vec<[u64; KEPT]>,
    /// How often clients were told of it all.
    seals: Cell<u32>,
    living: usize,
}

impl Replica {
    /// Of a world of at most `entities` entities. All memory it ever needs is taken now: 2 KiB for each.
    pub fn new(entities: usize) -> Self {
        Replica::counting_from(entities, 0)
    }

    /// The same, with versions that count on from `first_version`.
    pub fn counting_from(entities: usize, first_version: u32) -> Self {
        Replica {
            heads: vec![Head { version: first_version, ..NOBODY }; entities],
            lives: vec![Life::default(); entities],
            states: vec![State::NONE; entities],
            past: vec![[State::NONE; KEPT]; entities],
            variables: vec![[0; VARIABLES]; entities],
            variables_set: vec![[0; KEPT]; entities],
            seals: Cell::new(0),
            living: 0,
        }
    }

    /// Takes in what its owner has published. What names no entity of this world is nobody's fault here: it is asserted
    /// where it is published.
    pub fn apply(&mut self, tick: u32, change: &Change) {
        match *change {
            Change::State { id, ref state, rate } => self.set_state(tick, id, state, rate),
            Change::Variable { id, number, value } => self.set_variable(tick, id, number, value),
            Change::Gone { id } => {
                let head = &mut self.heads[usize::from(id.index)];
                self.living -= usize::from(head.generation != 0);
                head.generation = 0;
            }
        }
    }

    fn set_state(&mut self, tick: u32, id: EntityId, state: &State, rate: Rate) {
        let index = usize::from(id.index);
        let (head, life) = (&mut self.heads[index], &mut self.lives[index]);
        head.version = after(head.version);
        if head.generation != id.generation {
            self.living += usize::from(head.generation == 0);
            (head.generation, head.marks, head.lived) = (id.generation, 0, 0);
            *life = Life { changed_at: tick, ..Life::default() };
            self.variables[index] = [0; VARIABLES];
        } else {
            head.mark(MOVING, tick.wrapping_sub(life.changed_at) <= MOVING_GAP);
            head.lived = head.lived.saturating_add(1);
            life.changed_at = tick;
        }
        life.seal = self.seals.get();
        head.interval = interval_of(rate);
        head.mark(INVISIBLE, state.states & states::INVISIBLE != 0);
        let former = &self.states[index];
        if (former.kind, former.faction) != (state.kind, state.faction) {
            // Differences do not tell of these: whoever knows it is told in full.
            head.lived = 0;
        }
        let kept = head.version as usize % KEPT;
        self.states[index] = *state;
        self.past[index][kept] = *state;
        self.variables_set[index][kept] = 0;
    }

    fn set_variable(&mut self, tick: u32, id: EntityId, number: u8, value: i32) {
        let index = usize::from(id.index);
        let (head, life) = (&mut self.heads[index], &mut self.lives[index]);
        if head.generation != id.generation {
            return;
        }
        // All that changes in a tick is one version, unless somebody may have been told of it already: what other cores
        // publish comes at any time.
        if (life.changed_at, life.seal) != (tick, self.seals.get()) {
            head.version = after(head.version);
            head.lived = head.lived.saturating_add(1);
            head.mark(MOVING, tick.wrapping_sub(life.changed_at) <= MOVING_GAP);
            (life.changed_at, life.seal) = (tick, self.seals.get());
            let kept = head.version as usize % KEPT;
            self.past[index][kept] = self.states[index];
            self.variables_set[index][kept] = 0;
        }
        let bit = 1 << number;
        self.variables_set[index][head.version as usize % KEPT] |= bit;
        life.set = if value == 0 { life.set & !bit } else { life.set | bit };
        self.variables[index][usize::from(number)] = value;
    }

    /// A client is told of how it is now: that stays so, and what comes next is another version.
    pub(super) fn seal(&self) {
        self.seals.set(self.seals.get().wrapping_add(1));
    }

    /// Places of entities, taken or not.
    pub fn capacity(&self) -> usize {
        self.heads.len()
    }

    /// Entities that are there.
    pub fn len(&self) -> usize {
        self.living
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.living == 0
    }

    #[inline]
    pub(super) fn head(&self, index: u16) -> Head {
        self.heads[usize::from(index)]
    }

    /// Generation of the entity at `index`; 0 when there is none.
    #[inline]
    pub fn generation(&self, index: u16) -> u8 {
        self.head(index).generation
    }

    /// Newest version of the entity at `index`.
    #[inline]
    pub fn version(&self, index: u16) -> u32 {
        self.head(index).version
    }

    /// Whether the newest that is known of an entity is this.
    #[inline]
    pub fn is_known(&self, id: EntityId, state: &State, rate: Rate) -> bool {
        let Head { generation, interval, .. } = self.head(id.index);
        generation == id.generation && interval == interval_of(rate) && self.state(id.index) == state
    }

    /// The newest state of the entity at `index`.
    #[inline]
    pub fn state(&self, index: u16) -> &State {
        &self.states[usize::from(index)]
    }

    /// What `id` is now, if it is there.
    pub fn get(&self, id: EntityId) -> Option<&State> {
        let head = self.heads.get(usize::from(id.index))?;
        (head.generation == id.generation && id.generation != 0).then(|| self.state(id.index))
    }

    /// The state of the entity at `index` at one of its versions, while that is kept and its own.
    #[inline]
    pub fn state_at(&self, index: u16, version: u32) -> Option<&State> {
        let head = self.head(index);
        let age = head.version.wrapping_sub(version);
        let kept = age <= BASELINE_AGE_MAX.min(head.lived.into());
        kept.then(|| &self.past[usize::from(index)][version as usize % KEPT])
    }

    /// The entity at `index` as entries want it.
    pub(super) fn versioned(&self, index: u16) -> Versioned<'_> {
        let Head { version, generation, .. } = self.head(index);
        let at = usize::from(index);
        Versioned {
            id: EntityId { index, generation },
            version,
            state: &self.states[at],
            variables: &self.variables[at],
        }
    }

    /// Variables of the entity at `index` that are not 0.
    pub(super) fn variables_set(&self, index: u16) -> u64 {
        self.lives[usize::from(index)].set
    }

    /// Variables of the entity at `index` that changed after `version`.
    pub(super) fn variables_set_since(&self, index: u16, version: u32) -> u64 {
        let set = &self.variables_set[usize::from(index)];
        let age = self.version(index).wrapping_sub(version);
        (1..=age).fold(0, |all, ahead| all | set[version.wrapping_add(ahead) as usize % KEPT])
    }

    /// Whether `viewer` sees the entity at `index`, if it is close enough: who is invisible is seen by its own faction only.
    #[inline]
    pub fn sees(&self, viewer: EntityId, index: u16) -> bool {
        !self.head(index).is_invisible()
            || self.get(viewer).is_some_and(|own| index == viewer.index || own.faction == self.state(index).faction)
    }

    /// All entities that may be told of: index, place, and kind.
    pub fn places(&self) -> impl Iterator<Item = (u16, Position, u8)> + '_ {
        let told = |head: &Head| head.generation != 0 && head.interval != NEVER;
        let living = self.heads.iter().zip(&self.states).enumerate().filter(move |(_, (head, _))| told(head));
        living.map(|(index, (_, state))| (index as u16, state.position, state.kind as u8))
    }
}
