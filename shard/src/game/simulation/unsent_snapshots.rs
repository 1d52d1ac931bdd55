//! Snapshots of a slice that wait to be sent.

use ringshard_protocol::wire::ConnectionId;

/// A snapshot that waits to be sent.
pub(super) struct Waiting {
    pub(super) id: ConnectionId,
    pub(super) run: Run,
    /// Where it begins in the buffer of all snapshots.
    pub(super) start: u32,
    pub(super) len: u16,
}

/// Datagrams with the same address and size leave as one GSO send.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Run {
    /// Which address of the slice, counted from 1.
    pub(super) address: u32,
    pub(super) datagram_bytes: u16,
}
