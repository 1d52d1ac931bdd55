//! Datagrams that wait for the socket, in memory that is allocated once.

use crate::id::PeerId;
use crate::limits::OUTBOX_DATAGRAMS;
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::link::{Arrival, Link, LinkStats, Path, Wait};
use ringshard_protocol::time::Instant;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// The way that a datagram takes. It says what the address beside it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Via {
    /// Directly. The address is that of the other host.
    Socket,
    /// Through the own channel at a relay. The address is that of the guest.
    OwnRelay,
    /// Through the channel of this peer. The address is that of its relay.
    TheirRelay(PeerId),
}

impl Via {
    /// The same for an endpoint, which knows numbers of sockets alone.
    pub(crate) const fn path(self, address: SocketAddr) -> Path {
        let number = match self {
            Via::Socket => 0,
            Via::OwnRelay => 1,
            Via::TheirRelay(peer) => 2 + peer.0,
        };
        Path::new(number, address)
    }

    const fn of(path: Path) -> Self {
        match path.socket {
            0 => Via::Socket,
            1 => Via::OwnRelay,
            number => Via::TheirRelay(PeerId(number - 2)),
        }
    }
}

/// A datagram that arrives.
pub(crate) struct Arriving<'a> {
    pub(crate) via: Via,
    pub(crate) from: SocketAddr,
    pub(crate) bytes: &'a mut [u8],
}

/// A datagram that leaves.
pub(crate) struct Leaving<'a> {
    pub(crate) via: Via,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: &'a [u8],
}

/// Datagrams that wait, in their order.
pub(crate) struct Outbox {
    memory: Box<[[u8; DATAGRAM_BYTES_MAX]]>,
    waiting: VecDeque<(Via, SocketAddr, usize)>,
    /// The place of the first.
    first: usize,
    now: Instant,
}

impl Outbox {
    pub(crate) fn new(now: Instant) -> Self {
        Outbox {
            memory: vec![[0; DATAGRAM_BYTES_MAX]; OUTBOX_DATAGRAMS].into(),
            waiting: VecDeque::with_capacity(OUTBOX_DATAGRAMS),
            first: 0,
            now,
        }
    }

    /// Sets the time that the link shows.
    pub(crate) fn set_now(&mut self, now: Instant) {
        self.now = now;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < OUTBOX_DATAGRAMS
    }

    /// Room for a datagram; None while too many wait.
    pub(crate) fn room(&mut self, via: Via, to: SocketAddr, len: usize) -> Option<&mut [u8]> {
        if !self.has_room() {
            return None;
        }
        let place = (self.first + self.waiting.len()) % OUTBOX_DATAGRAMS;
        self.waiting.push_back((via, to, len));
        Some(&mut self.memory[place][..len])
    }

    /// Takes the oldest datagram.
    pub(crate) fn pop(&mut self) -> Option<Leaving<'_>> {
        let (via, to, len) = self.waiting.pop_front()?;
        let place = self.first;
        self.first = (place + 1) % OUTBOX_DATAGRAMS;
        Some(Leaving { via, to, bytes: &self.memory[place][..len] })
    }
}

/// What an endpoint needs of a link: room for what it sends.
impl Link for Outbox {
    fn now(&mut self) -> Instant {
        self.now
    }

    fn receive(&mut self, _budget: usize, _deliver: impl FnMut(Arrival<'_>)) -> usize {
        0
    }

    fn reserve(&mut self, path: Path, len: usize) -> Option<&mut [u8]> {
        self.room(Via::of(path), path.peer, len)
    }

    fn submit(&mut self) {}

    fn park(&mut self, _wait: Wait) {}

    fn stats(&self) -> LinkStats {
        LinkStats::default()
    }
}
