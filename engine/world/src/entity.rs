//! The names of entities (PROTOCOL.md#entities).

/// Names an entity in the whole world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EntityId {
    /// Its place in the world's table, of which each core owns a part.
    pub index: u16,
    /// Distinguishes it from entities that had the place before.
    pub generation: u8,
}
