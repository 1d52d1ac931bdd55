//! What operators can see of an endpoint's connections.

use super::Endpoint;
use super::entry::{Entry, Phase};
use super::observer::Observer;
use super::session::SessionId;
use crate::connection::TrafficSecrets;
use crate::crypto::Suite;
use crate::link::Path;
use crate::stats::ConnectionStats;
use crate::time::{Duration, Instant};
use crate::wire::ConnectionId;
use core::net::SocketAddr;

/// How far a connection has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// The client has not proved its keys yet.
    HalfOpen,
    /// Both ends hold the keys.
    Established,
    /// The client is being told that the connection ends.
    Closing,
}

/// What operators can see of a connection.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionInfo {
    /// Its id.
    pub id: ConnectionId,
    /// The session that it carries; None until its client has proved its keys.
    pub session: Option<SessionId>,
    /// How far it has come.
    pub standing: Standing,
    /// When the server accepted it.
    pub accepted_at: Instant,
    /// When a datagram of the client last arrived.
    pub heard_at: Instant,
    /// Messages of which some fragments have arrived.
    pub messages_in_pieces: usize,
    /// Its addresses. Behind a gateway, the peer is the gateway.
    pub path: Path,
    /// The client's address: the peer of the path or, if a gateway vouches for it, the address behind the gateway.
    pub address: SocketAddr,
    /// The AEAD in use.
    pub suite: Suite,
    /// Smoothed round-trip time, from acknowledgments or from the heartbeat.
    pub round_trip: Option<Duration>,
    /// Share of the client's datagrams that were lost, 0 to 1.
    pub loss: f64,
    /// Largest datagram that is sent to it, in bytes.
    pub datagram_bytes: usize,
    /// Bytes of reliable messages that are not acknowledged yet.
    pub unacknowledged_bytes: usize,
    /// The congestion window, and what is in flight, in bytes.
    pub congestion: Option<(u64, u64)>,
    /// Datagrams to the client that were lost. Their reliable messages were sent again.
    pub packets_lost: u64,
    /// Changes of the traffic keys.
    pub key_changes: u64,
    /// Counters.
    pub stats: ConnectionStats,
}

impl Endpoint {
    /// Bytes of reliable messages that are not acknowledged yet, over all connections. It walks through all of them:
    /// use it only at shutdown.
    pub fn unacknowledged_bytes(&self) -> usize {
        self.infos(0, self.table.slots()).map(|info| info.unacknowledged_bytes).sum()
    }

    /// Number of slots ever used. Connections are in slots 0 to this, exclusive.
    pub fn slots(&self) -> usize {
        self.table.slots()
    }

    /// Information about the connections in `count` slots from `first` on.
    pub fn infos(&self, first: usize, count: usize) -> impl Iterator<Item = ConnectionInfo> {
        let last = first.saturating_add(count).min(self.table.slots());
        (first..last).filter_map(|slot| self.info(self.table.id_in_slot(slot)?))
    }

    /// Information about a connection.
    pub fn info(&self, id: ConnectionId) -> Option<ConnectionInfo> {
        let entry = self.table.get(id)?;
        let Entry { path, connection, session_id, phase, accepted_at, .. } = entry;
        Some(ConnectionInfo {
            id,
            session: *session_id,
            standing: match phase {
                Phase::HalfOpen(_) => Standing::HalfOpen,
                Phase::Established => Standing::Established,
                Phase::Closing(_) => Standing::Closing,
            },
            accepted_at: *accepted_at,
            heard_at: connection.heard_at(),
            messages_in_pieces: connection.messages_in_pieces(),
            path: *path,
            address: entry.address(),
            suite: connection.suite(),
            round_trip: connection.round_trip(),
            loss: connection.loss(),
            datagram_bytes: connection.datagram_bytes(),
            unacknowledged_bytes: connection.unacknowledged_bytes(),
            congestion: connection.congestion(),
            packets_lost: connection.packets_lost(),
            key_changes: connection.key_changes(),
            stats: connection.stats,
        })
    }

    /// Shows every datagram to `observer` from now on; None stops it. Returns the former observer.
    pub fn observe(&mut self, observer: Option<Observer>) -> Option<Observer> {
        core::mem::replace(&mut self.observer, observer)
    }

    /// The traffic secrets of the connections in `count` slots from `first` on. They suffice to read and to forge all
    /// datagrams of these connections.
    pub fn traffic_secrets(&self, first: usize, count: usize) -> impl Iterator<Item = TrafficSecrets> {
        let last = first.saturating_add(count).min(self.table.slots());
        (first..last).filter_map(|slot| {
            let id = self.table.id_in_slot(slot)?;
            self.table.get(id).map(|entry| entry.connection.traffic_secrets())
        })
    }
}
