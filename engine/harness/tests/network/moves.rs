//! Sessions that move between servers, with all reliable messages. PROTOCOL.md#moves.

use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard_harness::*;
use ringshard_link::conditions::Conditions;
use ringshard_link::sim::{Network, SimLink};
use ringshard_protocol::client::ClientEvent;
use ringshard_protocol::crypto::{Csprng, SecretKey};
use ringshard_protocol::endpoint::{Event, Received, SessionId, TransferError};
use ringshard_protocol::limits::*;
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Channel, ConnectionId};
use ringshard_protocol::{Client, ClientConfig, Endpoint, EndpointConfig};
use std::collections::BTreeSet;
use std::net::SocketAddr;

const ORDERED: Channel = Channel::RELIABLE_ORDERED;
const UNORDERED: Channel = Channel::RELIABLE_UNORDERED;
type Token = [u8; RESUME_TOKEN_BYTES];

/// One server. What its game knows of the session moves with the session.
struct Node {
    endpoint: Endpoint,
    link: SimLink,
    session: Option<(SessionId, Option<ConnectionId>)>,
}

/// What one end has received of what the other has sent: numbers, on each of the two channels.
#[derive(Default)]
struct Audit {
    sent: [u32; 2],
    received_in_order: u32,
    received: BTreeSet<u32>,
}

impl Audit {
    fn message(&mut self, channel: Channel, random: &mut Csprng) -> Vec<u8> {
        let number = &mut self.sent[usize::from(channel == UNORDERED)];
        let len = match random.next_u32() % 20 {
            0 => 20_000 + random.next_u32() as usize % 45_000,
            1..4 => 1_000 + random.next_u32() as usize % 4_000,
            _ => 8 + random.next_u32() as usize % 100,
        };
        let mut message = random_bytes(u64::from(*number), len);
        message[..4].copy_from_slice(&number.to_le_bytes());
        *number += 1;
        message
    }

    fn take(&mut self, channel: Channel, message: &[u8]) {
        let number = u32::from_le_bytes(*message.first_chunk().unwrap());
        assert_eq!(message[4..], random_bytes(u64::from(number), message.len())[4..], "the bytes are those sent");
        if channel == ORDERED {
            assert_eq!(number, self.received_in_order, "each message arrives once and in order");
            self.received_in_order += 1;
        } else {
            assert!(self.received.insert(number), "each message arrives once");
        }
    }

    fn is_complete(&self) -> bool {
        [self.received_in_order, self.received.len() as u32] == self.sent
    }
}

/// What the servers say to each other about one move.
struct Move {
    token: Token,
    from: usize,
    to: usize,
    /// When the session leaves `from`: set once the client is at the other server.
    leaves_at: Option<Instant>,
    /// The session on its way, and when it arrives.
    on_its_way: Option<(Instant, Vec<u8>)>,
    began_at: Instant,
    /// The servers do not hear each other: the session stays.
    is_cut: bool,
}

struct Fleet {
    network: Network,
    random: Csprng,
    nodes: Vec<Node>,
    client: Client,
    client_link: SimLink,
    events: Vec<ClientEvent>,
    up: Audit,
    down: Audit,
    moving: Option<Move>,
    /// Completed moves.
    moved: u32,
}

fn key(node: usize) -> SecretKey {
    SecretKey::from_bytes([0x40 + node as u8; 32])
}

fn address(node: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1 + node as u8], PORT_DEFAULT))
}

impl Fleet {
    fn new(seed: u64, servers: usize, conditions: Conditions) -> Self {
        let network = Network::new(seed, conditions);
        let node = |node: usize| {
            let config = EndpointConfig { secret: key(node), ..server_config() };
            let endpoint = Endpoint::new(config, network.now(), [0x60 + node as u8; 32]);
            Node { endpoint, link: SimLink::new(network.clone(), address(node)), session: None }
        };
        let config = ClientConfig { reconnect: true, ..ClientConfig::new(key(0).public()) };
        Fleet {
            nodes: (0..servers).map(node).collect(),
            client: Client::new(config, network.now(), [0x53; 32]).unwrap(),
            client_link: SimLink::new(network.clone(), client_address(0)),
            events: Vec::new(),
            random: Csprng::seed_from_u64(seed),
            up: Audit::default(),
            down: Audit::default(),
            moving: None,
            moved: 0,
            network,
        }
    }

    fn step(&mut self) {
        self.network.advance(STEP);
        let now = self.network.now();
        for node in 0..self.nodes.len() {
            self.step_node(now, node);
        }
        self.carry_session(now);
        self.step_client(now);
        let owners = self.nodes.iter().filter(|node| node.session.is_some()).count();
        let on_its_way = self.moving.as_ref().is_some_and(|it| it.on_its_way.is_some());
        assert!(owners + usize::from(on_its_way) <= 1, "a session is at one server at a time");
    }

    fn step_node(&mut self, now: Instant, index: usize) {
        let Fleet { nodes, up, moving, .. } = self;
        let Node { endpoint, link, session } = &mut nodes[index];
        let mut buffer = Vec::new();
        link.receive(usize::MAX, |arrival| {
            let path = arrival.path;
            for datagram in arrival.datagrams() {
                let received = endpoint.receive(now, path, datagram);
                let Received::Messages { id, messages, more } = received else { continue };
                messages.for_each(|message| up.take(message.channel, message.bytes));
                while more && let Some(channel) = endpoint.read(id, &mut buffer) {
                    up.take(channel, &buffer);
                }
            }
        });
        endpoint.sweep(now);
        while let Some(event) = endpoint.poll_event() {
            match event {
                Event::Joined { id, session: new } => {
                    assert!(session.is_none() && index == 0, "the session is never lost");
                    *session = Some((new, Some(id)));
                }
                Event::Resumed { id, session: resumed, .. } => {
                    let (own, connection) = session.as_mut().expect("the session is here");
                    assert_eq!(*own, resumed);
                    *connection = Some(id);
                }
                Event::Suspended { session: suspended, .. } => {
                    let (own, connection) = session.as_mut().expect("the session is here");
                    assert_eq!(*own, suspended);
                    *connection = None;
                }
                Event::Renamed { id, .. } => session.as_mut().unwrap().1 = Some(id),
                Event::Awaited { token } => {
                    let awaited = moving.as_mut().expect("a session is moving");
                    assert_eq!((awaited.token, awaited.to), (token, index));
                    awaited.leaves_at = Some(now + Duration::from_millis(2));
                }
                Event::Ended { .. } | Event::Integrity(..) => panic!("{event:?} at {index}"),
            }
        }
        endpoint.flush(now, link);
        link.submit();
    }

    fn step_client(&mut self, now: Instant) {
        let Fleet { client, client_link: link, down, events, .. } = self;
        let mut buffer = Vec::new();
        link.receive(usize::MAX, |arrival| {
            for datagram in arrival.datagrams() {
                let messages = client.receive(now, datagram).into_iter().flatten();
                messages.for_each(|message| down.take(message.channel, message.bytes));
                while let Some(channel) = client.read(&mut buffer) {
                    down.take(channel, &buffer);
                }
            }
        });
        client.advance(now);
        while let Some(len) = client.transmit_len(now) {
            let path = Path::new(0, address(client.place(now) as usize));
            client.transmit(now, link.reserve(path, len).expect("a simulated link has room"));
        }
        link.submit();
        events.extend(std::iter::from_fn(|| client.poll_event()));
    }

    /// What the servers' side of the fleet does: carries the session, or gives up.
    fn carry_session(&mut self, now: Instant) {
        let Fleet { nodes, moving, moved, .. } = self;
        let Some(it) = moving else { return };
        if it.is_cut {
            if it.leaves_at.is_some_and(|at| now >= at + Duration::from_millis(500))
                || now.since(it.began_at) > EXPECTED_PERIOD
            {
                nodes[it.to].endpoint.forget_expected(&it.token);
                *moving = None;
            }
            return;
        }
        if it.leaves_at.is_some_and(|at| now >= at) {
            it.leaves_at = None;
            let (session, bytes) =
                nodes[it.from].endpoint.export_session(now, &it.token).expect("the session has not ended");
            assert_eq!(nodes[it.from].session.take().map(|(own, _)| own), Some(session));
            it.on_its_way = Some((now + Duration::from_millis(2), bytes));
        } else if let Some((at, bytes)) = &it.on_its_way
            && now >= *at
        {
            let session = nodes[it.to].endpoint.import_session(now, bytes).expect("the other server wrote it");
            nodes[it.to].session = Some((session, None));
            *moving = None;
            *moved += 1;
        } else if it.on_its_way.is_none() && it.leaves_at.is_none() && now.since(it.began_at) > EXPECTED_PERIOD {
            // The client did not get there.
            nodes[it.to].endpoint.forget_expected(&it.token);
            *moving = None;
        }
    }

    fn owner(&self) -> Option<(usize, ConnectionId)> {
        let connected = |node: &Node| node.session.and_then(|(_, connection)| connection);
        self.nodes.iter().enumerate().find_map(|(index, node)| Some((index, connected(node)?)))
    }

    /// The session is to move to another server, if it is at one and does not move.
    fn begin_move(&mut self, to: usize, is_cut: bool) {
        let Some((from, id)) = self.owner().filter(|&(from, _)| from != to) else { return };
        if self.moving.is_some() || self.client.is_moving() {
            return;
        }
        let now = self.network.now();
        let key_of = self.nodes[from].endpoint.session_key(id).expect("the connection carries the session");
        // The client may have lost that connection without the server's knowledge.
        assert!(self.nodes[to].endpoint.expect_session(now, key_of));
        self.client.move_to(now, key(to).public(), 0, to as u32).unwrap();
        self.moving =
            Some(Move { token: key_of.token, from, to, leaves_at: None, on_its_way: None, began_at: now, is_cut });
    }

    /// Both ends send something.
    fn talk(&mut self) {
        let now = self.network.now();
        for channel in [ORDERED, UNORDERED] {
            if self.client.is_connected() && self.client.send_room() > 100_000 {
                let message = self.up.message(channel, &mut self.random);
                self.client.send(now, channel, &message).unwrap();
            }
            if let Some((owner, id)) = self.owner()
                && self.nodes[owner].endpoint.send_room(id) > 100_000
            {
                let message = self.down.message(channel, &mut self.random);
                self.nodes[owner].endpoint.send(now, id, channel, &message).unwrap();
            }
        }
    }

    fn run_for(&mut self, duration: Duration) {
        let end = self.network.now() + duration;
        while self.network.now() < end {
            self.step();
        }
    }

    fn connect(&mut self) {
        while self.owner().is_none() {
            self.step();
        }
        self.run_for(ROUND_TRIP);
    }

    /// Steps until everything that was sent has arrived.
    fn settle(&mut self) {
        let end = self.network.now() + Duration::from_secs(120);
        while !self.up.is_complete() || !self.down.is_complete() {
            assert!(self.network.now() < end, "not all that was sent arrives");
            self.step();
        }
    }
}

#[test]
fn a_session_moves_while_both_ends_talk() {
    let mut fleet = Fleet::new(1, 2, CLEAN);
    fleet.connect();
    for turn in 0..10 {
        fleet.talk();
        fleet.begin_move(1 - turn % 2, false);
        fleet.talk();
        fleet.run_for(Duration::from_millis(600));
        fleet.talk();
    }
    fleet.settle();
    // Until the last acknowledgments have arrived.
    fleet.run_for(Duration::from_secs(1));
    assert_eq!(fleet.moved, 10);
    let places: Vec<_> = fleet.events.iter().filter(|it| matches!(it, ClientEvent::Moved { .. })).collect();
    assert_eq!(places.len(), 10);
    let anew = |event: &&ClientEvent| matches!(event, ClientEvent::Connected { resumed: false, .. });
    assert_eq!(fleet.events.iter().filter(anew).count(), 1);
    assert_eq!(fleet.client.message_bytes(), 0);
    assert!(fleet.nodes.iter().all(|node| node.endpoint.message_bytes() == 0), "moved messages are given back");
    assert_eq!(fleet.nodes.iter().map(|node| node.endpoint.connections()).sum::<usize>(), 1);
}

/// A random walk: moves, cuts between servers, outages, bad networks.
#[test]
fn whatever_happens_on_the_way_nothing_is_lost_or_doubled() {
    let mut moved = 0;
    for seed in 0..8 {
        let mut fleet = Fleet::new(seed, 3, CLEAN);
        fleet.connect();
        let mut dead_until = Instant::ZERO;
        for _ in 0..200 {
            fleet.talk();
            let roll = fleet.random.next_u32();
            match roll % 64 {
                0..12 => fleet.begin_move((roll >> 8) as usize % 3, (roll >> 16).is_multiple_of(4)),
                12 => fleet.network.set_conditions(BAD),
                13..16 => fleet.network.set_conditions(CLEAN),
                16 => dead_until = fleet.network.now() + Duration::from_millis(u64::from(roll >> 8) % 9_000),
                _ => {}
            }
            if dead_until > fleet.network.now() {
                fleet.network.set_conditions(DEAD);
                fleet.run_for(dead_until.since(fleet.network.now()));
                fleet.network.set_conditions(CLEAN);
            }
            fleet.run_for(Duration::from_millis(u64::from(roll >> 20) % 60));
        }
        fleet.network.set_conditions(CLEAN);
        fleet.settle();
        moved += fleet.moved;
    }
    assert!(moved > 20, "{moved} moves");
}

#[test]
fn a_client_stays_where_the_other_server_does_not_expect_it() {
    let mut fleet = Fleet::new(3, 2, CLEAN);
    fleet.connect();
    let (_, id) = fleet.owner().unwrap();
    let now = fleet.network.now();
    fleet.client.move_to(now, key(1).public(), 0, 1).unwrap();
    fleet.talk();
    fleet.run_for(Duration::from_secs(1));
    assert!(!fleet.client.is_moving());
    assert_eq!(fleet.owner(), Some((0, id)));
    fleet.settle();
    // Nothing answers at all.
    fleet.client.move_to(fleet.network.now(), key(1).public(), 0, 9).unwrap();
    fleet.run_for(CONNECT_TIMEOUT + Duration::from_secs(1));
    assert!(!fleet.client.is_moving());
    fleet.talk();
    fleet.settle();
    assert_eq!(fleet.owner(), Some((0, id)), "the connection was never given up");
}

/// The bytes come from another server, which may be of another version, or broken.
#[test]
fn mutated_sessions_are_refused_and_take_no_memory() {
    let mut fleet = Fleet::new(4, 2, CLEAN);
    fleet.connect();
    for _ in 0..5 {
        fleet.talk();
        fleet.step();
    }
    // Messages that wait for lost ones are in it, too.
    fleet.network.set_conditions(Conditions { loss: ringshard_link::conditions::Chance::per_mille(500), ..CLEAN });
    for _ in 0..20 {
        fleet.talk();
        fleet.step();
    }
    let now = fleet.network.now();
    let (_, id) = fleet.owner().unwrap();
    let token = fleet.nodes[0].endpoint.session_key(id).unwrap().token;
    let (_, bytes) = fleet.nodes[0].endpoint.export_session(now, &token).unwrap();
    assert!(bytes.len() > 10_000, "there is something to move: {}", bytes.len());
    let mut other = Endpoint::new(server_config(), now, [1; 32]);
    let mut random = Csprng::seed_from_u64(5);
    let mut refused = 0;
    for round in 0..4_000u32 {
        let mut mutated = bytes.clone();
        if round % 8 == 0 {
            mutated.truncate(random.next_u32() as usize % bytes.len());
        } else {
            for _ in 0..1 + random.next_u32() % 4 {
                // Heads of channels and messages are more interesting than what messages carry.
                let at = random.next_u32() as usize % if round % 2 == 0 { bytes.len() } else { 400 };
                mutated[at] = random.next_u32() as u8;
            }
        }
        let before = other.message_bytes();
        match other.import_session(now, &mutated) {
            Ok(_) => {
                let again = other.import_session(now, &mutated);
                assert_eq!(again.unwrap_err(), TransferError::Present, "a session is here once");
                other.shut_down();
            }
            Err(error) => {
                assert_eq!(error, TransferError::Malformed);
                assert_eq!(other.message_bytes(), before, "nothing is kept of a refused session");
                refused += 1;
            }
        }
    }
    assert!(refused > 600, "{refused}");
    assert!(other.import_session(now, &bytes).is_ok());
    other.shut_down();
    assert_eq!(other.message_bytes(), 0);
}
