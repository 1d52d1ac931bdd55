//! The store column by column, for passes over all entities: the game's and the publisher's.

use super::buffs::states_of;
use super::rate::Rate;
use super::row_set::RowSet;
use ringshard_world::EntityKind;
use ringshard_world::limits::VARIABLES;

/// All columns, to read. Values of rows that are not in `living` are meaningless.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "documented at the getters of `Entities`")]
pub struct Columns<'a> {
    pub living: &'a RowSet,
    pub generations: &'a [u8],
    pub kinds: &'a [EntityKind],
    pub factions: &'a [u8],
    pub points: &'a [[f32; 3]],
    pub velocities: &'a [[f32; 3]],
    pub rotations: &'a [[u16; 3]],
    pub animations: &'a [u16],
    pub own_states: &'a [u8],
    pub buffs: &'a [u8],
    pub health: &'a [u8],
    pub mana: &'a [u8],
    pub rates: &'a [Rate],
    pub variables: &'a [[i32; VARIABLES]],
    /// Which variables were ever set, one bit each.
    pub variables_touched: &'a [u64],
    /// The rows whose variables have changed since the last publication.
    pub dirty: &'a RowSet,
}

impl Columns<'_> {
    /// The states of a row, those of its buffs included.
    #[inline]
    pub fn states(&self, row: usize) -> u8 {
        self.own_states[row] | states_of(self.buffs[row])
    }
}

/// The columns that a game writes, and those that it reads meanwhile.
#[derive(Debug)]
#[allow(missing_docs, reason = "documented at the getters of `Entities`")]
pub struct ColumnsMut<'a> {
    pub living: &'a RowSet,
    pub generations: &'a [u8],
    pub kinds: &'a [EntityKind],
    pub factions: &'a [u8],
    pub buffs: &'a [u8],
    pub points: &'a mut [[f32; 3]],
    pub velocities: &'a mut [[f32; 3]],
    pub rotations: &'a mut [[u16; 3]],
    pub animations: &'a mut [u16],
    pub own_states: &'a mut [u8],
    pub health: &'a mut [u8],
    pub mana: &'a mut [u8],
}
