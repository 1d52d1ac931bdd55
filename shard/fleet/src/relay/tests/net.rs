//! The network: nodes, one host and clients, with delays, losses, cut links and dead nodes. A seed decides everything.
//!
//! The host stands for a server: it answers a Connect without a cookie, echoes what belongs to a session, and sends to the path
//! of a session until the client has answered a challenge over another one.

use crate::model::Name;
use crate::relay::{Act, ExitId, Outbox, Own, Relay, RelayKey, Target, To};
use crate::topology::PlaceId;
use ringshard_protocol::gateway::{Forwarded, GatewayKey};
use ringshard_protocol::wire::{Cookie, UnencryptedPacket, decode_unencrypted};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

/// Time between two datagrams of a client.
pub const CLIENT_INTERVAL: Duration = Duration::from_millis(33);
const TICK: Duration = Duration::from_millis(10);
const HOST: &str = "h";

const ECHO: u8 = 0;
const CHALLENGE: u8 = 1;

/// The path of a session, as the host sees it: a socket of a node that started then.
type Path = (usize, Duration, ExitId);

pub struct Net {
    pub now: Duration,
    pub nodes: Vec<SimNode>,
    pub clients: Vec<SimClient>,
    /// Percent of datagrams that are lost on every link.
    pub loss: u64,
    /// Nodes that are cut from each other: pairs, the lower number first. The host is `HOST_AT`.
    pub cut: BTreeSet<(usize, usize)>,
    /// Every datagram between nodes, if this is wanted.
    pub tape: Option<Vec<(usize, Vec<u8>)>>,
    host: SimHost,
    flying: BTreeMap<(Duration, u64), Flying>,
    random: u64,
    sent: u64,
}

/// The host's place in [`Net::cut`].
pub const HOST_AT: usize = 99;

pub struct SimNode {
    pub relay: Relay,
    pub is_alive: bool,
    name: Name,
    address: SocketAddr,
    doors: usize,
    started: Duration,
    /// The sockets of clients, with the addresses that they lead to.
    exits: BTreeMap<ExitId, SocketAddr>,
    /// Where it sends what probes the host.
    host: SocketAddr,
}

#[derive(Default)]
pub struct SimClient {
    /// Echoes of its own datagrams.
    pub echoes: u64,
    /// The longest time without an echo.
    pub longest_gap: Duration,
    echoed_at: Option<Duration>,
    sent: u64,
    /// Echoes that came, to find repetitions.
    seen: BTreeSet<u64>,
    pub repeated: u64,
    pub wrong: u64,
    is_quiet: bool,
}

#[derive(Default)]
pub struct SimHost {
    sessions: BTreeMap<u8, Session>,
}

struct Session {
    path: Path,
    newest: u64,
    seen: BTreeSet<u64>,
    address: Option<SocketAddr>,
    /// The path that is challenged, and the client's address as datagrams over it told.
    candidate: Option<(Path, Option<SocketAddr>)>,
}

enum Flying {
    Node(usize, Vec<u8>),
    Door(usize, u8, Vec<u8>),
    Exit(Path, Vec<u8>),
    Client(u8, Vec<u8>),
    Host(Path, Vec<u8>),
    HostProbe(usize, Vec<u8>),
    ProbeAnswer(usize, Vec<u8>),
}

fn name(at: usize) -> Name {
    format!("n{at}").parse().unwrap()
}

fn node_address(at: usize) -> SocketAddr {
    ([10, 0, 0, at as u8], 3600).into()
}

fn host_address() -> SocketAddr {
    ([10, 0, 1, 1], 3565).into()
}

fn client_address(client: u8) -> SocketAddr {
    ([192, 0, 2, client], 5000).into()
}

pub fn relay_key() -> RelayKey {
    RelayKey::from_bytes([7; 32])
}

fn gateway_key() -> GatewayKey {
    GatewayKey::from_bytes([8; 32])
}

impl Net {
    /// Node 0 is an edge that may not speak to the host; the others are relays.
    pub fn new(nodes: usize, clients: u8, seed: u64) -> Self {
        let mut net = Net {
            now: Duration::ZERO,
            nodes: Vec::new(),
            clients: (0..clients).map(|_| SimClient::default()).collect(),
            loss: 0,
            cut: BTreeSet::new(),
            tape: None,
            host: SimHost::default(),
            flying: BTreeMap::new(),
            random: seed,
            sent: 0,
        };
        for at in 0..nodes {
            let node = net.start(at, nodes);
            net.nodes.push(node);
        }
        net
    }

    fn start(&mut self, at: usize, nodes: usize) -> SimNode {
        let is_edge = at == 0;
        let own = Own {
            id: PlaceId::of_node(&name(at)),
            run: 1_000 + self.now.as_millis() as u64,
            doors: is_edge.then(|| HOST.parse().unwrap()).into_iter().collect(),
            exits: !is_edge,
            clients_max: 100,
        };
        let relay = Relay::new(own, relay_key(), is_edge.then(gateway_key), self.draw());
        let mut node = SimNode {
            relay,
            is_alive: true,
            name: name(at),
            address: node_address(at),
            doors: usize::from(is_edge),
            started: self.now,
            exits: BTreeMap::new(),
            host: host_address(),
        };
        node.set_places(Duration::ZERO, (0..nodes).map(node_address), host_address());
        node
    }

    /// A node hears that another one, or the host, has an address where nobody answers.
    pub fn mislead(&mut self, node: usize, about: usize) {
        let nowhere = SocketAddr::from(([10, 9, 9, 9], 9));
        let addresses = (0..self.nodes.len()).map(|at| if at == about { nowhere } else { node_address(at) });
        let host = if about == HOST_AT { nowhere } else { host_address() };
        let now = self.now - self.nodes[node].started;
        self.nodes[node].set_places(now, addresses, host);
    }

    /// Starts a dead node again. It has forgotten everything.
    pub fn restart(&mut self, at: usize) {
        self.nodes[at] = self.start(at, self.nodes.len());
    }

    /// Whether a socket of a client leads from this node to the host.
    pub fn leads_to_host(&self, node: usize) -> bool {
        self.nodes[node].exits.values().any(|address| *address == host_address())
    }

    /// The last node of the sessions, as the host sees it. None: they have several.
    pub fn last_node(&self) -> Option<usize> {
        let mut nodes = self.host.sessions.values().map(|session| session.path.0);
        let first = nodes.next()?;
        nodes.all(|node| node == first).then_some(first)
    }

    /// The address of a client that the host knows.
    pub fn address_at_host(&self, client: u8) -> Option<SocketAddr> {
        self.host.sessions.get(&client)?.address
    }

    pub fn client_address(client: u8) -> SocketAddr {
        client_address(client)
    }

    /// Lets this much time pass. Clients send if `plays`.
    pub fn run(&mut self, time: Duration, plays: bool) {
        let end = self.now + time;
        for client in &mut self.clients {
            client.is_quiet = !plays;
            client.echoed_at = client.echoed_at.filter(|_| plays);
        }
        while self.now < end {
            self.tick();
            let next = self.now + TICK;
            while let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= next) {
                let ((at, _), flying) = entry.remove_entry();
                self.now = at;
                self.arrive(flying);
            }
            self.now = next;
        }
    }

    /// Hands a node some bytes as if they had come from another one.
    pub fn inject(&mut self, node: usize, bytes: &[u8]) {
        self.with_node(node, |relay, now, outbox| relay.from_node(now, bytes, outbox));
    }

    /// Hands the edge some bytes as if the first client had sent them. What follows is sent nowhere.
    pub fn inject_client(&mut self, bytes: &[u8]) {
        let node = &mut self.nodes[0];
        node.relay.from_client(self.now - node.started, 0, client_address(0), bytes, &mut Outbox::default());
    }

    fn tick(&mut self) {
        for at in 0..self.nodes.len() {
            self.with_node(at, |relay, now, outbox| relay.advance(now, outbox));
        }
        for client in 0..self.clients.len() as u8 {
            let sim = &mut self.clients[usize::from(client)];
            let due = CLIENT_INTERVAL.as_millis() as u64 * sim.sent + u64::from(client);
            if !sim.is_quiet && self.now.as_millis() as u64 >= due {
                sim.sent = self.now.as_millis() as u64 / CLIENT_INTERVAL.as_millis() as u64 + 1;
                let datagram = datagram(client, sim.sent, ECHO);
                self.fly(0, 0, Duration::from_millis(5), Flying::Door(0, client, datagram));
            }
        }
    }

    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.random >> 33
    }

    fn fly(&mut self, from: usize, to: usize, delay: Duration, flying: Flying) {
        let is_lost = from != to && (self.draw() % 100 < self.loss || self.cut.contains(&(from.min(to), from.max(to))));
        if !is_lost {
            self.sent += 1;
            let jitter = Duration::from_micros(self.draw() % 2_000);
            self.flying.insert((self.now + delay + jitter, self.sent), flying);
        }
    }

    fn arrive(&mut self, flying: Flying) {
        match flying {
            Flying::Node(to, bytes) => {
                if let Some(tape) = &mut self.tape {
                    tape.push((to, bytes.clone()));
                }
                self.inject(to, &bytes);
            }
            Flying::Door(edge, client, bytes) => self.with_node(edge, |relay, now, outbox| {
                relay.from_client(now, 0, client_address(client), &bytes, outbox);
            }),
            Flying::Exit((node, started, exit), bytes) => {
                if self.nodes[node].started == started && self.nodes[node].exits.contains_key(&exit) {
                    self.with_node(node, |relay, now, outbox| relay.from_host(now, exit, &bytes, outbox));
                }
            }
            Flying::ProbeAnswer(node, bytes) => self.with_node(node, |relay, now, _| {
                relay.from_host_probe(now, PlaceId::of_host(&HOST.parse().unwrap()), &bytes);
            }),
            Flying::Client(client, bytes) => self.client_hears(client, &bytes),
            Flying::Host(path, bytes) => self.host_hears(path, bytes),
            Flying::HostProbe(node, bytes) => {
                let Ok(UnencryptedPacket::Connect(connect)) = decode_unencrypted(&bytes) else {
                    panic!("a probe is a Connect")
                };
                let answer = Cookie { tag: connect.tag, cookie: [1; 48] }.encode().to_vec();
                self.fly(HOST_AT, node, Duration::from_millis(5), Flying::ProbeAnswer(node, answer));
            }
        }
    }

    fn client_hears(&mut self, client: u8, bytes: &[u8]) {
        let now = self.now;
        let sim = &mut self.clients[usize::from(client)];
        let (owner, number, kind) = read(bytes);
        if owner != client {
            sim.wrong += 1;
            return;
        }
        if kind == CHALLENGE {
            let answer = datagram(client, number, CHALLENGE);
            self.fly(0, 0, Duration::from_millis(5), Flying::Door(0, client, answer));
            return;
        }
        sim.repeated += u64::from(!sim.seen.insert(number));
        sim.echoes += 1;
        if let Some(before) = sim.echoed_at {
            sim.longest_gap = sim.longest_gap.max(now - before);
        }
        sim.echoed_at = Some(now);
    }

    fn host_hears(&mut self, path: Path, mut bytes: Vec<u8>) {
        let mut address = None;
        if bytes[5] == 0x80 {
            let forwarded = Forwarded::decode(&mut bytes).expect("it is whole");
            address = Some(forwarded.address);
            bytes = forwarded.open(&gateway_key()).expect("the edge has signed it").to_vec();
        }
        let (client, number, kind) = read(&bytes);
        let newest = number;
        let session = self.host.sessions.entry(client).or_insert_with(|| Session {
            path,
            newest: 0,
            seen: BTreeSet::new(),
            address,
            candidate: None,
        });
        if kind == CHALLENGE {
            if let Some((_, address)) = session.candidate.take_if(|(candidate, _)| *candidate == path) {
                (session.path, session.address) = (path, address);
            }
            return;
        }
        if !session.seen.insert(number) {
            return;
        }
        let is_new_path = path != session.path && newest > session.newest;
        if is_new_path {
            let told = session.candidate.filter(|(candidate, _)| *candidate == path).and_then(|(_, told)| told);
            session.candidate = Some((path, address.or(told)));
        }
        if newest > session.newest && path == session.path {
            session.address = address.or(session.address);
        }
        session.newest = session.newest.max(newest);
        let (to, delay) = (session.path, Duration::from_millis(5));
        if is_new_path {
            let challenge = datagram(client, number, CHALLENGE);
            self.fly(HOST_AT, path.0, delay, Flying::Exit(path, challenge));
        }
        self.fly(HOST_AT, to.0, delay, Flying::Exit(to, bytes));
    }

    /// Lets a node act, unless it is dead, and sends what it wants sent.
    fn with_node(&mut self, at: usize, act: impl FnOnce(&mut Relay, Duration, &mut Outbox)) {
        let mut outbox = Outbox::default();
        let node = &mut self.nodes[at];
        if !node.is_alive {
            return;
        }
        act(&mut node.relay, self.now - node.started, &mut outbox);
        for act in outbox.acts {
            match act {
                Act::Open(exit, address) => drop(self.nodes[at].exits.insert(exit, address)),
                Act::Close(exit) => drop(self.nodes[at].exits.remove(&exit)),
                Act::Send(to, range) => self.send(at, to, outbox.bytes[range].to_vec()),
            }
        }
    }

    fn send(&mut self, from: usize, to: To, bytes: Vec<u8>) {
        assert!(bytes.len() <= 1_472, "it fits into a packet");
        match to {
            To::Node(address) => {
                let Some(to) = self.nodes.iter().position(|node| node.address == address) else { return };
                assert_eq!(self.nodes[to].name, name(to));
                // The higher the number, the longer the way.
                self.fly(from, to, Duration::from_millis(5 + 5 * from.max(to) as u64), Flying::Node(to, bytes));
            }
            To::Client { door, address } => {
                assert!(usize::from(door) < self.nodes[from].doors);
                let SocketAddr::V4(address) = address else { panic!("clients have IPv4") };
                let client = address.ip().octets()[3];
                self.fly(from, from, Duration::from_millis(5), Flying::Client(client, bytes));
            }
            To::Host(exit) => {
                let SimNode { started, exits, .. } = &self.nodes[from];
                if exits.get(&exit) == Some(&host_address()) {
                    self.fly(from, HOST_AT, Duration::from_millis(5), Flying::Host((from, *started, exit), bytes));
                }
            }
            To::HostProbe(_) if self.nodes[from].host == host_address() => {
                self.fly(from, HOST_AT, Duration::from_millis(5), Flying::HostProbe(from, bytes));
            }
            To::HostProbe(_) => {}
        }
    }
}

impl SimNode {
    fn set_places(&mut self, now: Duration, nodes: impl Iterator<Item = SocketAddr>, host: SocketAddr) {
        let nodes = nodes.enumerate().map(|(at, address)| Target { name: name(at), address });
        self.relay.set_places(now, nodes.collect(), vec![Target { name: HOST.parse().unwrap(), address: host }]);
        self.host = host;
    }
}

/// An encrypted datagram, as nodes see it: a header with an id of generation 1, and what only the two ends read.
fn datagram(client: u8, number: u64, kind: u8) -> Vec<u8> {
    let mut bytes = vec![0, 1, client, 0, 0, 3];
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&[kind, client]);
    bytes
}

/// The client, the number and the kind.
fn read(bytes: &[u8]) -> (u8, u64, u8) {
    assert_eq!((bytes.len(), bytes[2]), (16, bytes[15]), "nobody has changed it");
    (bytes[15], u64::from_le_bytes(bytes[6..14].try_into().unwrap()), bytes[14])
}
