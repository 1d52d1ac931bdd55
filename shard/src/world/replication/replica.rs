//! A core's copy of the whole world: the replicated state of its own entities and of those of every other core.
//!
//! Each tick's change of an entity makes a new version of it. The last 32 versions are kept: clients may have any of them,
//! and differences start from them. Versions and ticks wrap after 2^32: only the distance of two of them counts.

use crate::runtime::tick::TICKS_PER_SECOND;
use crate::world::exchange::Change;
use crate::world::store::Rate;
use ringshard_world::entity::states;
use ringshard_world::limits::{BASELINE_AGE_MAX, VARIABLES, WORLD_ENTITIES_MAX};
use ringshard_world::messages::Versioned;
use ringshard_world::{EntityId, Position, State};
use std::cell::Cell;

/// Versions kept per entity.
const KEPT: usize = BASELINE_AGE_MAX as usize + 1;
/// An entity is moving if at most this many ticks lie between its last two changes.
const MOVING_GAP: u32 = 3;
/// The interval of an entity that is not replicated.
const NEVER: u8 = u8::MAX;

/// Ticks between two updates at this rate.
fn interval_of(rate: Rate) -> u8 {
    TICKS_PER_SECOND.checked_div(rate.hertz()).map_or(NEVER, |ticks| ticks as u8)
}

/// The version after `version`. 0 stands for none, so it is skipped together with the next 31: versions modulo 32, which are
/// on the wire, still increase by one. No difference spans that gap: the entity is sent in full once.
fn after(version: u32) -> u32 {
    version.checked_add(1).unwrap_or(KEPT as u32)
}

/// What every client in sight of an entity reads in every tick: small, so that it stays in the cache.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// The newest version.
    pub(super) version: u32,
    /// 0 if there is no entity.
    pub(super) generation: u8,
    /// Fewest ticks between two updates; [`NEVER`] for no updates.
    pub(super) interval: u8,
    /// [`MOVING`], [`INVISIBLE`].
    marks: u8,
    /// How many versions back differences can start: as far as entity, kind and faction are the same. At most 255.
    baselines: u8,
}

const _: () = assert!(size_of::<Head>() == 8);
// Versions wrap, and index the kept ones.
const _: () = assert!(KEPT.is_power_of_two() && VARIABLES <= u64::BITS as usize);

/// The last change came soon after the one before.
const MOVING: u8 = 1;
/// Only its own faction sees the entity.
const INVISIBLE: u8 = 2;

impl Head {
    /// Whether the last change came soon after the one before.
    #[inline]
    pub(super) fn is_moving(self) -> bool {
        self.marks & MOVING != 0
    }

    /// Whether only its own faction sees the entity.
    #[inline]
    pub(super) fn is_invisible(self) -> bool {
        self.marks & INVISIBLE != 0
    }

    fn mark(&mut self, mark: u8, set: bool) {
        self.marks = if set { self.marks | mark } else { self.marks & !mark };
    }

    /// How many versions back `version` is; 0 if no difference can start from it.
    #[inline]
    pub(super) fn age_of(self, version: u32) -> u8 {
        let age = self.version.wrapping_sub(version);
        if age <= BASELINE_AGE_MAX.min(self.baselines.into()) { age as u8 } else { 0 }
    }
}

const NO_ENTITY: Head = Head { version: 0, generation: 0, interval: 0, marks: 0, baselines: 0 };

/// What only changes and full entries of an entity need.
#[derive(Clone, Copy, Debug, Default)]
struct Details {
    /// The tick of the newest version.
    changed_at: u32,
    /// The value of [`Replica::freezes`] when the newest version was made.
    freezes: u32,
    /// Variables that are not 0, one bit each.
    set: u64,
}

/// The world, as one core knows it. All columns are by index of the entity.
#[derive(Debug)]
pub struct Replica {
    heads: Vec<Head>,
    details: Vec<Details>,
    states: Vec<State>,
    /// The kept versions of each, by version modulo [`KEPT`].
    past: Vec<[State; KEPT]>,
    variables: Vec<[i32; VARIABLES]>,
    /// The variables that each kept version has changed, one bit each.
    variables_set: Vec<[u64; KEPT]>,
    /// How often the newest versions were frozen. It wraps.
    freezes: Cell<u32>,
    /// Entities that exist.
    living: usize,
}

impl Replica {
    /// A replica of a world of at most `entities` entities. It allocates all memory now: 2 KiB for each.
    pub fn new(entities: usize) -> Self {
        Replica::counting_from(entities, 0)
    }

    /// The same, with versions that continue from `first_version`.
    pub fn counting_from(entities: usize, first_version: u32) -> Self {
        assert!(entities <= WORLD_ENTITIES_MAX, "a world has {WORLD_ENTITIES_MAX} indices");
        Replica {
            heads: vec![Head { version: first_version, ..NO_ENTITY }; entities],
            details: vec![Details::default(); entities],
            states: vec![State::NONE; entities],
            past: vec![[State::NONE; KEPT]; entities],
            variables: vec![[0; VARIABLES]; entities],
            variables_set: vec![[0; KEPT]; entities],
            freezes: Cell::new(0),
            living: 0,
        }
    }

    /// Applies a change that the owner of the entity has published.
    ///
    /// # Panics
    /// When the world has no such index, or no variable of that number.
    pub fn apply(&mut self, tick: u32, change: &Change) {
        match *change {
            Change::State { id, ref state, rate } => self.set_state(tick, id, state, rate),
            Change::Variable { id, number, value } => self.set_variable(tick, id, number, value),
            Change::Gone { id } => {
                let head = &mut self.heads[usize::from(id.index)];
                if head.generation != 0 {
                    assert!(self.living > 0, "a replica counts its entities");
                    self.living -= 1;
                    head.generation = 0;
                }
            }
        }
    }

    fn set_state(&mut self, tick: u32, id: EntityId, state: &State, rate: Rate) {
        let index = usize::from(id.index);
        let (head, details) = (&mut self.heads[index], &mut self.details[index]);
        assert!(id.generation != 0, "generation 0 means no entity");
        head.version = after(head.version);
        if head.generation != id.generation {
            self.living += usize::from(head.generation == 0);
            (head.generation, head.marks, head.baselines) = (id.generation, 0, 0);
            *details = Details { changed_at: tick, ..Details::default() };
            self.variables[index] = [0; VARIABLES];
        } else {
            head.mark(MOVING, tick.wrapping_sub(details.changed_at) <= MOVING_GAP);
            head.baselines = head.baselines.saturating_add(1);
            details.changed_at = tick;
        }
        details.freezes = self.freezes.get();
        head.interval = interval_of(rate);
        head.mark(INVISIBLE, state.states & states::INVISIBLE != 0);
        let former = &self.states[index];
        if (former.kind, former.faction) != (state.kind, state.faction) {
            // Differences do not contain these: the entity is sent in full.
            head.baselines = 0;
        }
        let kept = head.version as usize % KEPT;
        self.states[index] = *state;
        self.past[index][kept] = *state;
        self.variables_set[index][kept] = 0;
    }

    fn set_variable(&mut self, tick: u32, id: EntityId, number: u8, value: i32) {
        assert!(usize::from(number) < VARIABLES, "there is no variable {number}");
        let index = usize::from(id.index);
        let (head, details) = (&mut self.heads[index], &mut self.details[index]);
        if head.generation != id.generation {
            return;
        }
        // The changes of a tick make one version, unless a snapshot may contain that version already: changes of other cores
        // arrive at any time.
        if (details.changed_at, details.freezes) != (tick, self.freezes.get()) {
            head.version = after(head.version);
            head.baselines = head.baselines.saturating_add(1);
            head.mark(MOVING, tick.wrapping_sub(details.changed_at) <= MOVING_GAP);
            (details.changed_at, details.freezes) = (tick, self.freezes.get());
            let kept = head.version as usize % KEPT;
            self.past[index][kept] = self.states[index];
            self.variables_set[index][kept] = 0;
        }
        let bit = 1 << number;
        self.variables_set[index][head.version as usize % KEPT] |= bit;
        details.set = if value == 0 { details.set & !bit } else { details.set | bit };
        self.variables[index][usize::from(number)] = value;
    }

    /// A snapshot will contain the newest versions: from now on they do not change any more, and a change makes another
    /// version.
    pub(super) fn freeze(&self) {
        self.freezes.set(self.freezes.get().wrapping_add(1));
    }

    /// Most entities.
    pub fn capacity(&self) -> usize {
        self.heads.len()
    }

    /// Number of entities.
    pub fn len(&self) -> usize {
        self.living
    }

    /// Whether there are no entities.
    pub fn is_empty(&self) -> bool {
        self.living == 0
    }

    #[inline]
    pub(super) fn head(&self, index: u16) -> Head {
        self.heads[usize::from(index)]
    }

    /// The generation of the entity at `index`; 0 if there is none.
    #[inline]
    pub fn generation(&self, index: u16) -> u8 {
        self.head(index).generation
    }

    /// The newest version of the entity at `index`.
    #[inline]
    pub fn version(&self, index: u16) -> u32 {
        self.head(index).version
    }

    /// Whether the newest version of the entity has this state and rate.
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

    /// The newest state of `id`, if it exists.
    pub fn get(&self, id: EntityId) -> Option<&State> {
        let head = self.heads.get(usize::from(id.index))?;
        (head.generation == id.generation && id.generation != 0).then(|| self.state(id.index))
    }

    /// The state of the entity at `index` in an earlier version, if that is kept and a difference can start from it.
    #[inline]
    pub fn state_at(&self, index: u16, version: u32) -> Option<&State> {
        let head = self.head(index);
        let age = head.version.wrapping_sub(version);
        let kept = age <= BASELINE_AGE_MAX.min(head.baselines.into());
        kept.then(|| &self.past[usize::from(index)][version as usize % KEPT])
    }

    /// The entity at `index`, as an entry needs it.
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

    /// The variables of the entity at `index` that are not 0, one bit each.
    pub(super) fn variables_set(&self, index: u16) -> u64 {
        self.details[usize::from(index)].set
    }

    /// The variables of the entity at `index` that changed after `version`, one bit each.
    pub(super) fn variables_set_since(&self, index: u16, version: u32) -> u64 {
        let set = &self.variables_set[usize::from(index)];
        let age = self.version(index).wrapping_sub(version);
        assert!(age <= BASELINE_AGE_MAX, "version {version} is no longer kept");
        (1..=age).fold(0, |all, ahead| all | set[version.wrapping_add(ahead) as usize % KEPT])
    }

    /// Whether `viewer` sees the entity at `index`, if it is close enough. Only its own faction sees an invisible entity.
    #[inline]
    pub fn sees(&self, viewer: EntityId, index: u16) -> bool {
        !self.head(index).is_invisible()
            || self.get(viewer).is_some_and(|own| index == viewer.index || own.faction == self.state(index).faction)
    }

    /// All entities that are replicated: index, position and kind.
    pub fn positions(&self) -> impl Iterator<Item = (u16, Position, u8)> + '_ {
        let replicated = |head: &Head| head.generation != 0 && head.interval != NEVER;
        let living = self.heads.iter().zip(&self.states).enumerate().filter(move |(_, (head, _))| replicated(head));
        living.map(|(index, (_, state))| (index as u16, state.position, state.kind as u8))
    }
}
