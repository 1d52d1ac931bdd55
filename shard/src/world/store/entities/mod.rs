//! The entities that a core owns, column by column, so that a pass over all of them reads memory in order.
//!
//! The indices are divided evenly: core 0 owns the first `capacity`, core 1 the next, and so on. So the owner of an entity
//! follows from its id. A freed row goes to the end of a queue, so that its index is reused as late as possible; the
//! generation distinguishes the entities that have the same index one after the other.

mod fields;

use crate::world::store::buffs::Buffs;
use crate::world::store::columns::{Columns, ColumnsMut};
use crate::world::store::factions::FACTIONS_MAX;
use crate::world::store::rate::Rate;
use crate::world::store::row_set::RowSet;
use crate::world::store::variables::Variables;
use ringshard_world::entity::{EntityId, EntityKind, states};
use ringshard_world::limits::WORLD_ENTITIES_MAX;
use std::collections::VecDeque;

#[cfg(test)]
pub(super) mod tests;

/// Health and mana of a new entity.
const HEALTHY: u8 = u8::MAX;

/// The core has no free row for another entity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("all {capacity} places of this core are taken; despawn something or give each core more")]
pub struct Full {
    /// Most entities of a core.
    pub capacity: usize,
}

/// The entities of one core.
#[derive(Debug)]
pub struct Entities {
    /// The index of row 0.
    first: u16,
    /// Free rows, the one freed first at the front.
    free: VecDeque<u16>,
    living: RowSet,
    /// The generation of the present or last entity of each row; 0 if there was none yet.
    generations: Vec<u8>,
    kinds: Vec<EntityKind>,
    factions: Vec<u8>,
    points: Vec<[f32; 3]>,
    velocities: Vec<[f32; 3]>,
    rotations: Vec<[u16; 3]>,
    animations: Vec<u16>,
    /// States that the game has set; those of buffs are added to them.
    own_states: Vec<u8>,
    health: Vec<u8>,
    mana: Vec<u8>,
    rates: Vec<Rate>,
    buffs: Buffs,
    variables: Variables,
}

impl Entities {
    /// No entities, and room for `capacity`, whose indices begin with `first`.
    ///
    /// # Panics
    /// When `capacity` is 0, when the indices exceed [`WORLD_ENTITIES_MAX`], or when `first` is not a multiple of `capacity`.
    pub fn new(first: u16, capacity: usize) -> Entities {
        let from = usize::from(first);
        assert!(capacity > 0 && from + capacity <= WORLD_ENTITIES_MAX, "a world has {WORLD_ENTITIES_MAX} indices");
        assert!(from.is_multiple_of(capacity), "each core owns equally many indices");
        Entities {
            first,
            free: (0..capacity).map(|row| row as u16).collect(),
            living: RowSet::new(capacity),
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
            rates: vec![Rate::Full; capacity],
            buffs: Buffs::new(capacity),
            variables: Variables::new(capacity),
        }
    }

    /// Adds an entity. It is alive, with full health and mana, at rest, and replicated at the full rate.
    ///
    /// # Errors
    /// [`Full`] if the core's share of entities is used up.
    ///
    /// # Panics
    /// When `faction` is not below [`FACTIONS_MAX`].
    pub fn spawn(&mut self, kind: EntityKind, faction: u8, point: [f32; 3]) -> Result<EntityId, Full> {
        assert!(faction < FACTIONS_MAX, "there are {FACTIONS_MAX} factions");
        let row = usize::from(self.free.pop_front().ok_or(Full { capacity: self.capacity() })?);
        assert!(!self.living.contains(row), "a free row has no entity");
        assert!(self.buffs.active()[row] == 0 && self.variables.touched()[row] == 0, "a free row keeps nothing");
        self.living.insert(row);
        // Generation 0 means that there is no entity.
        self.generations[row] = self.generations[row].checked_add(1).unwrap_or(1);
        self.kinds[row] = kind;
        self.factions[row] = faction;
        self.points[row] = point;
        self.velocities[row] = [0.0; 3];
        self.rotations[row] = [0; 3];
        self.animations[row] = 0;
        self.own_states[row] = states::ALIVE;
        self.health[row] = HEALTHY;
        self.mana[row] = HEALTHY;
        self.rates[row] = Rate::Full;
        Ok(self.id_of(row))
    }

    /// Removes an entity with its buffs and variables; false if there is no such entity.
    pub fn despawn(&mut self, id: EntityId) -> bool {
        let Some(row) = self.row(id) else { return false };
        self.living.remove(row);
        self.buffs.clear(row);
        self.variables.clear(row);
        assert!(self.free.len() < self.capacity(), "a row is freed once");
        self.free.push_back(row as u16);
        true
    }

    /// Whether this core has the entity.
    #[inline]
    pub fn contains(&self, id: EntityId) -> bool {
        self.row(id).is_some()
    }

    /// Number of entities.
    pub fn len(&self) -> usize {
        self.capacity() - self.free.len()
    }

    /// Whether there are no entities.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Most entities.
    pub fn capacity(&self) -> usize {
        self.generations.len()
    }

    /// The ids of all entities, in the order of their rows.
    #[inline]
    pub fn ids(&self) -> impl Iterator<Item = EntityId> + '_ {
        self.living.iter().map(|row| self.id_of(row))
    }

    /// Whether the entity belongs to this core, whether it exists or not.
    #[inline]
    pub fn owns(&self, id: EntityId) -> bool {
        usize::from(id.index.wrapping_sub(self.first)) < self.capacity()
    }

    /// The row of an entity.
    #[inline]
    pub fn row(&self, id: EntityId) -> Option<usize> {
        let row = usize::from(id.index.wrapping_sub(self.first));
        let generation = *self.generations.get(row)?;
        (generation == id.generation && self.living.contains(row)).then_some(row)
    }

    /// The entity of a row.
    #[inline]
    pub fn id_at(&self, row: usize) -> Option<EntityId> {
        self.living.contains(row).then(|| self.id_of(row))
    }

    fn id_of(&self, row: usize) -> EntityId {
        EntityId { index: self.first + row as u16, generation: self.generations[row] }
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
            buffs: self.buffs.active(),
            health: &self.health,
            mana: &self.mana,
            rates: &self.rates,
            variables: self.variables.values(),
            variables_touched: self.variables.touched(),
            dirty: self.variables.dirty_rows(),
        }
    }

    /// The columns that a game may write.
    #[inline]
    pub fn columns_mut(&mut self) -> ColumnsMut<'_> {
        ColumnsMut {
            living: &self.living,
            generations: &self.generations,
            kinds: &self.kinds,
            factions: &self.factions,
            buffs: self.buffs.active(),
            points: &mut self.points,
            velocities: &mut self.velocities,
            rotations: &mut self.rotations,
            animations: &mut self.animations,
            own_states: &mut self.own_states,
            health: &mut self.health,
            mana: &mut self.mana,
        }
    }
}
