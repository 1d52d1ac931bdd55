//! The trait of whatever carries datagrams between an endpoint and the network.
//!
//! A link owns one or more sockets, their memory, and the clock. It lends each arriving datagram in place, and it lends
//! memory for each datagram that leaves. Datagrams of equal size to one peer form a batch, which leaves as one send.

use crate::limits::HEADER_BYTES;
use crate::time::{Duration, Instant};
use core::net::{IpAddr, SocketAddr};

/// The two addresses of a datagram (PROTOCOL.md#conventions).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Path {
    /// Number of the link's socket.
    pub socket: u32,
    /// The peer's address.
    pub peer: SocketAddr,
    /// The host's own address, if the socket is bound to all of them. Datagrams on this path leave from it. None if the
    /// socket has one address, or the kernel chooses.
    pub local: Option<IpAddr>,
}

impl Path {
    /// A path to `peer` through a socket with one address.
    pub const fn new(socket: u32, peer: SocketAddr) -> Self {
        Path { socket, peer, local: None }
    }
}

/// One or more datagrams that arrived together from one peer.
#[derive(Debug)]
pub struct Arrival<'a> {
    /// Its socket and sender.
    pub path: Path,
    /// When the kernel received the first of them, on the link's clock; None if unknown.
    pub arrived_at: Option<Instant>,
    /// Size of each datagram, in bytes; only the last may be shorter. Never 0.
    pub segment_bytes: usize,
    /// The datagrams, one after the other.
    pub bytes: &'a mut [u8],
    /// The header of the next arrival, if it is known already: for prefetching.
    pub following: Option<[u8; HEADER_BYTES]>,
}

impl<'a> Arrival<'a> {
    /// Number of datagrams. An empty datagram counts as one.
    pub fn count(&self) -> usize {
        self.bytes.len().div_ceil(self.segment_bytes).max(1)
    }

    /// The datagram at `index`, or past the end, the header of the next arrival: for prefetching.
    #[inline]
    pub fn peek(&self, index: usize) -> Option<&[u8]> {
        let start = index * self.segment_bytes;
        match self.bytes.get(start..) {
            Some(rest) if !rest.is_empty() => Some(&rest[..self.segment_bytes.min(rest.len())]),
            _ => self.following.as_ref().map(<[u8; HEADER_BYTES]>::as_slice),
        }
    }

    /// The datagram at `index`.
    ///
    /// # Panics
    /// When there is none.
    #[inline]
    pub fn datagram(&mut self, index: usize) -> &mut [u8] {
        let rest = &mut self.bytes[index * self.segment_bytes..];
        let len = self.segment_bytes.min(rest.len());
        &mut rest[..len]
    }

    /// All datagrams. An empty arrival is one empty datagram.
    #[inline]
    pub fn datagrams(self) -> impl Iterator<Item = &'a mut [u8]> {
        let empty: Option<&mut [u8]> = self.bytes.is_empty().then_some(&mut []);
        self.bytes.chunks_mut(self.segment_bytes).chain(empty)
    }
}

crate::counters! {
    /// Counters of a link.
    LinkStats {
        /// Datagrams received.
        datagrams_in,
        /// Arrivals: batches of datagrams that the kernel handed over together.
        arrivals,
        /// Datagrams sent.
        datagrams_out,
        /// Sends: batches of datagrams handed to the kernel together.
        sends,
        /// Datagrams that the kernel did not send, for any reason. They count as lost in transit.
        send_failed,
        /// Datagrams not sent because the socket's send buffer was full, or the kernel had no memory.
        send_queue_full,
        /// Datagrams not sent because a firewall rule or a security module forbids it.
        send_forbidden,
        /// Datagrams not sent because there is no route to the destination, or its port is closed.
        send_unreachable,
        /// Datagrams not sent because they are larger than the device carries.
        send_too_large,
        /// Batches that the kernel or the device did not segment. Their datagrams left one by one, at once.
        segmentation_refused,
        /// Times that segmentation to a destination was turned off for half a minute because of that.
        segmentation_stopped,
        /// Datagrams longer than a receive buffer.
        truncated,
        /// Datagrams that the kernel dropped because the socket's receive buffer was full.
        kernel_drops,
        /// Datagrams that the kernel dropped because they are shorter than a header, or have a wrong UDP checksum.
        kernel_refused,
        /// Times that a receive ended and was armed again.
        rearmed,
        /// Times that the link waited for the network.
        waits,
    }
}

/// What [`Link::park`] waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wait {
    /// Latest end of the wait.
    pub until: Instant,
    /// Time to gather arrivals before the wait ends for fewer than [`Self::enough`]: a wake-up per datagram is
    /// expensive.
    pub gather: Duration,
    /// Number of arrivals that ends the wait at once.
    pub enough: u32,
}

/// Carries datagrams.
///
/// The order within a turn is: [`receive`](Self::receive), any number of [`reserve`](Self::reserve),
/// [`submit`](Self::submit), and [`park`](Self::park), which submits the rest.
pub trait Link {
    /// The current time on the link's clock.
    fn now(&mut self) -> Instant;

    /// Lends what has arrived, up to about `budget` datagrams. Returns their number. Never waits.
    fn receive(&mut self, budget: usize, deliver: impl FnMut(Arrival<'_>)) -> usize;

    /// Room for a datagram of `len` bytes on `path`. Fill it before the next call. None if all send memory is in use:
    /// try again after the next [`submit`](Self::submit).
    ///
    /// # Panics
    /// When `len` is 0 or over [`crate::limits::DATAGRAM_BYTES_MAX`].
    fn reserve(&mut self, path: Path, len: usize) -> Option<&mut [u8]>;

    /// Sends everything that was reserved.
    fn submit(&mut self);

    /// Sends everything that was reserved, then waits for the network as `wait` says.
    fn park(&mut self, wait: Wait);

    /// Its counters.
    fn stats(&self) -> LinkStats;
}
