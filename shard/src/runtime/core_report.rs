//! What a core reports about itself. The request brings the box that the core fills, so that the core allocates nothing.

use crate::runtime::service::ServiceCounters;
use crate::runtime::stages::Stages;
use crate::runtime::tick_log::TickLog;
use ringshard_protocol::endpoint::Offenders;
use ringshard_protocol::link::LinkStats;
use ringshard_protocol::stats::{Drops, EndpointStats};
use ringshard_protocol::time::Duration;

/// Counters since the start of a core, and its present state.
#[derive(Clone, Debug, Default)]
pub struct CoreReport {
    /// The latest ticks.
    pub ticks: TickLog,
    /// Bytes of memory that buffered messages use.
    pub message_bytes: usize,
    /// The last refused addresses, by reason.
    pub offenders: Offenders,
    /// Histograms since the start.
    pub stages: Stages,
    /// Counters of the endpoint.
    pub endpoint: EndpointStats,
    /// Drops by reason.
    pub drops: Drops,
    /// Reliable messages and fragments that arrived more than once.
    pub duplicates: u64,
    /// Counters of the link.
    pub link: LinkStats,
    /// Connections at present.
    pub connections: usize,
    /// Ticks that were skipped because the core was busy when they were due.
    pub ticks_skipped: u64,
    /// How long the core has shed load; zero if it does not.
    pub overload: Duration,
    /// How often the core began to shed load.
    pub overloads: u64,
    /// Counters of the service. Reports call each `world_NAME`.
    pub service: ServiceCounters,
}

impl CoreReport {
    /// An empty report.
    pub fn new() -> Self {
        Self::default()
    }
}
