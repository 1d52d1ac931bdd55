//! One connection in the table: its keys and transport, and what the endpoint knows about it.

use super::budget::Budget;
use super::candidate_path::Candidate;
use super::send_queue::BufferIndex;
use super::sender::Origin;
use super::session::{SessionId, Token};
use crate::connection::Connection;
use crate::crypto::noise::ResumeKey;
use crate::link::Path;
use crate::time::Instant;
use crate::wire::{Accepted, DisconnectReason};
use core::net::SocketAddr;

/// How far a connection has come.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// The server has accepted the client, which must prove that it holds the keys.
    HalfOpen(Box<HalfOpen>),
    /// Both ends hold the keys.
    Established,
    /// The next flush tells the client; then the connection is gone.
    Closing(DisconnectReason),
}

/// What the server keeps of a handshake until the client has proved its keys.
#[derive(Clone, Debug)]
pub(super) struct HalfOpen {
    /// Answers the client's Connect again.
    pub(super) reply: [u8; Accepted::BYTES],
    /// When the proof must have arrived.
    pub(super) until: Instant,
    /// The session that the client then resumes.
    pub(super) resumes: Option<ResumeKey>,
}

/// What each datagram needs comes first, up to the front of the connection: it shares few cache lines, which are
/// prefetched.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Entry {
    pub(super) path: Path,
    /// What the client has used of its send budget.
    pub(super) budget: Budget,
    pub(super) phase: Phase,
    /// The session that it carries; None until its client has proved its keys. It stands in front because the compiler
    /// tells an empty slot of the table by the spare values of this field, and every look-up asks for that.
    pub(super) session_id: Option<SessionId>,
    /// Its datagram in the send queue that still takes messages.
    pub(super) open_datagram: Option<BufferIndex>,
    /// Whether it is in the endpoint's list of connections that may have something to send.
    pub(super) is_active: bool,
    pub(super) connection: Connection,
    /// When the server accepted its handshake.
    pub(super) accepted_at: Instant,
    /// A path that the client may have moved to.
    pub(super) candidate: Option<Box<Candidate>>,
    /// The client, if a gateway vouches for one behind the path.
    pub(super) origin: Option<Origin>,
    /// The address that its handshake came from.
    pub(super) handshake_peer: SocketAddr,
    /// The ephemeral key of its handshake: a repeated Connect makes no second connection.
    pub(super) client_key: [u8; 32],
    /// The token that resumed its session over this connection.
    pub(super) resumed_by: Option<Token>,
    /// When its client's integrity is checked next.
    pub(super) integrity_check_at: Instant,
    /// Lost datagrams that the endpoint's counter already contains.
    pub(super) lost_counted: u64,
}

impl Entry {
    pub(super) fn is_half_open(&self) -> bool {
        matches!(self.phase, Phase::HalfOpen(_))
    }

    pub(super) fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing(_))
    }

    /// The client's address: behind the gateway, if there is one.
    pub(super) fn address(&self) -> SocketAddr {
        self.origin.map_or(self.path.peer, |origin| origin.address)
    }

    /// Datagrams lost since the last call.
    pub(super) fn newly_lost(&mut self) -> u64 {
        let lost = self.connection.packets_lost();
        assert!(lost >= self.lost_counted, "the count of lost datagrams only grows");
        lost - std::mem::replace(&mut self.lost_counted, lost)
    }

    /// When the connection next needs attention.
    pub(super) fn deadline(&self) -> Instant {
        match self.phase {
            Phase::HalfOpen(ref half_open) => half_open.until,
            Phase::Closing(_) => Instant::NEVER,
            Phase::Established => {
                let candidate = self.candidate.as_ref().map_or(Instant::NEVER, |candidate| candidate.deadline());
                self.connection.deadline().min(candidate).min(self.integrity_check_at)
            }
        }
    }

    /// Stops appending to the datagram `index`: it is being sealed.
    #[inline]
    pub(super) fn close_datagram(&mut self, index: BufferIndex) {
        if self.open_datagram == Some(index) {
            self.open_datagram = None;
        }
    }
}
