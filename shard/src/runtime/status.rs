//! A server at one moment, as its cores report it.

use crate::runtime::core_report::CoreReport;
use crate::runtime::datapath::Backend;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What a server is, beside its cores.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Which link it uses.
    pub datapath: Backend,
    /// When it started.
    pub started: Instant,
    /// Connections that a core can have.
    pub connections_per_core_max: usize,
}

/// One core at one moment.
#[derive(Clone, Debug, Default)]
pub struct CoreStatus {
    /// What it reported last. Empty when it has never answered.
    pub report: Box<CoreReport>,
    /// Time since it began its last turn, when it is stuck; its report is then from before that.
    pub stuck: Option<Duration>,
}

/// A server at one moment.
#[derive(Clone, Debug)]
pub struct ServerStatus {
    /// What it is.
    pub identity: Identity,
    /// No new client is let in.
    pub draining: bool,
    /// Its cores, in order.
    pub cores: Vec<CoreStatus>,
}
