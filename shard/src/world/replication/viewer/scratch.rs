//! Working memory that all viewers of a core share.

use crate::world::replication::replica::Head;
use ringshard_world::EntityId;

/// An entity that is due to a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) slot: u8,
    /// Versions since the one that the client has; 0 to send it in full.
    pub(super) age: u8,
    pub(super) index: u16,
    pub(super) priority: u32,
}

/// Working memory for one viewer at a time.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Digests that may still be compared in this tick. Clients decide how many they send, and a comparison takes a while.
    pub digests_left: u32,
    pub(super) due: Vec<Due>,
    pub(super) heads: Vec<Head>,
    /// Entities in the client's sight that events are about.
    pub heard: Vec<EntityId>,
    /// The entities that the client has, each with its slot.
    pub(super) known: Vec<(EntityId, u8)>,
}
