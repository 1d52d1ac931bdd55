//! A server without a network.

use crate::MemoryLink;
use ringshard_protocol::endpoint::{Event, Received};
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::link::Path;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Channel;
use ringshard_protocol::{Client, Endpoint, EndpointConfig};

/// Datagrams that a server may send before a test looks at them.
const SENT_MAX: usize = 4096;
/// Rounds of datagrams after which a client must be connected: a handshake takes three.
const CONNECT_ROUNDS_MAX: usize = 10;

/// A server without a network: the test hands in datagrams, keeps the time, and looks at what leaves.
pub struct Server {
    /// The server itself.
    pub endpoint: Endpoint,
    /// Where the endpoint sends to.
    pub link: MemoryLink,
    /// The time, which only the test advances.
    pub now: Instant,
    /// Messages received from all clients, in order.
    pub messages: Vec<(Channel, Vec<u8>)>,
    /// What the endpoint reported, in order.
    pub events: Vec<Event>,
}

impl Server {
    /// A server without connections, one second after the clock's start.
    pub fn new(config: EndpointConfig) -> Self {
        let now = Instant::ZERO + Duration::from_secs(1);
        Server {
            endpoint: Endpoint::new(config, now, [0x52; 32]),
            link: MemoryLink::new(SENT_MAX),
            now,
            messages: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Hands in a datagram, and keeps the messages in it.
    pub fn receive(&mut self, path: Path, datagram: &mut [u8]) {
        let Received::Messages { id, messages, more } = self.endpoint.receive(self.now, path, datagram) else { return };
        self.messages.extend(messages.map(|message| (message.channel, message.bytes.to_vec())));
        let mut message = Vec::new();
        while more && let Some(channel) = self.endpoint.read(id, &mut message) {
            self.messages.push((channel, message.clone()));
        }
    }

    /// Lets the endpoint send what waits; gives those datagrams.
    pub fn flush(&mut self) -> Vec<(Path, Vec<u8>)> {
        self.endpoint.flush(self.now, &mut self.link);
        self.events.extend(std::iter::from_fn(|| self.endpoint.poll_event()));
        let sent = self.link.sent().map(|(path, datagram)| (path, datagram.to_vec())).collect();
        self.link.clear();
        sent
    }

    /// Advances the clock, once, and lets the endpoint act; gives the datagrams that it sends.
    pub fn advance(&mut self, time: Duration) -> Vec<(Path, Vec<u8>)> {
        self.now = self.now + time;
        self.endpoint.sweep(self.now);
        self.flush()
    }

    /// Connects `client` from `path`.
    ///
    /// # Panics
    /// When the server does not let it in.
    pub fn connect(&mut self, client: &mut Client, path: Path) {
        connect(&mut self.endpoint, &mut self.link, client, path, self.now);
        self.flush();
    }
}

/// Carries datagrams between `server` and `client` until the client is connected and has proved its keys. What the server
/// sends to other paths is lost.
///
/// # Panics
/// When the server does not let the client in.
pub fn connect(server: &mut Endpoint, link: &mut MemoryLink, client: &mut Client, path: Path, now: Instant) {
    let joined = server.stats().joined;
    let mut datagram = [0; DATAGRAM_BYTES_MAX];
    for _ in 0..CONNECT_ROUNDS_MAX {
        client.advance(now);
        while let Some(len) = client.poll_transmit(now, &mut datagram) {
            server.receive(now, path, &mut datagram[..len]);
        }
        server.flush(now, link);
        for (_, answer) in link.sent().filter(|&(to, _)| to == path) {
            client.receive(now, answer);
        }
        link.clear();
        if client.is_connected() && server.stats().joined > joined {
            return;
        }
    }
    panic!("the server does not let the client in");
}
