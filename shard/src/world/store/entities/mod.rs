//! The entities that a core owns, column by column, so that a pass over all of them reads memory in order.
//!
//! The indices are divided evenly: core 0 owns the first `capacity`, core 1 the next, and so on. So the owner of an entity
//! follows from its id. A freed row goes to the end of a queue, so that its index is reused as late as possible; the
//! generation distinguishes the entities that have the same index one after the other.
//!
//! An id may be out of date at any time. A getter then returns `None`.

use crate::world::store::rate::Rate;
use crate::world::store::row_set::RowSet;
use ringshard_world::limits::WORLD_ENTITIES_MAX;
use ringshard_world::{EntityId, Pose};
use std::collections::VecDeque;

#[cfg(test)]
mod tests;

/// The core has no free row for another entity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("all {capacity} places of this core are taken; despawn something or give each core more")]
pub struct Full {
    /// Most entities of a core.
    pub capacity: usize,
}

/// All columns, to read. Values of rows that are not in `living` are meaningless.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "documented at the getters of `Entities`")]
pub struct Columns<'a, S> {
    pub living: &'a RowSet,
    pub generations: &'a [u8],
    pub poses: &'a [Pose],
    pub shown: &'a [S],
    pub rates: &'a [Rate],
}

/// The columns that a game writes, and those that it reads meanwhile.
#[derive(Debug)]
#[allow(missing_docs, reason = "documented at the getters of `Entities`")]
pub struct ColumnsMut<'a, S> {
    pub living: &'a RowSet,
    pub generations: &'a [u8],
    pub poses: &'a mut [Pose],
    pub shown: &'a mut [S],
}

/// The entities of one core. `S` is what the game shows of each.
#[derive(Debug)]
pub struct Entities<S> {
    /// The index of row 0.
    first: u16,
    /// Free rows, the one freed first at the front.
    free: VecDeque<u16>,
    living: RowSet,
    /// The generation of the present or last entity of each row; 0 if there was none yet.
    generations: Vec<u8>,
    poses: Vec<Pose>,
    shown: Vec<S>,
    rates: Vec<Rate>,
}

impl<S: Copy> Entities<S> {
    /// No entities, and room for `capacity`, whose indices begin with `first`. `blank` fills the rows meanwhile.
    ///
    /// # Panics
    /// When `capacity` is 0, when the indices exceed [`WORLD_ENTITIES_MAX`], or when `first` is not a multiple of `capacity`.
    pub fn new(first: u16, capacity: usize, blank: S) -> Self {
        let from = usize::from(first);
        assert!(capacity > 0 && from + capacity <= WORLD_ENTITIES_MAX, "a world has {WORLD_ENTITIES_MAX} indices");
        assert!(from.is_multiple_of(capacity), "each core owns equally many indices");
        Entities {
            first,
            free: (0..capacity).map(|row| row as u16).collect(),
            living: RowSet::new(capacity),
            generations: vec![0; capacity],
            poses: vec![Pose::default(); capacity],
            shown: vec![blank; capacity],
            rates: vec![Rate::Full; capacity],
        }
    }

    /// Adds an entity, which is replicated at the full rate.
    ///
    /// # Errors
    /// [`Full`] if the core's share of entities is used up.
    pub fn spawn(&mut self, pose: Pose, shown: S) -> Result<EntityId, Full> {
        let row = usize::from(self.free.pop_front().ok_or(Full { capacity: self.capacity() })?);
        assert!(!self.living.contains(row), "a free row has no entity");
        self.living.insert(row);
        // Generation 0 means that there is no entity.
        self.generations[row] = self.generations[row].checked_add(1).unwrap_or(1);
        (self.poses[row], self.shown[row], self.rates[row]) = (pose, shown, Rate::Full);
        Ok(self.id_of(row))
    }

    /// Removes an entity; false if there is no such entity.
    pub fn despawn(&mut self, id: EntityId) -> bool {
        let Some(row) = self.row(id) else { return false };
        self.living.remove(row);
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

    /// Where an entity is.
    #[inline]
    pub fn pose(&self, id: EntityId) -> Option<&Pose> {
        self.row(id).map(|row| &self.poses[row])
    }

    /// Where an entity is, to change. The pose of a player's body is replaced after each of the player's steps.
    #[inline]
    pub fn pose_mut(&mut self, id: EntityId) -> Option<&mut Pose> {
        self.row(id).map(|row| &mut self.poses[row])
    }

    /// What the game shows of an entity.
    #[inline]
    pub fn shown(&self, id: EntityId) -> Option<&S> {
        self.row(id).map(|row| &self.shown[row])
    }

    /// What the game shows of an entity, to change.
    #[inline]
    pub fn shown_mut(&mut self, id: EntityId) -> Option<&mut S> {
        self.row(id).map(|row| &mut self.shown[row])
    }

    /// The highest rate at which clients get an entity.
    #[inline]
    pub fn rate(&self, id: EntityId) -> Option<Rate> {
        self.row(id).map(|row| self.rates[row])
    }

    /// Sets the highest rate at which clients get an entity; false if there is no such entity.
    #[inline]
    pub fn set_rate(&mut self, id: EntityId, to: Rate) -> bool {
        self.row(id).map(|row| self.rates[row] = to).is_some()
    }

    /// All columns, to read.
    #[inline]
    pub fn columns(&self) -> Columns<'_, S> {
        Columns {
            living: &self.living,
            generations: &self.generations,
            poses: &self.poses,
            shown: &self.shown,
            rates: &self.rates,
        }
    }

    /// The columns that a game may write.
    #[inline]
    pub fn columns_mut(&mut self) -> ColumnsMut<'_, S> {
        ColumnsMut {
            living: &self.living,
            generations: &self.generations,
            poses: &mut self.poses,
            shown: &mut self.shown,
        }
    }
}
