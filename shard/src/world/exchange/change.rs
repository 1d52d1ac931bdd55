//! A change of an entity, as its owner publishes it.

use crate::world::store::Rate;
use ringshard_world::limits::VARIABLES;
use ringshard_world::{EntityId, State};

/// Most changes that describe all of an entity: its state, and every variable.
pub(super) const ENTITY_CHANGES_MAX: usize = 1 + VARIABLES;

/// A change of an entity.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Change {
    /// The entity has this state now. It may be new.
    State {
        /// The entity.
        id: EntityId,
        /// Its new state.
        state: State,
        /// The highest rate at which clients get it.
        rate: Rate,
    },
    /// A variable of the entity has this value now.
    Variable {
        /// The entity.
        id: EntityId,
        /// The number of the variable.
        number: u8,
        /// Its new value.
        value: i32,
    },
    /// The entity was despawned.
    Gone {
        /// The entity.
        id: EntityId,
    },
}

impl Change {
    /// The entity that changed.
    #[inline]
    pub fn id(&self) -> EntityId {
        match *self {
            Change::State { id, .. } | Change::Variable { id, .. } | Change::Gone { id } => id,
        }
    }
}
