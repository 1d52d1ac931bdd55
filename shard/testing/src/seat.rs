//! A client's place in the network: its link, the core that it sends to, and when it has its next frame.

use crate::server;
use ringshard_link::conditions::{Chance, Conditions};
use ringshard_link::sim::{Network, SimLink};
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::{Duration, Instant};
use std::net::SocketAddr;

/// Time between two frames of a client: it receives and sends once per frame.
pub(crate) const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// A client without a socket.
pub(crate) trait Datagrams {
    fn receive(&mut self, now: Instant, datagram: &mut [u8]);
    /// Where the next datagram goes. None: to the core of its seat.
    fn server(&mut self, _now: Instant) -> Option<SocketAddr> {
        None
    }
    /// Writes a datagram that is due, and gives its length.
    fn transmit(&mut self, now: Instant, datagram: &mut [u8]) -> Option<usize>;
}

/// A client in its place.
pub(crate) struct Seat<C> {
    pub(crate) client: C,
    link: SimLink,
    /// The core that its datagrams reach.
    core: usize,
    next_frame: Instant,
    is_cut: bool,
    /// Datagrams received and sent.
    pub(crate) datagrams_in: u64,
    pub(crate) datagrams_out: u64,
}

impl<C: Datagrams> Seat<C> {
    pub(crate) fn new(client: C, network: &Network, address: SocketAddr, core: usize, first_frame: Instant) -> Self {
        Seat {
            client,
            link: SimLink::new(network.clone(), address),
            core,
            next_frame: first_frame,
            is_cut: false,
            datagrams_in: 0,
            datagrams_out: 0,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.link.local()
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Begins a frame, if one is due: receives what has arrived.
    pub(crate) fn begin_frame(&mut self, now: Instant) -> bool {
        if now < self.next_frame {
            return false;
        }
        self.next_frame = self.next_frame + FRAME;
        let Seat { client, link, datagrams_in, .. } = self;
        link.receive(usize::MAX, |mut arrival| {
            for index in 0..arrival.count() {
                *datagrams_in += 1;
                client.receive(now, arrival.datagram(index));
            }
        });
        true
    }

    /// Sends what is due.
    pub(crate) fn transmit(&mut self, now: Instant) {
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        loop {
            let server = self.client.server(now).unwrap_or(server::address(self.core));
            let Some(len) = self.client.transmit(now, &mut datagram) else { break };
            let path = Path::new(0, server);
            self.datagrams_out += 1;
            let room = self.link.reserve(path, len).expect("a simulated link has room");
            room.copy_from_slice(&datagram[..len]);
        }
        self.link.submit();
    }

    /// Loses everything from now on, or nothing beyond what `conditions` say.
    pub(crate) fn set_cut(&mut self, network: &Network, cores: usize, conditions: Conditions, is_cut: bool) {
        self.is_cut = is_cut;
        let conditions = if is_cut { Conditions { loss: Chance::ALWAYS, ..conditions } } else { conditions };
        for core in 0..cores {
            network.set_conditions_between(self.link.local(), server::address(core), conditions);
            network.set_conditions_between(server::address(core), self.link.local(), conditions);
        }
    }

    /// Gets another address, as if its NAT had forgotten it. Its datagrams reach the next core from now on.
    pub(crate) fn move_address(&mut self, network: &Network, cores: usize, conditions: Conditions) {
        let mut address = self.link.local();
        address.set_port(address.port().wrapping_add(1).max(1024));
        self.link.rebind(address);
        self.core = (self.core + 1) % cores;
        self.set_cut(network, cores, conditions, self.is_cut);
    }
}
