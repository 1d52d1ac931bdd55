//! What a core reports of itself. Only the core fills it, into a box that the request brings: nothing is allocated.

use crate::runtime::service::ServiceCounters;
use crate::runtime::stages::Stages;
use crate::runtime::tick_log::TickLog;
use ringshard_protocol::endpoint::Offenders;
use ringshard_protocol::link::LinkStats;
use ringshard_protocol::stats::{Drops, EndpointStats};

/// What a core has done since its start, and what it has now.
#[derive(Clone, Debug, Default)]
pub struct CoreReport {
    /// Its latest ticks.
    pub ticks: TickLog,
    /// Bytes of memory that messages are kept in.
    pub message_bytes: usize,
    /// Who was refused last, by reason.
    pub offenders: Offenders,
    /// Histograms since the start.
    pub stages: Stages,
    /// Counters of its endpoint.
    pub endpoint: EndpointStats,
    /// Its drops.
    pub drops: Drops,
    /// Reliable messages, and pieces of them, that came again after they had arrived.
    pub duplicates: u64,
    /// Counters of its link.
    pub link: LinkStats,
    /// Connections now.
    pub connections: usize,
    /// Ticks that were due while the core was busy, and were left out.
    pub ticks_skipped: u64,
    /// Counters of what it serves; reports call each `world_NAME`.
    pub service: ServiceCounters,
}

impl CoreReport {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }
}
