//! Carries datagrams between clients and a server on loopback, badly if told so.

use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// What the relay does to each datagram.
#[derive(Clone, Copy, Default)]
pub struct Badness {
    /// Percent of datagrams.
    pub loss: u16,
    pub repeat: u16,
    /// The shortest and the longest delay: datagrams overtake each other.
    pub delay: [Duration; 2],
}

/// A datagram on its way.
struct Flying {
    due: Instant,
    bytes: Vec<u8>,
    /// The client that sent it, or gets it.
    client: SocketAddr,
    is_to_server: bool,
}

pub struct Relay {
    /// Nothing passes while this is set.
    pub is_cut: bool,
    pub badness: Badness,
    /// Bytes of all datagrams that came here, both ways.
    pub carried: u64,
    server: SocketAddr,
    outside: UdpSocket,
    /// The sockets towards the server, by client.
    inside: HashMap<SocketAddr, UdpSocket>,
    flying: Vec<Flying>,
    random: u64,
}

impl Relay {
    pub fn new(server: SocketAddr) -> Self {
        Relay {
            is_cut: false,
            badness: Badness::default(),
            carried: 0,
            server,
            outside: socket(),
            inside: HashMap::new(),
            flying: Vec::new(),
            random: 1,
        }
    }

    /// Where clients send to.
    pub fn address(&self) -> SocketAddr {
        self.outside.local_addr().expect("a bound socket has an address")
    }

    /// The server sees all clients at new addresses from now on.
    pub fn change_addresses(&mut self) {
        self.inside.clear();
    }

    /// Takes what has arrived, and passes on what is due.
    pub fn turn(&mut self) {
        let mut buffer = [0; DATAGRAM_BYTES_MAX];
        while let Ok((len, client)) = self.outside.recv_from(&mut buffer) {
            self.inside.entry(client).or_insert_with(socket);
            self.take(client, true, &buffer[..len]);
        }
        let clients: Vec<_> = self.inside.keys().copied().collect();
        for client in clients {
            while let Ok(len) = self.inside[&client].recv(&mut buffer) {
                self.take(client, false, &buffer[..len]);
            }
        }
        self.pass_on(Instant::now());
    }

    fn take(&mut self, client: SocketAddr, is_to_server: bool, bytes: &[u8]) {
        let Badness { loss, repeat, delay: [shortest, longest] } = self.badness;
        self.carried += bytes.len() as u64;
        if self.is_cut || self.percent() < loss {
            return;
        }
        let copies = if self.percent() < repeat { 2 } else { 1 };
        for _ in 0..copies {
            let due = Instant::now() + shortest + (longest - shortest) * u32::from(self.percent()) / 100;
            self.flying.push(Flying { due, bytes: bytes.to_vec(), client, is_to_server });
        }
    }

    fn pass_on(&mut self, now: Instant) {
        // Stable: of those that are due at one time, the first one leaves first.
        self.flying.sort_by_key(|flying| flying.due);
        let due = self.flying.partition_point(|flying| flying.due <= now);
        for Flying { bytes, client, is_to_server, .. } in self.flying.drain(..due) {
            // What cannot be sent is lost, as on any network.
            let _ = match (is_to_server, self.inside.get(&client)) {
                (true, Some(inside)) => inside.send_to(&bytes, self.server),
                (true, None) => Ok(0),
                (false, _) => self.outside.send_to(&bytes, client),
            };
        }
    }

    /// A random number below 100.
    fn percent(&mut self) -> u16 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.random >> 33) % 100) as u16
    }
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
    socket.set_nonblocking(true).expect("a socket can be non-blocking");
    socket
}
