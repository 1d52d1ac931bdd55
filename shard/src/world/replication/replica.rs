//! A core's copy of the whole world: the replicated state of its own entities and of those of every other core.
//!
//! Each tick's change of an entity makes a new version of it. The last 32 versions are kept: clients may have any of them,
//! and differences start from them. Versions have 16 bits, so that what every client reads in every tick stays in the cache.
//! They wrap, as ticks do: only the distance of two of them counts.

use crate::runtime::tick::TICKS_PER_SECOND;
use crate::world::exchange::Change;
use crate::world::store::Rate;
use ringshard_prefetch::prefetch;
use ringshard_world::limits::{BASELINE_AGE_MAX, WORLD_ENTITIES_MAX};
use ringshard_world::messages::Versioned;
use ringshard_world::{EntityId, Fields, Position, State};

/// Versions kept per entity.
const KEPT: usize = BASELINE_AGE_MAX as usize + 1;
/// The greatest age of a baseline, in versions.
const AGE_MAX: u16 = BASELINE_AGE_MAX as u16;
/// An entity is moving if at most this many ticks lie between its last two changes.
const MOVING_GAP: u32 = 3;
/// The interval of an entity that is not replicated: it never passes.
pub(super) const NEVER: u8 = Head::INTERVAL;

/// Ticks between two updates at this rate.
fn interval_of(rate: Rate) -> u8 {
    TICKS_PER_SECOND.checked_div(rate.hertz()).map_or(NEVER, |ticks| ticks as u8)
}

/// The version after `version`. 0 stands for none, so it is left out together with the next 31: versions modulo 32, which are
/// on the wire, still increase by one. No difference spans that gap: the entity is sent in full once.
fn after(version: u16) -> u16 {
    version.checked_add(1).unwrap_or(KEPT as u16)
}

/// What every client in sight of an entity reads in every tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// The newest version.
    pub(super) version: u16,
    /// 0 if there is no entity.
    pub(super) generation: u8,
    /// The interval, and [`Head::MOVING`].
    pub(super) pace: u8,
}

// All heads of 10,000 entities are 40 KB.
const _: () = assert!(size_of::<Head>() == 4);
// Versions wrap, and index the kept ones.
const _: () = assert!(KEPT.is_power_of_two());

impl Head {
    /// The bit of `pace` that says that the last change came soon after the one before.
    pub(super) const MOVING: u8 = 0x80;
    /// The bits of `pace` with the fewest ticks between two updates; [`NEVER`] for no updates.
    pub(super) const INTERVAL: u8 = 0x7F;

    const NO_ENTITY: Head = Head { version: 0, generation: 0, pace: 0 };

    fn interval(self) -> u8 {
        self.pace & Self::INTERVAL
    }

    /// Whether there is an entity, and clients may see it.
    fn is_replicated(self) -> bool {
        self.generation != 0 && self.interval() != NEVER
    }
}

/// The world, as one core knows it. All columns are by index of the entity.
#[derive(Debug)]
pub struct Replica<S> {
    /// One for each index that an entity can have, so that no look-up can fail.
    heads: Box<[Head; WORLD_ENTITIES_MAX]>,
    /// How many versions back differences can start: as far as it is the same entity. At most 255.
    baselines: Vec<u8>,
    /// The tick of the newest version.
    changed_at: Vec<u32>,
    states: Vec<State<S>>,
    /// The kind of each entity, which the game derives from its state.
    kinds: Vec<u8>,
    /// The kept versions of each, by version modulo [`KEPT`].
    past: Vec<[State<S>; KEPT]>,
    /// What full entries are a difference from.
    blank: State<S>,
    /// Entities that exist.
    living: usize,
}

impl<S: Fields> Replica<S> {
    /// A replica of a world of at most `entities` entities, with versions that continue from `first_version`. It allocates
    /// all memory now: 33 states for each.
    pub fn new(entities: usize, first_version: u16, blank: S) -> Self {
        assert!(entities <= WORLD_ENTITIES_MAX, "a world has {WORLD_ENTITIES_MAX} indices");
        let blank = State::blank(blank);
        // Versions up to this one are left out: see `after`.
        let first_version = first_version.max(KEPT as u16 - 1);
        Replica {
            heads: vec![Head { version: first_version, ..Head::NO_ENTITY }; WORLD_ENTITIES_MAX]
                .try_into()
                .expect("a head for each index"),
            baselines: vec![0; entities],
            changed_at: vec![0; entities],
            states: vec![blank; entities],
            kinds: vec![0; entities],
            past: vec![[blank; KEPT]; entities],
            blank,
            living: 0,
        }
    }

    /// Applies a change that the owner of the entity has published.
    ///
    /// # Panics
    /// When the world has no such index.
    pub fn apply(&mut self, tick: u32, change: &Change<S>) {
        match *change {
            Change::State { id, ref state, kind, rate } => {
                self.kinds[usize::from(id.index)] = kind;
                self.set_state(tick, id, state, rate);
            }
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

    /// Prefetches what [`Self::apply`] writes for the entity at `index`.
    #[inline]
    pub fn prefetch_change(&self, index: u16) {
        let at = usize::from(index);
        prefetch(&self.past[at][after(self.heads[at].version) as usize % KEPT]);
        prefetch(&self.states[at]);
    }

    /// Prefetches the newest state of the entity at `index`, and the one `age` versions back.
    #[inline]
    pub(super) fn prefetch_baseline(&self, index: u16, age: u8) {
        let at = usize::from(index);
        let base = self.heads[at].version.wrapping_sub(age.into());
        for state in [&self.states[at], &self.past[at][usize::from(base) % KEPT]] {
            // They can lie in two lines of the cache.
            prefetch(&state.position);
            prefetch(&state.shown);
        }
    }

    fn set_state(&mut self, tick: u32, id: EntityId, state: &State<S>, rate: Rate) {
        let index = usize::from(id.index);
        let (head, baselines) = (&mut self.heads[index], &mut self.baselines[index]);
        assert!(id.generation != 0, "generation 0 means no entity");
        head.version = after(head.version);
        let mut pace = interval_of(rate);
        if head.generation != id.generation {
            self.living += usize::from(head.generation == 0);
            (head.generation, *baselines) = (id.generation, 0);
        } else {
            if tick.wrapping_sub(self.changed_at[index]) <= MOVING_GAP {
                pace |= Head::MOVING;
            }
            *baselines = baselines.saturating_add(1);
        }
        head.pace = pace;
        self.changed_at[index] = tick;
        self.states[index] = *state;
        self.past[index][usize::from(head.version) % KEPT] = *state;
    }

    /// Most entities.
    pub fn capacity(&self) -> usize {
        self.states.len()
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

    /// How many versions before `version` of the entity at `index` the version `base` is; 0 if no difference can start from it.
    #[inline]
    pub(super) fn age_of(&self, index: u16, version: u16, base: u16) -> u8 {
        let age = version.wrapping_sub(base);
        if age <= AGE_MAX.min(self.baselines[usize::from(index)].into()) { age as u8 } else { 0 }
    }

    /// The generation of the entity at `index`; 0 if there is none.
    #[inline]
    pub fn generation(&self, index: u16) -> u8 {
        self.head(index).generation
    }

    /// The newest version of the entity at `index`.
    #[inline]
    pub fn version(&self, index: u16) -> u16 {
        self.head(index).version
    }

    /// Whether the newest version of the entity has this state and rate.
    #[inline]
    pub fn is_known(&self, id: EntityId, state: &State<S>, rate: Rate) -> bool {
        let head = self.head(id.index);
        head.generation == id.generation && head.interval() == interval_of(rate) && self.state(id.index) == state
    }

    /// What full entries are a difference from.
    pub(super) fn blank(&self) -> &State<S> {
        &self.blank
    }

    /// The newest state of the entity at `index`.
    #[inline]
    pub fn state(&self, index: u16) -> &State<S> {
        &self.states[usize::from(index)]
    }

    /// The newest state of `id`, if it exists.
    pub fn get(&self, id: EntityId) -> Option<&State<S>> {
        let head = self.head(id.index);
        (head.generation == id.generation && id.generation != 0).then(|| self.state(id.index))
    }

    /// Whether `id` exists and is replicated.
    pub fn is_replicated(&self, id: EntityId) -> bool {
        let head = self.head(id.index);
        head.generation == id.generation && head.is_replicated()
    }

    /// The state of the entity at `index` in an earlier version, if that is kept and a difference can start from it.
    #[inline]
    pub fn state_at(&self, index: u16, version: u16) -> Option<&State<S>> {
        let newest = self.version(index);
        let kept = version == newest || self.age_of(index, newest, version) != 0;
        kept.then(|| &self.past[usize::from(index)][usize::from(version) % KEPT])
    }

    /// The entity at `index`, as an entry needs it.
    pub(super) fn versioned(&self, index: u16) -> Versioned<'_, S> {
        let Head { version, generation, .. } = self.head(index);
        Versioned { id: EntityId { index, generation }, version: version.into(), state: self.state(index) }
    }

    /// The kind of the entity at `index`.
    #[inline]
    pub fn kind(&self, index: u16) -> u8 {
        self.kinds[usize::from(index)]
    }

    /// All entities that exist: index, generation and state.
    pub fn living(&self) -> impl Iterator<Item = (u16, u8, &State<S>)> + '_ {
        let living = self.heads.iter().zip(&self.states).enumerate().filter(|(_, (head, _))| head.generation != 0);
        living.map(|(index, (head, state))| (index as u16, head.generation, state))
    }

    /// Position and kind of the entity at `index`, if it is replicated.
    #[inline]
    pub fn place(&self, index: u16) -> Option<(Position, u8)> {
        let at = usize::from(index);
        self.heads[at].is_replicated().then(|| (self.states[at].position, self.kinds[at]))
    }

    /// All entities that are replicated: index, position and kind.
    pub fn positions(&self) -> impl Iterator<Item = (u16, Position, u8)> + '_ {
        let all = self.heads.iter().zip(&self.states).zip(&self.kinds).enumerate();
        let living = all.filter(|(_, ((head, _), _))| head.is_replicated());
        living.map(|(index, ((_, state), &kind))| (index as u16, state.position, kind))
    }
}
