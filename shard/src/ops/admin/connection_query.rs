//! Which connections a request asks for, and in which order.

use crate::ops::report::ConnectionSnapshot;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The order of a list of connections, largest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum SortOrder {
    /// Bytes in both directions since the connection began.
    #[default]
    Bytes,
    /// Bytes per second in both directions, over the life of the connection.
    Rate,
    /// Round-trip time.
    RoundTrip,
    /// Share of datagrams from the client that never arrived.
    Loss,
    /// Time since the handshake.
    Age,
    /// Time since the last datagram from the client.
    Silence,
    /// Bytes of reliable messages that wait for an acknowledgment.
    Unacknowledged,
    /// Datagrams dropped because the client exceeded its limits.
    OverBudget,
    /// Score of its player: what it was refused, weighted. Of equal ones, the number of refusals.
    Refusals,
}

/// A request for connections.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionQuery {
    /// The order.
    #[serde(default)]
    pub sort: SortOrder,
    /// Highest number; None for all.
    pub limit: Option<usize>,
    /// Only connections of this core.
    pub core: Option<u8>,
    /// Only connections from this address.
    pub address: Option<IpAddr>,
    /// Only the connection with this id.
    pub id: Option<String>,
}

impl ConnectionQuery {
    /// The connections that the request asks for, in order.
    pub fn select(&self, mut connections: Vec<ConnectionSnapshot>) -> Vec<ConnectionSnapshot> {
        connections.retain(|connection| self.matches(connection));
        let key = |connection: &ConnectionSnapshot| self.sort_key(connection);
        connections.sort_by(|left, right| key(right).total_cmp(&key(left)).then_with(|| left.id.cmp(&right.id)));
        connections.truncate(self.limit.unwrap_or(usize::MAX));
        connections
    }

    fn matches(&self, connection: &ConnectionSnapshot) -> bool {
        self.core.is_none_or(|core| connection.core == core)
            && self.address.is_none_or(|address| connection.address.ip().to_canonical() == address.to_canonical())
            && self.id.as_ref().is_none_or(|id| connection.id == *id)
    }

    fn sort_key(&self, connection: &ConnectionSnapshot) -> f64 {
        let bytes = (connection.bytes_in + connection.bytes_out) as f64;
        match self.sort {
            SortOrder::Bytes => bytes,
            SortOrder::Rate => bytes / connection.age_s.max(1e-3),
            SortOrder::RoundTrip => connection.round_trip_ms.unwrap_or(0.0),
            SortOrder::Loss => connection.loss,
            SortOrder::Age => connection.age_s,
            SortOrder::Silence => connection.silent_s,
            SortOrder::Unacknowledged => connection.unacknowledged_bytes as f64,
            SortOrder::OverBudget => connection.over_budget as f64,
            // A score of any size comes before a number of any size: refusals without weight are no suspicion.
            SortOrder::Refusals if connection.score > 0.0 => 1e12 + connection.score,
            SortOrder::Refusals => connection.refused() as f64,
        }
    }
}
