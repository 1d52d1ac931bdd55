//! Which connections are asked for, and in which order.

use crate::ops::report::SessionSnapshot;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The order of a list of connections: most first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Bytes both ways since it began.
    #[default]
    Bytes,
    /// Bytes both ways a second of its life.
    Rate,
    /// Round trip.
    RoundTrip,
    /// Share of datagrams that never came.
    Loss,
    /// Age.
    Age,
    /// Silence.
    Silence,
    /// Reliable messages that wait for an acknowledgment, in bytes.
    Unacknowledged,
    /// Datagrams refused because it sent more than it may.
    OverBudget,
}

/// What of all connections is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Most of what first.
    #[serde(default)]
    pub sort: Order,
    /// How many at most; all of them when it is not said.
    pub limit: Option<usize>,
    /// Of this core alone.
    pub core: Option<u8>,
    /// From this address alone.
    pub address: Option<IpAddr>,
    /// This one alone.
    pub id: Option<String>,
}

impl Wanted {
    /// Those of `sessions` that are asked for, in order.
    pub fn of(&self, mut sessions: Vec<SessionSnapshot>) -> Vec<SessionSnapshot> {
        sessions.retain(|session| {
            self.core.is_none_or(|core| session.core == core)
                && self.address.is_none_or(|address| session.address.ip().to_canonical() == address.to_canonical())
                && self.id.as_ref().is_none_or(|id| session.id == *id)
        });
        let by = |session: &SessionSnapshot| {
            let bytes = (session.bytes_in + session.bytes_out) as f64;
            match self.sort {
                Order::Bytes => bytes,
                Order::Rate => bytes / session.age_s.max(1e-3),
                Order::RoundTrip => session.round_trip_ms.unwrap_or(0.0),
                Order::Loss => session.loss,
                Order::Age => session.age_s,
                Order::Silence => session.silent_s,
                Order::Unacknowledged => session.unacknowledged_bytes as f64,
                Order::OverBudget => session.over_budget as f64,
            }
        };
        sessions.sort_by(|left, right| by(right).total_cmp(&by(left)).then_with(|| left.id.cmp(&right.id)));
        sessions.truncate(self.limit.unwrap_or(usize::MAX));
        sessions
    }
}
