//! The store column by column, for passes over everybody: the simulation's and the publisher's.

use super::buffs::states_of;
use super::entities::{Authority, Rate};
use super::places::PlaceSet;
use ringshard_world::EntityKind;
use ringshard_world::limits::VARIABLES;

/// All columns, by place. What stands at places that are not living means nothing.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "as `Entities` says of each")]
pub struct Columns<'a> {
    pub living: &'a PlaceSet,
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
    pub authorities: &'a [Authority],
    pub rates: &'a [Rate],
    pub variables: &'a [[i32; VARIABLES]],
    /// Which variables were ever set: a bit each.
    pub variables_touched: &'a [u64],
    /// Where variables changed since they were last taken.
    pub dirty: &'a PlaceSet,
}

impl Columns<'_> {
    /// The states there, those of buffs included.
    #[inline]
    pub fn states(&self, place: usize) -> u8 {
        self.own_states[place] | states_of(self.buffs[place])
    }
}

/// The columns that a simulation writes, and what it must know meanwhile, by place.
#[derive(Debug)]
#[allow(missing_docs, reason = "as `Entities` says of each")]
pub struct ColumnsMut<'a> {
    pub living: &'a PlaceSet,
    pub generations: &'a [u8],
    pub kinds: &'a [EntityKind],
    pub factions: &'a [u8],
    pub buffs: &'a [u8],
    pub authorities: &'a [Authority],
    pub points: &'a mut [[f32; 3]],
    pub velocities: &'a mut [[f32; 3]],
    pub rotations: &'a mut [[u16; 3]],
    pub animations: &'a mut [u16],
    pub own_states: &'a mut [u8],
    pub health: &'a mut [u8],
    pub mana: &'a mut [u8],
}
