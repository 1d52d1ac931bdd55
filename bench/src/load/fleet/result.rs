//! What a fleet leaves when it stops.

use crate::load::health::Health;
use ringshard_link::conditioned::ConditionedStats;
use std::collections::BTreeMap;

/// What is left of a fleet.
pub struct FleetResult<T> {
    /// What each client did, in order; those that never connected are missing.
    pub workloads: Vec<T>,
    /// What the bad network did.
    pub network: ConditionedStats,
    /// How the fleet buffer up while it was measured.
    pub health: Health,
    /// What the clients dropped, by reason, and what the kernel dropped of theirs.
    pub drops: BTreeMap<String, u64>,
    /// Datagrams that the clients gave up as lost; what they carried was sent again.
    pub packets_lost: u64,
    /// Why the first client that lost its connection did.
    pub closed: Option<String>,
}

impl<T> FleetResult<T> {
    pub fn new() -> Self {
        FleetResult {
            workloads: Vec::new(),
            network: ConditionedStats::default(),
            health: Health::new(),
            drops: BTreeMap::new(),
            packets_lost: 0,
            closed: None,
        }
    }

    /// Adds those of the next thread.
    pub fn add(&mut self, other: FleetResult<T>) {
        self.workloads.extend(other.workloads);
        self.network.add(&other.network);
        self.health.add(&other.health);
        for (reason, count) in other.drops {
            *self.drops.entry(reason).or_insert(0) += count;
        }
        self.packets_lost += other.packets_lost;
        self.closed = self.closed.take().or(other.closed);
    }
}
