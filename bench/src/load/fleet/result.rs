//! What a fleet leaves when it stops.

use crate::load::health::Health;
use ringshard_link::conditioned::ConditionedStats;
use std::collections::BTreeMap;

pub struct FleetResult<T> {
    /// The clients, in order. Those that never began to connect are missing.
    pub members: Vec<T>,
    /// What the simulated network did.
    pub network: ConditionedStats,
    /// How the fleet kept up while it was measured.
    pub health: Health,
    /// Datagrams that the clients dropped, by reason, and that the kernel dropped for them.
    pub drops: BTreeMap<String, u64>,
    /// Datagrams that clients declared lost; their contents were sent again.
    pub packets_lost: u64,
    /// Why the first client that lost its connection did.
    pub closed: Option<String>,
}

impl<T> FleetResult<T> {
    pub fn new() -> Self {
        FleetResult {
            members: Vec::new(),
            network: ConditionedStats::default(),
            health: Health::new(),
            drops: BTreeMap::new(),
            packets_lost: 0,
            closed: None,
        }
    }

    /// Adds the result of another thread.
    pub fn add(&mut self, other: FleetResult<T>) {
        self.members.extend(other.members);
        self.network.add(&other.network);
        self.health.add(&other.health);
        for (reason, count) in other.drops {
            *self.drops.entry(reason).or_insert(0) += count;
        }
        self.packets_lost += other.packets_lost;
        self.closed = self.closed.take().or(other.closed);
    }
}
