//! What there is to know about the connections of an endpoint, for who looks after a server.

use super::Endpoint;
use super::life::SessionId;
use super::observer::Observer;
use super::table::{Entry, Phase};
use crate::connection::TrafficSecrets;
use crate::crypto::Suite;
use crate::link::Path;
use crate::stats::ConnectionStats;
use crate::time::{Duration, Instant};
use crate::wire::ConnectionId;

/// How far a connection has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Its client has yet to prove its keys.
    HalfOpen,
    /// Both ends hold the keys.
    Established,
    /// Its client is being told that it is over.
    Closing,
}

/// What there is to know about a connection.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionInfo {
    /// What it is called.
    pub id: ConnectionId,
    /// The session that it carries; None until its client has proved its keys.
    pub session: Option<SessionId>,
    /// How far it has come.
    pub standing: Standing,
    /// When its handshake was done.
    pub born: Instant,
    /// When something was last heard.
    pub heard_at: Instant,
    /// Messages of which some pieces have come.
    pub messages_in_pieces: usize,
    /// Where it is.
    pub path: Path,
    /// The AEAD in use.
    pub suite: Suite,
    /// Smoothed round trip, from acknowledgments or from the heartbeat.
    pub round_trip: Option<Duration>,
    /// Share of the client's datagrams that never came.
    pub loss: f64,
    /// Largest datagram that is sent to it, in bytes.
    pub datagram_bytes: usize,
    /// Reliable messages that wait for an acknowledgment, in bytes.
    pub unacknowledged_bytes: usize,
    /// What may be under way by the congestion control, and what is, in bytes.
    pub congestion: Option<(u64, u64)>,
    /// Datagrams given up as lost; what they carried of reliable messages was sent again.
    pub packets_lost: u64,
    /// Changes of the traffic keys.
    pub key_changes: u64,
    /// Counters.
    pub stats: ConnectionStats,
}

impl Endpoint {
    /// Reliable messages that wait for an acknowledgment, over all connections, in bytes. It looks at each: for a server
    /// that is about to end.
    pub fn unacknowledged_bytes(&self) -> usize {
        self.infos(0, self.table.slots()).map(|info| info.unacknowledged_bytes).sum()
    }

    /// Slots of connections that were ever used: what [`Self::infos`] can look at.
    pub fn slots(&self) -> usize {
        self.table.slots()
    }

    /// What there is to know about the connections in `count` slots from `first` on.
    pub fn infos(&self, first: usize, count: usize) -> impl Iterator<Item = ConnectionInfo> {
        let last = first.saturating_add(count).min(self.table.slots());
        (first..last).filter_map(|slot| self.info(self.table.occupant(slot)?))
    }

    /// What there is to know about a connection.
    pub fn info(&self, id: ConnectionId) -> Option<ConnectionInfo> {
        self.table.get(id).map(|Entry { path, session, session_id, phase, born, .. }| ConnectionInfo {
            id,
            session: *session_id,
            standing: match phase {
                Phase::HalfOpen { .. } => Standing::HalfOpen,
                Phase::Established => Standing::Established,
                Phase::Closing(_) => Standing::Closing,
            },
            born: *born,
            heard_at: session.heard_at(),
            messages_in_pieces: session.messages_in_pieces(),
            path: *path,
            suite: session.suite(),
            round_trip: session.round_trip(),
            loss: session.loss(),
            datagram_bytes: session.datagram_bytes(),
            unacknowledged_bytes: session.unacknowledged_bytes(),
            congestion: session.congestion(),
            packets_lost: session.packets_lost(),
            key_changes: session.key_changes(),
            stats: session.stats,
        })
    }

    /// Shows every datagram to `observer` from here on, or to nobody; gives who was shown them before.
    pub fn observe(&mut self, observer: Option<Observer>) -> Option<Observer> {
        core::mem::replace(&mut self.observer, observer)
    }

    /// The traffic secrets of the connections in `count` slots from `first` on: whoever has them can read, and forge, all
    /// that these say.
    pub fn traffic_secrets(&self, first: usize, count: usize) -> impl Iterator<Item = TrafficSecrets> {
        let last = first.saturating_add(count).min(self.table.slots());
        (first..last).filter_map(|slot| {
            let id = self.table.occupant(slot)?;
            self.table.get(id).map(|connection| connection.session.traffic_secrets())
        })
    }
}
