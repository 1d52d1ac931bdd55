//! What the state machine of a node wants done. The driver does it, in this order.

use crate::topology::PlaceId;
use std::net::SocketAddr;
use std::ops::Range;

/// A client at the last node of its route: a socket of its own to the host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ExitId(pub u64);

/// Where a datagram goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum To {
    /// To another node.
    Node(SocketAddr),
    /// To a client, from the socket of a door.
    Client {
        /// Number of the door.
        door: u16,
        /// The client.
        address: SocketAddr,
    },
    /// To a host, from the socket of a client.
    Host(ExitId),
    /// To a host, from the socket that probes it.
    HostProbe(PlaceId),
}

/// One thing to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// Send these bytes of [`Outbox::bytes`].
    Send(To, Range<usize>),
    /// Open a socket to this address.
    Open(ExitId, SocketAddr),
    /// Close it.
    Close(ExitId),
}

/// What is to be done. Its memory is used again and again.
#[derive(Default, Debug)]
pub struct Outbox {
    /// All datagrams, one after the other.
    pub bytes: Vec<u8>,
    /// What to do.
    pub acts: Vec<Act>,
}

impl Outbox {
    /// Forgets everything, which is done.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.acts.clear();
    }

    pub(super) fn send(&mut self, to: To, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.acts.push(Act::Send(to, start..self.bytes.len()));
    }

    pub(super) fn send_parts(&mut self, to: To, front: &[u8], datagram: &[u8]) {
        self.send(to, |bytes| {
            bytes.extend_from_slice(front);
            bytes.extend_from_slice(datagram);
        });
    }
}
