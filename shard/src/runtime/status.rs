//! The status of a server: the reports of its cores at one moment.

use crate::runtime::core_report::CoreReport;
use crate::runtime::datapath::Backend;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The constant facts of a running server.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The address it listens on.
    pub listen: SocketAddr,
    /// The link it uses.
    pub datapath: Backend,
    /// When it started.
    pub started: Instant,
    /// Most connections per core.
    pub connections_per_core_max: usize,
}

/// The status of one core.
#[derive(Clone, Debug, Default)]
pub struct CoreStatus {
    /// Its last report. Empty if it has never responded.
    pub report: Box<CoreReport>,
    /// Time since it began its last turn, if it is stuck. Its report is then older than that.
    pub stuck: Option<Duration>,
}

/// The status of a server.
#[derive(Clone, Debug)]
pub struct ServerStatus {
    /// Its constant facts.
    pub identity: Identity,
    /// Whether new clients are refused.
    pub draining: bool,
    /// Its cores, in order.
    pub cores: Vec<CoreStatus>,
}
