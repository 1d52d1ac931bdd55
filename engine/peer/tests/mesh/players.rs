//! Players of a mesh on the small internet, and the server that carries their introductions.

use crate::internet::Internet;
use ringshard_peer::limits::PEER_DATAGRAM_BYTES_MAX;
use ringshard_peer::{CandidateKind, Mesh, MeshConfig, MeshEvent, PeerId, RelayConfig};
use ringshard_protocol::gateway::{GatewayKey, RelayTicket};
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::Channel;
use ringshard_world::EntityId;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Time that an introduction takes over the server.
const SERVER_DELAY: Duration = Duration::from_millis(30);
/// How often each player looks after its mesh.
const STEP: Duration = Duration::from_millis(5);

/// The key under which the relay's tickets are made.
pub const RELAY_KEY: [u8; 32] = [0x33; 32];

pub fn entity(index: usize) -> EntityId {
    EntityId { index: index as u16, generation: 1 }
}

pub fn instant(time: Duration) -> Instant {
    Instant::ZERO + time
}

pub struct Player {
    pub mesh: Mesh,
    pub address: SocketAddr,
    /// The address of the other family, if it has both.
    pub other_address: Option<SocketAddr>,
    pub entity: EntityId,
    pub messages: Vec<(PeerId, Channel, Vec<u8>)>,
    /// Every event but messages.
    pub events: Vec<MeshEvent>,
}

impl Player {
    /// Whether it is the host with this number.
    pub fn has_number(&self, number: u8) -> bool {
        let ends_so = |address: &SocketAddr| match address.ip() {
            IpAddr::V4(ip) => ip.octets()[3] == number,
            IpAddr::V6(ip) => ip.octets()[15] == number,
        };
        Some(self.address).iter().chain(&self.other_address).any(ends_so)
    }

    fn has(&self, address: SocketAddr) -> bool {
        self.address == address || self.other_address == Some(address)
    }

    fn address_towards(&self, to: SocketAddr) -> Option<SocketAddr> {
        let addresses = [Some(self.address), self.other_address];
        addresses.into_iter().flatten().find(|address| address.is_ipv6() == to.is_ipv6())
    }
}

pub struct Players {
    pub net: Internet,
    pub all: Vec<Player>,
    introductions: VecDeque<(Duration, EntityId, EntityId, Vec<u8>)>,
    /// Every introduction that left, for attackers: from, to, bytes.
    pub overheard: Vec<(EntityId, EntityId, Vec<u8>)>,
    /// Of every so many introductions, one is dropped.
    pub drop_introduction_every: usize,
    /// Whether the server is away.
    pub server_is_away: bool,
}

impl Players {
    pub fn new(net: Internet) -> Self {
        Players {
            net,
            all: Vec::new(),
            introductions: VecDeque::new(),
            overheard: Vec::new(),
            drop_introduction_every: usize::MAX,
            server_is_away: false,
        }
    }

    pub fn add(&mut self, address: SocketAddr) -> usize {
        let index = self.all.len();
        let mut config = MeshConfig::new(*b"a match of tests", vec![address]);
        config.stun = vec![self.net.stun];
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&(index as u64 + 1).to_le_bytes());
        self.add_with(address, config, seed)
    }

    pub fn add_all(&mut self, addresses: impl IntoIterator<Item = SocketAddr>) {
        for address in addresses {
            self.add(address);
        }
    }

    pub fn add_with(&mut self, address: SocketAddr, config: MeshConfig, seed: [u8; 32]) -> usize {
        let index = self.all.len();
        let mesh = Mesh::new(config, instant(self.net.now), seed);
        let (messages, events) = (Vec::new(), Vec::new());
        self.all.push(Player { mesh, address, other_address: None, entity: entity(index), messages, events });
        index
    }

    /// A player with one address, or with one of each family, which knows the STUN servers of both, and perhaps the relay.
    pub fn add_at(&mut self, addresses: &[SocketAddr], relay: bool) -> usize {
        let index = self.all.len();
        let config = self.config(index, addresses, relay);
        self.add_with(addresses[0], config, [50 + index as u8; 32]);
        self.all[index].other_address = addresses.get(1).copied();
        index
    }

    fn config(&self, index: usize, addresses: &[SocketAddr], relay: bool) -> MeshConfig {
        let mut config = MeshConfig::new(*b"a match of tests", addresses.to_vec());
        config.stun = vec![self.net.stun6, self.net.stun];
        let ticket = RelayTicket::issue(&GatewayKey::from_bytes(RELAY_KEY), 1_000, [index as u8; 8]);
        let addresses_of_relay = vec![self.net.relay_address6, self.net.relay_address];
        config.relay = relay.then_some(RelayConfig { addresses: addresses_of_relay, ticket });
        config
    }

    /// Starts the program of a player again, elsewhere. All its randomness comes from `seed`.
    pub fn restart(&mut self, index: usize, addresses: &[SocketAddr], seed: u32) {
        let mut secret = [77; 32];
        secret[..4].copy_from_slice(&seed.to_le_bytes());
        let config = self.config(index, addresses, true);
        self.all[index].mesh = Mesh::new(config, instant(self.net.now), secret);
        self.all[index].messages.clear();
        self.all[index].events.clear();
        self.place(index, addresses);
    }

    /// Gives a player other addresses.
    pub fn move_to(&mut self, index: usize, addresses: &[SocketAddr]) {
        self.place(index, addresses);
        self.all[index].mesh.set_host(instant(self.net.now), addresses.to_vec());
    }

    fn place(&mut self, index: usize, addresses: &[SocketAddr]) {
        self.all[index].address = addresses[0];
        self.all[index].other_address = addresses.get(1).copied();
    }

    /// A mesh that does nothing.
    pub fn empty_mesh(&self) -> Mesh {
        Mesh::new(MeshConfig::new(*b"nobody is in it.", Vec::new()), instant(self.net.now), [1; 32])
    }

    /// Every player names every other one.
    pub fn introduce_all(&mut self) {
        let now = instant(self.net.now);
        for a in 0..self.all.len() {
            for b in (0..self.all.len()).filter(|&b| b != a) {
                self.all[a].mesh.join(now, entity(b)).unwrap();
            }
        }
    }

    /// The id of player `b` in the mesh of player `a`.
    pub fn id(&self, a: usize, b: usize) -> PeerId {
        let of = entity(b);
        self.all[a].mesh.peers().find(|(_, entity)| *entity == of).expect("a member").0
    }

    pub fn is_connected(&self, a: usize, b: usize) -> bool {
        let Some((id, _)) = self.all[a].mesh.peers().find(|(_, of)| *of == entity(b)) else { return false };
        let mut connected = false;
        for event in &self.all[a].events {
            match event {
                MeshEvent::Connected { peer, .. } if *peer == id => connected = true,
                MeshEvent::Suspended(peer) | MeshEvent::BeganAnew(peer) if *peer == id => connected = false,
                _ => {}
            }
        }
        connected
    }

    pub fn all_connected(&self) -> bool {
        let count = self.all.len();
        (0..count).all(|a| (0..count).all(|b| a == b || self.is_connected(a, b)))
    }

    /// [`Self::all_connected`], to run until.
    pub fn all_connected_mut(&mut self) -> bool {
        self.all_connected()
    }

    /// Runs until `done`, for at most `limit`. Returns whether it was.
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let end = self.net.now + limit;
        while self.net.now < end {
            if done(self) {
                return true;
            }
            self.step();
        }
        done(self)
    }

    pub fn run(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    fn step(&mut self) {
        let until = self.net.now + STEP;
        while let Some(mut flying) = self.net.arrive(until) {
            let now = instant(self.net.now);
            if let Some(player) = self.all.iter_mut().find(|player| player.has(flying.to)) {
                player.mesh.receive(now, flying.from, &mut flying.bytes);
            }
        }
        self.net.now = until;
        self.carry_introductions();
        let now = instant(self.net.now);
        for index in 0..self.all.len() {
            let player = &mut self.all[index];
            player.mesh.advance(now);
            while let Some((to, bytes)) = player.mesh.poll_introduction(now) {
                let from = player.entity;
                self.overheard.push((from, to, bytes.clone()));
                let dropped = self.overheard.len().is_multiple_of(self.drop_introduction_every);
                if !dropped && !self.server_is_away {
                    self.introductions.push_back((self.net.now + SERVER_DELAY, from, to, bytes));
                }
            }
            let mut datagram = [0; PEER_DATAGRAM_BYTES_MAX];
            while let Some((to, len)) = player.mesh.poll_transmit(now, &mut datagram) {
                // A host without an address of the family cannot send.
                if let Some(from) = player.address_towards(to) {
                    self.net.send(from, to, &datagram[..len]);
                }
            }
            while let Some(event) = player.mesh.poll_event() {
                match event {
                    MeshEvent::Message(peer, channel, bytes) => player.messages.push((peer, channel, bytes)),
                    event => player.events.push(event),
                }
            }
        }
    }

    fn carry_introductions(&mut self) {
        while self.introductions.front().is_some_and(|(at, ..)| *at <= self.net.now)
            && let Some((_, from, to, bytes)) = self.introductions.pop_front()
        {
            self.introduce(from, to, &bytes);
        }
    }

    /// What the server brings.
    pub fn introduce(&mut self, from: EntityId, to: EntityId, bytes: &[u8]) {
        let now = instant(self.net.now);
        if let Some(player) = self.all.iter_mut().find(|player| player.entity == to) {
            player.mesh.introduced(now, from, bytes);
        }
    }

    pub fn send(&mut self, a: usize, b: usize, channel: Channel, message: &[u8]) {
        let id = self.id(a, b);
        self.all[a].mesh.send(instant(self.net.now), id, channel, message).unwrap();
    }

    /// The kind of path from `a` to `b`.
    pub fn kind(&self, a: usize, b: usize) -> Option<CandidateKind> {
        self.all[a].mesh.path(self.id(a, b)).map(|path| path.kind)
    }

    /// Messages that `a` got from `b` so far, by channel.
    pub fn received(&self, a: usize, b: usize) -> HashMap<Channel, Vec<&[u8]>> {
        let id = self.id(a, b);
        let mut by_channel: HashMap<Channel, Vec<&[u8]>> = HashMap::new();
        for (_, channel, bytes) in self.all[a].messages.iter().filter(|(peer, ..)| *peer == id) {
            by_channel.entry(*channel).or_default().push(bytes);
        }
        by_channel
    }
}
