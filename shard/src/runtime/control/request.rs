//! What [`Control`](super::Control) can ask of a core.
//!
//! A request travels in a box with room for the response, so that a core neither allocates nor frees.

use crate::runtime::control::kick::Kick;
use crate::runtime::control::quality::Quality;
use crate::runtime::core_report::CoreReport;
use crate::runtime::path_record::PathRecord;
use crate::runtime::player_list::PlayerList;
use crate::runtime::service::LiveSettings;
use ringshard_protocol::endpoint::{ConnectionInfo, Observer, Policy, TrafficSecrets};
use ringshard_protocol::time::Instant;

/// Connection slots that a core visits per turn for one request: some tens of microseconds.
pub const SLOTS_PER_TURN: usize = 128;

/// A request to one core. The core fills it in, or takes what is in it, and returns it as the response.
#[derive(Debug)]
pub enum Request {
    /// Report the counters and histograms.
    Report(Box<CoreReport>),
    /// List the connections, some per turn.
    Connections(Box<ConnectionList>),
    /// Use this policy from now on. The former one comes back.
    Policy(Box<Policy>),
    /// Hand these settings to the service. They come back, so that the core does not free them.
    Service(LiveSettings),
    /// Show every datagram to this observer, or to none. The former one comes back.
    Observe(Option<Observer>),
    /// List the traffic secrets of the connections, some per turn.
    Secrets(Box<SecretList>),
    /// End connections, visiting some per turn.
    Kick(Box<Kick>),
    /// Measure the quality of the connections, visiting some per turn.
    Quality(Box<Quality>),
    /// List the players, some per turn.
    Players(Box<PlayerList>),
    /// Record the path of a player in this from now on, or none. The former one comes back.
    Follow(Option<Box<PathRecord>>),
}

/// The connections of a core.
#[derive(Debug, Default)]
pub struct ConnectionList {
    /// The connections found so far. The sender of the request reserves the capacity; a core lists no more than fit.
    pub connections: Vec<ConnectionInfo>,
    /// The slot to continue at.
    pub next_slot: usize,
    /// The time on the core's clock when the list was complete.
    pub finished_at: Instant,
}

/// The traffic secrets of a core's connections.
#[derive(Debug, Default)]
pub struct SecretList {
    /// The secrets found so far. The sender of the request reserves the capacity; a core lists no more than fit.
    pub secrets: Vec<TrafficSecrets>,
    /// The slot to continue at.
    pub next_slot: usize,
}
