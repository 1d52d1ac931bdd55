//! A link to the simulated network.

use super::network::{Network, Taken};
use core::net::SocketAddr;
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::link::{Arrival, Link, LinkStats, Path, Wait};
use ringshard_protocol::time::Instant;

/// A link to a [`Network`].
#[derive(Debug)]
pub struct SimLink {
    network: Network,
    local: SocketAddr,
    inbox: usize,
    /// Destination and size of each datagram that waits for `submit`; the bytes lie one behind the other in `memory`.
    reserved: Vec<(SocketAddr, usize)>,
    memory: Vec<u8>,
    stats: LinkStats,
}

impl SimLink {
    /// The link at the address `local`.
    pub fn new(network: Network, local: SocketAddr) -> Self {
        let inbox = network.join(local);
        SimLink { network, local, inbox, reserved: Vec::new(), memory: Vec::new(), stats: LinkStats::default() }
    }

    /// The link's address.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Moves the link to another address. Datagrams that arrived at the former one, or arrive there later, are lost.
    pub fn rebind(&mut self, local: SocketAddr) {
        self.network.leave(self.inbox);
        self.inbox = self.network.join(local);
        self.local = local;
    }
}

impl Drop for SimLink {
    fn drop(&mut self) {
        self.network.leave(self.inbox);
    }
}

impl Link for SimLink {
    fn now(&mut self) -> Instant {
        self.network.now()
    }

    fn receive(&mut self, budget: usize, mut deliver: impl FnMut(Arrival<'_>)) -> usize {
        let mut received = 0;
        while received < budget {
            // The network is not borrowed while the datagram is delivered: the receiver may send.
            let Some(Taken { place, from, due, mut bytes }) = self.network.take(self.inbox) else { break };
            received += 1;
            self.stats.arrivals += 1;
            self.stats.datagrams_in += 1;
            deliver(Arrival {
                path: Path::new(0, from),
                arrived_at: Some(due),
                segment_bytes: bytes.len().max(1),
                bytes: &mut bytes,
                following: None,
            });
            self.network.release(place, bytes);
        }
        received
    }

    fn reserve(&mut self, path: Path, len: usize) -> Option<&mut [u8]> {
        assert!((1..=DATAGRAM_BYTES_MAX).contains(&len), "a datagram has 1 to DATAGRAM_BYTES_MAX bytes");
        self.reserved.push((path.peer, len));
        let start = self.memory.len();
        self.memory.resize(start + len, 0);
        Some(&mut self.memory[start..])
    }

    fn submit(&mut self) {
        let mut rest = &self.memory[..];
        for (to, len) in self.reserved.drain(..) {
            let (bytes, behind) = rest.split_at(len);
            rest = behind;
            self.stats.sends += 1;
            self.stats.datagrams_out += 1;
            self.network.send(self.local, to, bytes);
        }
        assert!(rest.is_empty(), "every byte belongs to a reserved datagram");
        self.memory.clear();
    }

    /// Does not wait: the driver of the simulation advances the network's clock.
    fn park(&mut self, _wait: Wait) {
        self.submit();
        self.stats.waits += 1;
    }

    fn stats(&self) -> LinkStats {
        self.stats
    }
}
