//! The only I/O: who carries datagrams between an endpoint and the network.
//!
//! A link owns one or more sockets, the memory the kernel reads and writes, and the clock. What arrives is lent in
//! place; what leaves is written straight into the link's own memory, where datagrams of equal size to one peer grow
//! into runs that leave as one send.

#[cfg(any(test, feature = "conditions"))]
pub mod conditioned;
pub mod conditions;
pub mod sim;

#[cfg(feature = "net")]
mod buffer;
#[cfg(feature = "net")]
mod clock;
#[cfg(feature = "net")]
mod losses;
#[cfg(feature = "net")]
mod message;
#[cfg(feature = "net")]
pub mod mmsg;
#[cfg(feature = "net")]
mod outbox;
#[cfg(feature = "net")]
pub mod socket;
#[cfg(feature = "net")]
pub mod uring;

use crate::limits::HEADER_BYTES;
use crate::time::{Duration, Instant};
use core::net::SocketAddr;

/// Where datagrams of a connection go and come from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Path {
    /// Which of the link's sockets.
    pub socket: u32,
    /// The address at the other end.
    pub peer: SocketAddr,
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
        /// Datagrams that the kernel would not send; they are lost as on the way.
        send_failed,
        /// Times the link went over to sending every datagram by itself, because the device cannot segment.
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

#[cfg(feature = "net")]
impl LinkStats {
    /// The same, with what the kernel dropped of the link's sockets.
    fn with_losses(mut self, losses: impl Iterator<Item = losses::KernelLosses>) -> Self {
        for losses in losses {
            self.kernel_drops += losses.full;
            self.kernel_refused += losses.refused;
        }
        self
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
