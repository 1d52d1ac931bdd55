//! What a neighbour sees of an entity.

use crate::world::store::Rate;
use ringshard_world::State;

/// What a neighbour sees of an entity.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Seen<S> {
    /// Its state.
    pub(super) state: State<S>,
    /// The rest.
    pub(super) traits: Traits,
}

/// What seldom changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Traits {
    /// Its kind: a row of the game's table.
    pub(super) kind: u8,
    /// The highest rate at which clients get it.
    pub(super) rate: Rate,
    /// Its hitbox: a row of the game's table, or none.
    pub(super) hitbox: u8,
}
