//! The entities that a core owns, column by column, so that a pass over all of them reads memory in order (A2).
//!
//! Indices are dealt out evenly: core 0 owns the first `capacity`, core 1 the next, and so on, so an entity's owner
//! follows from its id. A place that gets free goes to the end of the queue and rests as long as it can; the generation
//! tells its next tenant from the last. An id that is no longer true is nothing unusual in a game: what is asked for by
//! one is `None`, what is set by one does nothing and says so.

use super::buffs::Buffs;
use super::columns::{Columns, ColumnsMut};
use super::factions::FACTIONS_MAX;
use super::places::PlaceSet;
use super::variables::Variables;
use ringshard_world::entity::{EntityId, EntityKind, states};
use ringshard_world::limits::{VARIABLES, WORLD_ENTITIES_MAX};
use std::collections::VecDeque;

#[cfg(test)]
pub(super) mod tests;

/// Health and mana of a newcomer.
const WHOLE: u8 = u8::MAX;

/// Every place of the core is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("all {capacity} places of this core are taken; despawn something or give each core more")]
pub struct Full {
    /// How many there are.
    pub capacity: usize,
}

/// Who says where an entity goes (A8).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Authority {
    /// The simulation.
    Server,
    /// A player, whose movements are checked. That it is still there is for whoever asks to check.
    Owner(EntityId),
}

/// How often an entity is sent at most (A8).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Rate {
    /// Every tick.
    Full,
    /// Often enough to look smooth.
    Reduced,
    /// Often enough to be noticed.
    Low,
    /// Not at all.
    Never,
}

impl Rate {
    /// Times a second.
    pub fn hertz(self) -> u32 {
        match self {
            Rate::Full => 60,
            Rate::Reduced => 18,
            Rate::Low => 6,
            Rate::Never => 0,
        }
    }
}

/// The entities of one core.
#[derive(Debug)]
pub struct Entities {
    /// Index of place 0.
    first: u16,
    /// Places that are free, the longest first.
    free: VecDeque<u16>,
    living: PlaceSet,
    /// Of the tenant, or of the last one; 0 where there was none yet.
    generations: Vec<u8>,
    kinds: Vec<EntityKind>,
    factions: Vec<u8>,
    points: Vec<[f32; 3]>,
    velocities: Vec<[f32; 3]>,
    rotations: Vec<[u16; 3]>,
    animations: Vec<u16>,
    /// States that the game set; those of buffs come on top.
    own_states: Vec<u8>,
    health: Vec<u8>,
    mana: Vec<u8>,
    authorities: Vec<Authority>,
    rates: Vec<Rate>,
    buffs: Buffs,
    variables: Variables,
}

/// Reads one cell of a column, and writes it, by id.
macro_rules! cells {
    ($($(#[$doc:meta])* $column:ident: $cell:ty, $get:ident, $set:ident;)*) => { $(
        $(#[$doc])*
        #[inline]
        pub fn $get(&self, id: EntityId) -> Option<$cell> {
            self.place(id).map(|place| self.$column[place])
        }

        /// Sets it; false when there is no such entity.
        #[inline]
        pub fn $set(&mut self, id: EntityId, to: $cell) -> bool {
            self.place(id).map(|place| self.$column[place] = to).is_some()
        }
    )* };
}

impl Entities {
    /// None yet, and room for `capacity`, whose indices begin with `first`.
    ///
    /// # Panics
    /// When there is no room, when the world has not so many indices, or when `first` is no multiple of `capacity`, as
    /// it is where all cores own as many.
    pub fn new(first: u16, capacity: usize) -> Entities {
        let from = usize::from(first);
        assert!(capacity > 0 && from + capacity <= WORLD_ENTITIES_MAX, "a world has {WORLD_ENTITIES_MAX} entities");
        assert!(from.is_multiple_of(capacity), "each core owns as many indices as the others");
        Entities {
            first,
            free: (0..capacity).map(|place| place as u16).collect(),
            living: PlaceSet::new(capacity),
            generations: vec![0; capacity],
            kinds: vec![EntityKind::Player; capacity],
            factions: vec![0; capacity],
            points: vec![[0.0; 3]; capacity],
            velocities: vec![[0.0; 3]; capacity],
            rotations: vec![[0; 3]; capacity],
            animations: vec![0; capacity],
            own_states: vec![0; capacity],
            health: vec![0; capacity],
            mana: vec![0; capacity],
            authorities: vec![Authority::Server; capacity],
            rates: vec![Rate::Full; capacity],
            buffs: Buffs::new(capacity),
            variables: Variables::new(capacity),
        }
    }

    /// A new entity: alive, whole, at rest, the server's, and sent as often as can be.
    ///
    /// # Errors
    /// [`Full`] when all places are taken.
    ///
    /// # Panics
    /// When there is no such faction.
    pub fn spawn(&mut self, kind: EntityKind, faction: u8, point: [f32; 3]) -> Result<EntityId, Full> {
        assert!(faction < FACTIONS_MAX, "there are {FACTIONS_MAX} factions");
        let place = usize::from(self.free.pop_front().ok_or(Full { capacity: self.capacity() })?);
        self.living.insert(place);
        // 0 is nobody's: an id of generation 0 may stand for no entity.
        self.generations[place] = self.generations[place].checked_add(1).unwrap_or(1);
        self.kinds[place] = kind;
        self.factions[place] = faction;
        self.points[place] = point;
        self.velocities[place] = [0.0; 3];
        self.rotations[place] = [0; 3];
        self.animations[place] = 0;
        self.own_states[place] = states::ALIVE;
        self.health[place] = WHOLE;
        self.mana[place] = WHOLE;
        self.authorities[place] = Authority::Server;
        self.rates[place] = Rate::Full;
        Ok(self.id_of(place))
    }

    /// Takes an entity out of the world, and what it carried with it; false when there is no such.
    pub fn despawn(&mut self, id: EntityId) -> bool {
        let Some(place) = self.place(id) else { return false };
        self.living.remove(place);
        self.buffs.clear(place);
        self.variables.clear(place);
        self.free.push_back(place as u16);
        true
    }

    /// Whether it lives here.
    #[inline]
    pub fn contains(&self, id: EntityId) -> bool {
        self.place(id).is_some()
    }

    /// How many live here.
    pub fn len(&self) -> usize {
        self.capacity() - self.free.len()
    }

    /// Whether nobody lives here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many can live here.
    pub fn capacity(&self) -> usize {
        self.generations.len()
    }

    /// All who live here, by place.
    #[inline]
    pub fn ids(&self) -> impl Iterator<Item = EntityId> + '_ {
        self.living.iter().map(|place| self.id_of(place))
    }

    /// Which core owns the index, counted from 0; it need not exist.
    #[inline]
    pub fn owner_of(&self, index: u16) -> usize {
        usize::from(index) / self.capacity()
    }

    /// Whether the entity would be found here, if it lives.
    #[inline]
    pub fn owns(&self, id: EntityId) -> bool {
        usize::from(id.index.wrapping_sub(self.first)) < self.capacity()
    }

    /// The place of an entity that lives here.
    #[inline]
    pub fn place(&self, id: EntityId) -> Option<usize> {
        let place = usize::from(id.index.wrapping_sub(self.first));
        let generation = *self.generations.get(place)?;
        (generation == id.generation && self.living.contains(place)).then_some(place)
    }

    /// Who lives at a place.
    #[inline]
    pub fn id_at(&self, place: usize) -> Option<EntityId> {
        self.living.contains(place).then(|| self.id_of(place))
    }

    fn id_of(&self, place: usize) -> EntityId {
        EntityId { index: self.first + place as u16, generation: self.generations[place] }
    }

    /// All columns, to read.
    #[inline]
    pub fn columns(&self) -> Columns<'_> {
        Columns {
            living: &self.living,
            generations: &self.generations,
            kinds: &self.kinds,
            factions: &self.factions,
            points: &self.points,
            velocities: &self.velocities,
            rotations: &self.rotations,
            animations: &self.animations,
            own_states: &self.own_states,
            buffs: self.buffs.carried(),
            health: &self.health,
            mana: &self.mana,
            authorities: &self.authorities,
            rates: &self.rates,
            variables: self.variables.values(),
            variables_touched: self.variables.touched(),
            dirty: self.variables.dirty_places(),
        }
    }

    /// The columns of the simulation, to write.
    #[inline]
    pub fn columns_mut(&mut self) -> ColumnsMut<'_> {
        ColumnsMut {
            living: &self.living,
            generations: &self.generations,
            kinds: &self.kinds,
            factions: &self.factions,
            buffs: self.buffs.carried(),
            authorities: &self.authorities,
            points: &mut self.points,
            velocities: &mut self.velocities,
            rotations: &mut self.rotations,
            animations: &mut self.animations,
            own_states: &mut self.own_states,
            health: &mut self.health,
            mana: &mut self.mana,
        }
    }

    cells! {
        /// Where it is, in units.
        points: [f32; 3], point, set_point;
        /// How fast it goes, in units a second.
        velocities: [f32; 3], velocity, set_velocity;
        /// Yaw, pitch and roll: 65,536 are a turn.
        rotations: [u16; 3], rotation, set_rotation;
        /// What it is seen doing: a number of the game's.
        animations: u16, animation, set_animation;
        /// The states that the game set, without those of buffs.
        own_states: u8, own_states, set_own_states;
        /// How whole it is.
        health: u8, health, set_health;
        /// How much it can still cast.
        mana: u8, mana, set_mana;
        /// Who says where it goes.
        authorities: Authority, authority, set_authority;
        /// How often it is sent at most.
        rates: Rate, rate, set_rate;
    }

    /// What it is; that never changes.
    #[inline]
    pub fn kind(&self, id: EntityId) -> Option<EntityKind> {
        self.place(id).map(|place| self.kinds[place])
    }

    /// Whose side it is on.
    #[inline]
    pub fn faction(&self, id: EntityId) -> Option<u8> {
        self.place(id).map(|place| self.factions[place])
    }

    /// Sets it; false when there is no such entity.
    ///
    /// # Panics
    /// When there is no such faction.
    pub fn set_faction(&mut self, id: EntityId, to: u8) -> bool {
        assert!(to < FACTIONS_MAX, "there are {FACTIONS_MAX} factions");
        self.place(id).map(|place| self.factions[place] = to).is_some()
    }

    /// The states that it is in: its own, and those of buffs.
    #[inline]
    pub fn states(&self, id: EntityId) -> Option<u8> {
        self.place(id).map(|place| self.columns().states(place))
    }

    /// What it carries, a bit each.
    #[inline]
    pub fn buffs(&self, id: EntityId) -> Option<u8> {
        self.place(id).map(|place| self.buffs.carried()[place])
    }

    /// Lets an entity carry `buff` until [`expire_buffs`](Self::expire_buffs) is called with `until_tick`; `u64::MAX` is
    /// for good. If it carries it already, the later tick and the larger intensity hold. False when there is no such
    /// entity, or the tick has passed.
    ///
    /// # Panics
    /// When `buff` is not exactly one, here and below.
    pub fn apply_buff(&mut self, id: EntityId, buff: u8, intensity: u8, until_tick: u64) -> bool {
        self.place(id).is_some_and(|place| self.buffs.apply(place, buff, intensity, until_tick))
    }

    /// How strong a buff is that it carries.
    #[inline]
    pub fn buff_intensity(&self, id: EntityId, buff: u8) -> Option<u8> {
        Some(self.buffs.get(self.place(id)?, buff)?.0)
    }

    /// The tick at which a buff ends that it carries.
    pub fn buff_until(&self, id: EntityId, buff: u8) -> Option<u64> {
        Some(self.buffs.get(self.place(id)?, buff)?.1)
    }

    /// Ends a buff early; false when it is not carried.
    pub fn remove_buff(&mut self, id: EntityId, buff: u8) -> bool {
        self.place(id).is_some_and(|place| self.buffs.remove(place, buff))
    }

    /// Ends the buffs that last until `tick` or less, those that end sooner first, and tells `each` of them. To be called
    /// every tick.
    ///
    /// # Panics
    /// When `tick` is before that of the last call.
    pub fn expire_buffs(&mut self, tick: u64, mut each: impl FnMut(EntityId, u8)) {
        let Entities { first, generations, buffs, .. } = self;
        buffs.expire(tick, |place, buff| {
            each(EntityId { index: *first + place as u16, generation: generations[place] }, buff);
        });
    }

    /// A variable of it: 0 until it is set.
    ///
    /// # Panics
    /// When there is none of that number, here and below.
    #[inline]
    pub fn variable(&self, id: EntityId, number: usize) -> Option<i32> {
        self.place(id).map(|place| self.variables.values()[place][number])
    }

    /// Sets a variable; it is dirty when that changes it. False when there is no such entity.
    #[inline]
    pub fn set_variable(&mut self, id: EntityId, number: usize, value: i32) -> bool {
        self.place(id).map(|place| self.variables.set(place, number, value)).is_some()
    }

    /// Which variables of a place changed since this was last asked.
    #[inline]
    pub fn take_dirty(&mut self, place: usize) -> u64 {
        self.variables.take_dirty(place)
    }

    /// The same for every place where any did, by place; costs nothing for the others.
    #[inline]
    pub fn drain_dirty(&mut self, mut each: impl FnMut(EntityId, u64, &[i32; VARIABLES])) {
        let Entities { first, generations, variables, .. } = self;
        variables.drain_dirty(|place, dirty, values| {
            each(EntityId { index: *first + place as u16, generation: generations[place] }, dirty, values);
        });
    }
}
