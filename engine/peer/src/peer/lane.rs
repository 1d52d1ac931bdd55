//! The three kinds of ways, as the checks know them.
//!
//! ICE pairs each candidate of this host with each of the peer, if they have the same transport protocol and family. Every way
//! here is UDP. But a candidate of the peer is of no use behind the own relay, and the peer's relay is no host that could answer.
//! So each kind of way has a transport protocol of its own in the checks, a *lane*, and no pair crosses them. Nothing of it is
//! on the wire.

use crate::id::PeerId;
use crate::outbox::Via;
use is::Protocol;

/// A kind of way to the peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lane {
    /// From socket to socket.
    Direct,
    /// Through the own relay. The peer is a guest, whose address the relay sees: it may be of another family.
    OwnRelay,
    /// Through the peer's relay.
    TheirRelay,
}

impl Lane {
    pub(super) const fn of(via: Via) -> Self {
        match via {
            Via::Socket => Lane::Direct,
            Via::OwnRelay => Lane::OwnRelay,
            Via::TheirRelay(_) => Lane::TheirRelay,
        }
    }

    pub(super) const fn protocol(self) -> Protocol {
        match self {
            Lane::Direct => Protocol::Udp,
            Lane::OwnRelay => Protocol::Tcp,
            Lane::TheirRelay => Protocol::SslTcp,
        }
    }

    /// The way to `peer` on the lane that the checks call so.
    pub(super) const fn via(protocol: Protocol, peer: PeerId) -> Via {
        match protocol {
            Protocol::Udp => Via::Socket,
            Protocol::Tcp => Via::OwnRelay,
            Protocol::SslTcp | Protocol::Tls => Via::TheirRelay(peer),
        }
    }
}
