//! A change of an entity, as its owner publishes it.

use crate::world::store::Rate;
use ringshard_world::{EntityId, State};

/// A change of an entity.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Change<S> {
    /// The entity has this state now. It may be new.
    State {
        /// The entity.
        id: EntityId,
        /// Its new state.
        state: State<S>,
        /// Its kind: a row of the game's table of kinds.
        kind: u8,
        /// The highest rate at which clients get it.
        rate: Rate,
    },
    /// The entity was despawned.
    Gone {
        /// The entity.
        id: EntityId,
    },
}

impl<S> Change<S> {
    /// The entity that changed.
    #[inline]
    pub fn id(&self) -> EntityId {
        match *self {
            Change::State { id, .. } | Change::Gone { id } => id,
        }
    }
}
