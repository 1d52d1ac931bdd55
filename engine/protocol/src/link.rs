//! What the protocol asks of whoever carries datagrams between an endpoint and the network.
//!
//! A link owns one or more sockets, their memory, and the clock. It lends each arrival in place, and it lends memory for
//! each datagram that leaves. Datagrams of equal size to one peer grow into runs that leave as one send.

use crate::limits::HEADER_BYTES;
use crate::time::{Duration, Instant};
use core::net::{IpAddr, SocketAddr};

/// Where datagrams of a connection go and come from: a pair of addresses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Path {
    /// Which of the link's sockets.
    pub socket: u32,
    /// The address at the other end.
    pub peer: SocketAddr,
    /// The address at this end, where the socket is bound to all addresses of the host. A datagram that is sent over the
    /// path leaves from it. None: the socket has one address, or the kernel chooses.
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
    /// Through which socket, from whom.
    pub path: Path,
    /// When the kernel got the first of them, on the link's clock, where it says so.
    pub arrived_at: Option<Instant>,
    /// Size of each datagram; only the last may be shorter. Never 0.
    pub segment_bytes: usize,
    /// The datagrams, one behind the other.
    pub bytes: &'a mut [u8],
    /// The header of the next arrival, where it is known already: to look ahead.
    pub following: Option<[u8; HEADER_BYTES]>,
}

impl<'a> Arrival<'a> {
    /// How many datagrams; an empty datagram is one.
    pub fn count(&self) -> usize {
        self.bytes.len().div_ceil(self.segment_bytes).max(1)
    }

    /// The datagram at `index`, or where this arrival ends before that, the header of the next one: to look ahead.
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
    /// When there are not so many.
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
    /// What a link did.
    LinkStats {
        /// Datagrams that arrived.
        datagrams_in,
        /// Arrivals: runs of datagrams that the kernel handed over together.
        arrivals,
        /// Datagrams sent.
        datagrams_out,
        /// Sends: runs of datagrams handed to the kernel together.
        sends,
        /// Datagrams that the kernel would not send, for whatever reason; they are lost as on the way.
        send_failed,
        /// Of those: the socket's send buffer was full, or the kernel had no memory.
        send_queue_full,
        /// Of those: a firewall rule or a security module forbids it.
        send_forbidden,
        /// Of those: there is no route to the destination, or it has said that nobody listens there.
        send_unreachable,
        /// Of those: larger than the device carries.
        send_too_large,
        /// Runs that the kernel or the device would not segment. Their datagrams left again one by one, at once.
        segmentation_refused,
        /// Times that segmentation was switched off for a destination because of that, for half a minute.
        segmentation_stopped,
        /// Datagrams that were longer than a receive buffer.
        truncated,
        /// Datagrams that the kernel dropped because the socket's receive buffer was full.
        kernel_drops,
        /// Datagrams that the kernel did not pass on because they are shorter than a header, or have a wrong UDP checksum.
        kernel_refused,
        /// Times a receive had ended and was armed again.
        rearmed,
        /// Times the link waited for the network.
        waits,
    }
}

/// How long and for what [`Link::park`] waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wait {
    /// No later than this.
    pub until: Instant,
    /// Gather arrivals this long before waking for fewer than [`Self::enough`]: a wake-up per datagram is dear.
    pub gather: Duration,
    /// Arrivals that end the wait at once.
    pub enough: u32,
}

/// Carries datagrams.
///
/// The order within a turn is: [`receive`](Self::receive), [`reserve`](Self::reserve) as often as wanted,
/// [`submit`](Self::submit), [`park`](Self::park), which submits what is left.
pub trait Link {
    /// The moment it is, on the link's own clock.
    fn now(&mut self) -> Instant;

    /// Lends what has arrived, until about `budget` datagrams; gives how many they were. Never waits.
    fn receive(&mut self, budget: usize, deliver: impl FnMut(Arrival<'_>)) -> usize;

    /// Room for a datagram of `len` bytes on `path`, to be filled before the next call. None when all send memory is in
    /// use: try again after the next [`submit`](Self::submit).
    ///
    /// # Panics
    /// When `len` is 0 or over [`crate::limits::DATAGRAM_BYTES_MAX`].
    fn reserve(&mut self, path: Path, len: usize) -> Option<&mut [u8]>;

    /// Hands all that was reserved to the network.
    fn submit(&mut self);

    /// The same, then waits for the network as `wait` says.
    fn park(&mut self, wait: Wait);

    /// What it did so far.
    fn stats(&self) -> LinkStats;
}
