//! A server and its clients over a simulated network.

mod client;

pub use client::TestClient;

use crate::{CLEAN, ROUND_TRIP, client_address, client_config, server_address, server_config};
use ringshard_link::conditions::Conditions;
use ringshard_link::sim::{Network, SimLink, TraceEntry};
use ringshard_protocol::client::CloseReason;
use ringshard_protocol::connection::SendError;
use ringshard_protocol::endpoint::{Event, Received};
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::link::Link;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Channel, ConnectionId, Header, flags};
use ringshard_protocol::{Client, ClientConfig, Endpoint, EndpointConfig};
use std::net::SocketAddr;

/// Time that passes per [`World::step`], unless a test says otherwise.
pub const STEP: Duration = Duration::from_millis(5);
/// Longest time that [`World::run_until`] waits.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// What the server of a [`World`] does with messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It sends each one back, on its channel.
    Echo,
    /// It keeps them in [`TestClient::received_by_server`].
    Keep,
}

/// A server, its clients, and the network between them, under a virtual clock.
pub struct World {
    /// The network, which also keeps the time and a trace of all datagrams.
    pub network: Network,
    /// The server.
    pub server: Endpoint,
    /// The server's link.
    pub server_link: SimLink,
    /// What the server reported, and when.
    pub server_events: Vec<(Instant, Event)>,
    /// The clients, in the order in which they were added.
    pub clients: Vec<TestClient>,
    /// What the server does with messages.
    pub answer: Answer,
    /// Time that passes per [`World::step`].
    pub step: Duration,
    clients_made: u64,
}

impl World {
    /// A world of [`server_config`] without clients. The seed decides what the network does.
    pub fn new(seed: u64, conditions: Conditions) -> Self {
        Self::with_config(seed, conditions, server_config())
    }

    /// A world of this server without clients.
    pub fn with_config(seed: u64, conditions: Conditions, config: EndpointConfig) -> Self {
        let network = Network::new(seed, conditions);
        network.start_trace();
        World {
            server: Endpoint::new(config, network.now(), [0x52; 32]),
            server_link: SimLink::new(network.clone(), server_address()),
            server_events: Vec::new(),
            clients: Vec::new(),
            answer: Answer::Echo,
            step: STEP,
            clients_made: 0,
            network,
        }
    }

    /// A world on a clean network in which `count` clients are connected and no datagram is in flight.
    pub fn connected(count: usize) -> Self {
        let mut world = World::new(1, CLEAN);
        world.add_clients(count);
        world.run_until("all clients are connected", |world| world.server.stats().joined == count as u64);
        world.run_for(ROUND_TRIP);
        world
    }

    /// A client with a seed of its own that is not part of the world yet.
    pub fn new_client(&mut self, config: ClientConfig) -> Client {
        self.clients_made += 1;
        let mut seed = [0x53; 32];
        seed[..8].copy_from_slice(&self.clients_made.to_le_bytes());
        Client::new(config, self.network.now(), seed).expect("the server's key is sound")
    }

    /// Adds a client with this configuration at this address; gives its index.
    pub fn add_client_at(&mut self, address: SocketAddr, config: ClientConfig) -> usize {
        let link = SimLink::new(self.network.clone(), address);
        let client = self.new_client(config);
        self.clients.push(TestClient::new(client, link, address));
        self.clients.len() - 1
    }

    /// Adds a client with this configuration; gives its index.
    pub fn add_client_with(&mut self, config: ClientConfig) -> usize {
        self.add_client_at(client_address(self.clients.len()), config)
    }

    /// Adds a client; gives its index.
    pub fn add_client(&mut self) -> usize {
        self.add_client_with(client_config())
    }

    /// Adds `count` clients.
    pub fn add_clients(&mut self, count: usize) {
        for _ in 0..count {
            self.add_client();
        }
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.network.now()
    }

    /// Advances the clock by one step, then lets the server and each client act once.
    pub fn step(&mut self) {
        self.network.advance(self.step);
        let now = self.now();
        self.server_receives(now);
        self.server.sweep(now);
        self.note_server_events(now);
        self.server.flush(now, &mut self.server_link);
        self.server_link.submit();
        for client in &mut self.clients {
            client.step(now);
        }
    }

    fn server_receives(&mut self, now: Instant) {
        let World { server, server_link, clients, answer, .. } = self;
        let mut buffer = Vec::new();
        server_link.receive(usize::MAX, |arrival| {
            let path = arrival.path;
            for datagram in arrival.datagrams() {
                let Received::Messages { id, messages, more } = server.receive(now, path, datagram) else { continue };
                let mut take = |server: &mut Endpoint, channel: Channel, bytes: &[u8]| match answer {
                    Answer::Echo => server.send(now, id, channel, bytes).expect("the server can send an echo"),
                    Answer::Keep => {
                        let sender = clients.iter_mut().find(|client| client.has_id(id));
                        sender.expect("a client has the id").received_by_server.push((channel, bytes.to_vec()));
                    }
                };
                for message in messages {
                    take(server, message.channel, message.bytes);
                }
                while more && let Some(channel) = server.read(id, &mut buffer) {
                    take(server, channel, &buffer);
                }
            }
        });
    }

    fn note_server_events(&mut self, now: Instant) {
        while let Some(event) = self.server.poll_event() {
            if let Event::Renamed { id, former } = event {
                self.clients.iter_mut().filter(|client| client.has_id(former)).for_each(|client| client.rename(id));
            }
            self.server_events.push((now, event));
        }
    }

    /// Steps for this long.
    pub fn run_for(&mut self, duration: Duration) {
        let end = self.now() + duration;
        while self.now() < end {
            self.step();
        }
    }

    /// Steps until something has happened.
    ///
    /// # Panics
    /// When it does not happen within two minutes of the virtual clock.
    pub fn run_until(&mut self, what: &str, happened: impl Fn(&World) -> bool) {
        let end = self.now() + WAIT_MAX;
        while !happened(self) {
            assert!(self.now() < end, "not within {WAIT_MAX:?}: {what}");
            self.step();
        }
    }

    /// The id of a client's connection, as the client knows it.
    ///
    /// # Panics
    /// When the client is not connected.
    pub fn id(&self, client: usize) -> ConnectionId {
        self.clients[client].client.id().expect("the client is connected")
    }

    /// Steps until the client is closed; gives the reason.
    pub fn close_reason(&mut self, client: usize) -> CloseReason {
        self.run_until("the client closes", |world| world.clients[client].close_reason().is_some());
        self.clients[client].close_reason().expect("it is closed")
    }

    /// Makes the client send an unreliable message.
    pub fn send(&mut self, client: usize, message: &[u8]) {
        self.send_on(client, Channel::UNRELIABLE, message);
    }

    /// Makes the client send a message.
    ///
    /// # Panics
    /// When the client cannot take the message, even after it has sent what waits.
    pub fn send_on(&mut self, client: usize, channel: Channel, message: &[u8]) {
        let now = self.now();
        let client = &mut self.clients[client];
        let mut sent = client.client.send(now, channel, message);
        if sent == Err(SendError::Full) {
            client.transmit(now);
            sent = client.client.send(now, channel, message);
        }
        sent.expect("the client takes the message");
    }

    /// Makes the server send a message to the client.
    ///
    /// # Panics
    /// When the server cannot take the message.
    pub fn server_sends(&mut self, client: usize, channel: Channel, message: &[u8]) {
        let (now, id) = (self.now(), self.id(client));
        self.server.send(now, id, channel, message).expect("the server takes the message");
    }

    /// Whether an unreliable message of the client comes back, and nothing else.
    pub fn echoes(&mut self, client: usize, message: &[u8]) -> bool {
        self.clients[client].received.clear();
        self.send(client, message);
        self.run_for(ROUND_TRIP);
        self.clients[client].messages() == [message]
    }

    /// A datagram of the client that is sealed, but not sent.
    pub fn sealed_by_client(&mut self, client: usize, message: &[u8]) -> Vec<u8> {
        self.send(client, message);
        let now = self.now();
        let mut datagram = vec![0; DATAGRAM_BYTES_MAX];
        let len = self.clients[client].client.poll_transmit(now, &mut datagram).expect("a message waits");
        datagram.truncate(len);
        datagram
    }

    /// A datagram of the server to the client that is sealed, but not sent.
    pub fn sealed_by_server(&mut self, client: usize, message: &[u8]) -> Vec<u8> {
        self.server_sends(client, Channel::UNRELIABLE, message);
        let mut link = crate::MemoryLink::new(1);
        self.server.flush(self.network.now(), &mut link);
        let (_, datagram) = link.sent().next().expect("one message makes one datagram");
        datagram.to_vec()
    }

    /// Encrypted datagrams from one address to another, in the order of their arrival.
    pub fn sealed_datagrams(&self, from: SocketAddr, to: SocketAddr) -> Vec<Vec<u8>> {
        self.datagrams(from, to, true)
    }

    /// Unencrypted packets from one address to another, in the order of their arrival.
    pub fn unencrypted_packets(&self, from: SocketAddr, to: SocketAddr) -> Vec<Vec<u8>> {
        self.datagrams(from, to, false)
    }

    fn datagrams(&self, from: SocketAddr, to: SocketAddr, sealed: bool) -> Vec<Vec<u8>> {
        let is_sealed = |entry: &TraceEntry| {
            let header = Header::decode(&entry.bytes).expect("both ends send sound headers");
            header.flags & flags::ENCRYPTED != 0
        };
        let matches = |entry: &TraceEntry| entry.from == from && entry.to == to && is_sealed(entry) == sealed;
        self.network.trace().into_iter().filter(matches).map(|entry| entry.bytes).collect()
    }
}
