//! A server that echoes, its clients, and the simulated network between them: the stage of the scenarios.
#![allow(missing_docs, reason = "written next")]

use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard_link::conditions::{Chance, Conditions};
use ringshard_link::sim::{Network, SimLink, TraceEntry};
use ringshard_protocol::client::{ClientEvent, CloseReason};
use ringshard_protocol::connection::{HeartbeatConfig, TransportConfig};
use ringshard_protocol::crypto::{Csprng, SecretKey, Suites};
use ringshard_protocol::endpoint::{Event, Received, SendError};
use ringshard_protocol::limits::*;
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::stats::Drops;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Channel, ConnectionId, Header, Message, flags};
use ringshard_protocol::{Client, ClientConfig, Endpoint, EndpointConfig};
use std::net::SocketAddr;

pub const STEP: Duration = Duration::from_millis(5);
pub const DELAY: Duration = Duration::from_millis(20);
pub const CLEAN: Conditions = Conditions::none(DELAY);
pub const BAD: Conditions = Conditions {
    jitter: Duration::from_millis(30),
    loss: Chance::per_mille(300),
    duplication: Chance::per_mille(100),
    corruption: Chance::per_mille(50),
    ..CLEAN
};
pub const DEAD: Conditions = Conditions { loss: Chance::ALWAYS, ..CLEAN };
pub const SECRET: [u8; 32] = [0x51; 32];
/// Longer than a datagram needs to be there, handled, and answered.
pub const THERE_AND_BACK: Duration = Duration::from_millis(60);

pub fn server_address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], PORT_DEFAULT))
}

pub fn client_address(index: usize) -> SocketAddr {
    SocketAddr::from(([10, 1, (index >> 8) as u8, index as u8], 40_000))
}

pub fn server_config() -> EndpointConfig {
    EndpointConfig {
        core: 0,
        cores: 1,
        connections_max: 64,
        suites: Suites::native(),
        heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT },
        secret: SecretKey::from_bytes(SECRET),
        pre_shared: None,
        transport: TransportConfig::default(),
        message_bytes_max: MESSAGE_MEMORY_BYTES_DEFAULT,
        integrity: None,
    }
}

pub fn client_config() -> ClientConfig {
    ClientConfig::new(SecretKey::from_bytes(SECRET).public())
}

/// A client with its link, and all that it was told.
pub struct End {
    pub client: Client,
    pub link: SimLink,
    pub address: SocketAddr,
    /// The messages it got, and the channel that each came by.
    pub inbox: Vec<Vec<u8>>,
    pub channels: Vec<Channel>,
    pub events: Vec<(Instant, ClientEvent)>,
}

impl End {
    /// Sends what waits.
    fn transmit(&mut self, now: Instant) {
        while let Some(len) = self.client.transmit_len(now) {
            let path = Path::new(0, server_address());
            self.client.transmit(now, self.link.reserve(path, len).unwrap());
        }
        self.link.submit();
    }

    pub fn forget_inbox(&mut self) {
        self.inbox.clear();
        self.channels.clear();
    }

    /// The messages that came by this channel, in their order.
    pub fn heard_on(&self, channel: Channel) -> Vec<&[u8]> {
        let all = self.inbox.iter().zip(&self.channels);
        all.filter(|&(_, &of)| of == channel).map(|(message, _)| &message[..]).collect()
    }

    pub fn close_reason(&self) -> Option<CloseReason> {
        self.events.iter().find_map(|&(_, event)| match event {
            ClientEvent::Closed(reason) => Some(reason),
            _ => None,
        })
    }
}

/// A server that echoes every message, its clients, and the network between them.
pub struct World {
    pub network: Network,
    pub server: Endpoint,
    pub server_link: SimLink,
    pub server_events: Vec<(Instant, Event)>,
    pub clients: Vec<End>,
    clients_made: u64,
}

impl World {
    pub fn new(seed: u64, conditions: Conditions) -> Self {
        Self::with_config(seed, conditions, server_config())
    }

    pub fn with_config(seed: u64, conditions: Conditions, config: EndpointConfig) -> Self {
        let network = Network::new(seed, conditions);
        network.start_trace();
        World {
            server: Endpoint::new(config, network.now(), [0x52; 32]),
            server_link: SimLink::new(network.clone(), server_address()),
            server_events: Vec::new(),
            clients: Vec::new(),
            clients_made: 0,
            network,
        }
    }

    /// A world in which `count` clients are connected and nothing is under way.
    pub fn connected(count: usize) -> Self {
        let mut world = World::new(1, CLEAN);
        world.add_clients(count);
        world.run_until("all are connected", |world| world.server.stats().joined == count as u64);
        world.run_for(THERE_AND_BACK);
        world
    }

    pub fn new_client(&mut self, config: ClientConfig) -> Client {
        self.clients_made += 1;
        let mut seed = [0x53; 32];
        seed[..8].copy_from_slice(&self.clients_made.to_le_bytes());
        Client::new(config, self.network.now(), seed).unwrap()
    }

    pub fn add_client_with(&mut self, config: ClientConfig) -> usize {
        let address = client_address(self.clients.len());
        let link = SimLink::new(self.network.clone(), address);
        let client = self.new_client(config);
        self.clients.push(End { client, link, address, inbox: Vec::new(), channels: Vec::new(), events: Vec::new() });
        self.clients.len() - 1
    }

    pub fn add_client(&mut self) -> usize {
        self.add_client_with(client_config())
    }

    pub fn add_clients(&mut self, count: usize) {
        for _ in 0..count {
            self.add_client();
        }
    }

    /// Lets a little time pass, and everybody do what there is to do.
    pub fn step(&mut self) {
        self.network.advance(STEP);
        let now = self.network.now();
        let mut message = Vec::new();
        self.server_link.receive(usize::MAX, |arrival| {
            let path = arrival.path;
            for datagram in arrival.datagrams() {
                if let Received::Messages { id, messages, more } = self.server.receive(now, path, datagram) {
                    for Message { channel, bytes } in messages {
                        self.server.send(now, id, channel, bytes).unwrap();
                    }
                    while more && let Some(channel) = self.server.read(id, &mut message) {
                        self.server.send(now, id, channel, &message).unwrap();
                    }
                }
            }
        });
        self.server.sweep(now);
        while let Some(event) = self.server.poll_event() {
            self.server_events.push((now, event));
        }
        self.server.flush(now, &mut self.server_link);
        self.server_link.submit();
        for end in &mut self.clients {
            let End { client, link, inbox, channels, .. } = end;
            link.receive(usize::MAX, |arrival| {
                for datagram in arrival.datagrams() {
                    for Message { channel, bytes } in client.receive(now, datagram).into_iter().flatten() {
                        channels.push(channel);
                        inbox.push(bytes.to_vec());
                    }
                    while let Some(channel) = client.read(&mut message) {
                        channels.push(channel);
                        inbox.push(message.clone());
                    }
                }
            });
            client.advance(now);
            end.transmit(now);
            let End { client, events, .. } = end;
            events.extend(std::iter::from_fn(|| client.poll_event()).map(|event| (now, event)));
        }
    }

    pub fn run_for(&mut self, duration: Duration) {
        let end = self.network.now() + duration;
        while self.network.now() < end {
            self.step();
        }
    }

    pub fn run_until(&mut self, what: &str, happened: impl Fn(&World) -> bool) {
        let end = self.network.now() + Duration::from_secs(60);
        while !happened(self) {
            assert!(self.network.now() < end, "not in a minute: {what}");
            self.step();
        }
    }

    pub fn id(&self, client: usize) -> ConnectionId {
        self.clients[client].client.id().expect("the client is connected")
    }

    /// Runs until the client is closed; gives the reason.
    pub fn close_reason(&mut self, client: usize) -> CloseReason {
        self.run_until("the client closes", |world| world.clients[client].close_reason().is_some());
        self.clients[client].close_reason().unwrap()
    }

    /// Has the client send a message.
    pub fn say(&mut self, client: usize, message: &[u8]) {
        self.say_on(client, Channel::UNRELIABLE, message);
    }

    pub fn say_on(&mut self, client: usize, channel: Channel, message: &[u8]) {
        let now = self.network.now();
        let end = &mut self.clients[client];
        let mut sent = end.client.send(now, channel, message);
        if sent == Err(SendError::Full) {
            end.transmit(now);
            sent = end.client.send(now, channel, message);
        }
        sent.unwrap();
    }

    pub fn echoes(&mut self, client: usize, message: &[u8]) -> bool {
        self.clients[client].forget_inbox();
        self.say(client, message);
        self.run_for(THERE_AND_BACK);
        self.clients[client].inbox == [message]
    }

    /// A datagram of the client's that never went out.
    pub fn sealed_by_client(&mut self, client: usize, message: &[u8]) -> Vec<u8> {
        self.say(client, message);
        let now = self.network.now();
        let client = &mut self.clients[client].client;
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        let len = client.poll_transmit(now, &mut datagram).unwrap();
        datagram[..len].to_vec()
    }

    /// A datagram of the server's to the client that never went out.
    pub fn sealed_by_server(&mut self, client: usize, message: &[u8]) -> Vec<u8> {
        let elsewhere = Network::new(0, CLEAN);
        elsewhere.start_trace();
        let mut link = SimLink::new(elsewhere.clone(), server_address());
        let now = self.network.now();
        self.server.send(now, self.id(client), Channel::UNRELIABLE, message).unwrap();
        self.server.flush(now, &mut link);
        link.submit();
        let [only] = &elsewhere.trace()[..] else { panic!("one message is one datagram") };
        only.bytes.clone()
    }

    /// Encrypted datagrams that were sent from one address to another, as they arrived.
    pub fn sealed_datagrams(&self, from: SocketAddr, to: SocketAddr) -> Vec<Vec<u8>> {
        self.datagrams(from, to, true)
    }

    /// The same of those outside encryption.
    pub fn cleartext_datagrams(&self, from: SocketAddr, to: SocketAddr) -> Vec<Vec<u8>> {
        self.datagrams(from, to, false)
    }

    fn datagrams(&self, from: SocketAddr, to: SocketAddr, sealed: bool) -> Vec<Vec<u8>> {
        let is_sealed = |entry: &TraceEntry| Header::decode(&entry.bytes).unwrap().flags & flags::ENCRYPTED != 0;
        let between = |entry: &TraceEntry| entry.from == from && entry.to == to && is_sealed(entry) == sealed;
        self.network.trace().into_iter().filter(between).map(|entry| entry.bytes).collect()
    }
}

/// Bytes that nothing makes shorter.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Csprng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

pub fn total(drops: &Drops) -> u64 {
    drops.entries().map(|(_, count)| count).sum()
}
