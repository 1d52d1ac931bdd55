//! Working memory of queries, and counters of what they cost.

use super::boxes::FAN;
use super::keyed::List;
use ringshard_world::limits::WORLD_ENTITIES_MAX;

/// Most entities that a query can return.
pub const COUNT_MAX: usize = 256;
/// Most groups that a look descends into.
pub(super) const GROUPS_MAX: usize = 32;
/// Packets after which a look tries to lower its limit.
pub(super) const BATCH: usize = 16;

/// What queries have cost since the scratch was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Queries.
    pub queries: u64,
    /// Looks: one per query, as long as the reach of the last query suffices.
    pub looks: u64,
    /// Entities whose distance was measured.
    pub candidates: u64,
    /// Queries that were cut short because they would have had to look at too much: they may have missed nearer entities.
    pub cut_short: u64,
}

/// Working memory for queries; one per core.
pub struct Scratch {
    /// What queries have cost.
    pub counters: Counters,
    /// Groups within reach.
    pub(super) groups: List,
    /// Packets within reach.
    pub(super) packets: List,
    /// Entities by the square of their distance, with their position in the packets.
    pub(super) near: List,
    /// Entities by key, with their index.
    pub(super) found: List,
}

impl Scratch {
    /// Working memory that is large enough for every grid.
    pub fn new() -> Self {
        Scratch {
            counters: Counters::default(),
            groups: List::new(WORLD_ENTITIES_MAX / FAN / FAN),
            packets: List::new(GROUPS_MAX * FAN),
            near: List::new(BATCH * FAN),
            found: List::new(COUNT_MAX + BATCH * FAN),
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}
