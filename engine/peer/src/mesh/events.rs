//! What a mesh reports.

use crate::candidate::CandidateKind;
use crate::id::PeerId;
use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::{Channel, DisconnectReason};
use std::net::SocketAddr;

/// The way to a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeerPath {
    /// The peer's address, as this host or its own relay sees it. The address of the peer's relay if the path leads through
    /// that one.
    pub address: SocketAddr,
    /// Which of its candidates that is; [`CandidateKind::Relayed`] if either end uses a relay.
    pub kind: CandidateKind,
}

/// Something that happened in a mesh.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MeshEvent {
    /// A path to the peer is in use, the first or another one. The session goes on over it.
    Path(PeerId, PeerPath),
    /// The peer no longer answers over the path in use, and another one is looked for.
    PathLost(PeerId),
    /// There is a session with the peer: messages can be sent.
    Connected {
        /// The peer.
        peer: PeerId,
        /// Whether the former session goes on, with all its reliable messages.
        resumed: bool,
        /// Time since the peer was named, or since its program began anew.
        took: Duration,
    },
    /// The connection is lost. Its session goes on when a path is found within a minute.
    Suspended(PeerId),
    /// The peer's program began anew: what was not delivered to the former one is lost.
    BeganAnew(PeerId),
    /// The peer has left, or could not be reached for too long. It is no member any more.
    Left(PeerId, DisconnectReason),
    /// A message of the peer.
    Message(PeerId, Channel, Vec<u8>),
}
