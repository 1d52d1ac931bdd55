//! Working memory that all viewers of a core share.

use super::block::{LANES, SLOTS_MAX};
use crate::world::replication::replica::{Head, Replica};
use ringshard_world::{EntityId, Fields};

/// An entity that is due to a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) slot: u8,
    /// Versions since the one that the client has; 0 to send it in full.
    pub(super) age: u8,
    pub(super) index: u16,
}

/// The heads of the entities in a block, in the order of its slots.
#[derive(Clone, Debug)]
pub(super) struct Heads {
    pub(super) versions: [u16; LANES],
    /// The generation, and above it the pace.
    pub(super) about: [u16; LANES],
}

impl Heads {
    const NONE: Heads = Heads { versions: [0; LANES], about: [0; LANES] };

    /// Reads the heads of the first `used` of `indices`, in a loop of its own, so that the processor overlaps cache misses.
    #[inline]
    pub(super) fn gather<S: Fields>(&mut self, indices: &[u16; LANES], used: usize, replica: &Replica<S>) {
        let rows = indices.iter().zip(&mut self.versions).zip(&mut self.about).take(used);
        for ((&index, row_version), about) in rows {
            let Head { version, generation, pace } = replica.head(index);
            *row_version = version;
            *about = u16::from_le_bytes([generation, pace]);
        }
    }
}

/// Working memory for one viewer at a time.
#[derive(Debug)]
pub struct Scratch {
    /// Digests that may still be compared in this tick. Clients decide how many they send, and a comparison takes a while.
    pub digests_left: u32,
    pub(super) due: Vec<Due>,
    /// The slots that are due and their priorities, the greatest first.
    pub(super) ranked: Vec<(u32, Due)>,
    pub(super) heads: [Heads; SLOTS_MAX / LANES],
    /// Entities in the client's sight that events are about.
    pub heard: Vec<EntityId>,
    /// The entities that the client has, each with its slot.
    pub(super) known: Vec<(EntityId, u8)>,
}

impl Default for Scratch {
    fn default() -> Self {
        Scratch {
            digests_left: 0,
            due: Vec::new(),
            ranked: Vec::new(),
            heads: [Heads::NONE; SLOTS_MAX / LANES],
            heard: Vec::new(),
            known: Vec::new(),
        }
    }
}
