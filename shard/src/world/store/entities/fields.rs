//! The fields of an entity, read and written by id.
//!
//! An id may be out of date at any time. A getter then returns `None`; a setter changes nothing and returns `false`.

use super::Entities;
use crate::world::store::factions::FACTIONS_MAX;
use crate::world::store::rate::Rate;
use ringshard_world::entity::{EntityId, EntityKind};
use ringshard_world::limits::VARIABLES;

/// A getter and a setter by id for a column.
macro_rules! cells {
    ($($(#[$doc:meta])* $column:ident: $cell:ty, $get:ident, $set:ident;)*) => { $(
        $(#[$doc])*
        #[inline]
        pub fn $get(&self, id: EntityId) -> Option<$cell> {
            self.row(id).map(|row| self.$column[row])
        }

        /// Sets it; false if there is no such entity.
        #[inline]
        pub fn $set(&mut self, id: EntityId, to: $cell) -> bool {
            self.row(id).map(|row| self.$column[row] = to).is_some()
        }
    )* };
}

impl Entities {
    cells! {
        /// The point where it is, in units.
        points: [f32; 3], point, set_point;
        /// Its velocity, in units per second.
        velocities: [f32; 3], velocity, set_velocity;
        /// Yaw, pitch and roll; 65,536 is a full turn.
        rotations: [u16; 3], rotation, set_rotation;
        /// The animation that clients show; its meaning is up to the game.
        animations: u16, animation, set_animation;
        /// The states that the game has set, without those of buffs.
        own_states: u8, own_states, set_own_states;
        /// Health, 0 to 255.
        health: u8, health, set_health;
        /// Mana, 0 to 255.
        mana: u8, mana, set_mana;
        /// The highest rate at which clients get it.
        rates: Rate, rate, set_rate;
    }

    /// Its kind, which never changes.
    #[inline]
    pub fn kind(&self, id: EntityId) -> Option<EntityKind> {
        self.row(id).map(|row| self.kinds[row])
    }

    /// Its faction.
    #[inline]
    pub fn faction(&self, id: EntityId) -> Option<u8> {
        self.row(id).map(|row| self.factions[row])
    }

    /// Sets its faction; false if there is no such entity.
    ///
    /// # Panics
    /// When `to` is not below [`FACTIONS_MAX`].
    pub fn set_faction(&mut self, id: EntityId, to: u8) -> bool {
        assert!(to < FACTIONS_MAX, "there are {FACTIONS_MAX} factions");
        self.row(id).map(|row| self.factions[row] = to).is_some()
    }

    /// Its states: those that the game has set, and those of buffs.
    #[inline]
    pub fn states(&self, id: EntityId) -> Option<u8> {
        self.row(id).map(|row| self.columns().states(row))
    }

    /// Its buffs, one bit each.
    #[inline]
    pub fn buffs(&self, id: EntityId) -> Option<u8> {
        self.row(id).map(|row| self.buffs.active()[row])
    }

    /// Applies `buff` until `until_tick`; `u64::MAX` means for good. If the entity has the buff already, the later tick and
    /// the larger intensity hold. False if there is no such entity, or the tick has passed.
    ///
    /// # Panics
    /// When `buff` is not exactly one buff; so do the other methods that take a buff.
    pub fn apply_buff(&mut self, id: EntityId, buff: u8, intensity: u8, until_tick: u64) -> bool {
        self.row(id).is_some_and(|row| self.buffs.apply(row, buff, intensity, until_tick))
    }

    /// The intensity of a buff, if the entity has it.
    #[inline]
    pub fn buff_intensity(&self, id: EntityId, buff: u8) -> Option<u8> {
        Some(self.buffs.get(self.row(id)?, buff)?.0)
    }

    /// The tick at which a buff ends, if the entity has it.
    pub fn buff_until(&self, id: EntityId, buff: u8) -> Option<u64> {
        Some(self.buffs.get(self.row(id)?, buff)?.1)
    }

    /// Ends a buff early; false if the entity does not have it.
    pub fn remove_buff(&mut self, id: EntityId, buff: u8) -> bool {
        self.row(id).is_some_and(|row| self.buffs.remove(row, buff))
    }

    /// Ends the buffs that last until `tick` or less, in the order of their ticks, and calls `each` for each. The simulation
    /// calls it every tick, after the game's tick.
    ///
    /// # Panics
    /// When `tick` is less than in the last call.
    pub fn expire_buffs(&mut self, tick: u64, mut each: impl FnMut(EntityId, u8)) {
        let Entities { first, generations, buffs, .. } = self;
        buffs.expire(tick, |row, buff| {
            each(EntityId { index: *first + row as u16, generation: generations[row] }, buff);
        });
    }

    /// A variable: 0 until it is set.
    ///
    /// # Panics
    /// When `number` is not below [`VARIABLES`].
    #[inline]
    pub fn variable(&self, id: EntityId, number: usize) -> Option<i32> {
        self.row(id).map(|row| self.variables.values()[row][number])
    }

    /// Sets a variable; clients get it if its value changes. False if there is no such entity.
    ///
    /// # Panics
    /// When `number` is not below [`VARIABLES`].
    #[inline]
    pub fn set_variable(&mut self, id: EntityId, number: usize, value: i32) -> bool {
        self.row(id).map(|row| self.variables.set(row, number, value)).is_some()
    }

    /// Takes the set of variables of a row that have changed, one bit each.
    #[inline]
    pub fn take_dirty(&mut self, row: usize) -> u64 {
        self.variables.take_dirty(row)
    }

    /// Takes the changed variables of every row that has any, in the order of the rows. Unchanged rows cost nothing.
    #[inline]
    pub fn drain_dirty(&mut self, mut each: impl FnMut(EntityId, u64, &[i32; VARIABLES])) {
        let Entities { first, generations, variables, .. } = self;
        variables.drain_dirty(|row, dirty, values| {
            each(EntityId { index: *first + row as u16, generation: generations[row] }, dirty, values);
        });
    }
}
