//! A hostile gateway carries the datagrams of some clients: it flips, cuts, forges, drops, repeats, reorders and replays, from the
//! first Connect on. It can deny service, and nothing else: reliable messages arrive exactly once, unaltered and in order, or the
//! connection ends.

use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard_harness::*;
use ringshard_protocol::client::{ClientEvent, CloseReason};
use ringshard_protocol::crypto::Csprng;
use ringshard_protocol::endpoint::{EndCause, Event, Policy, Received};
use ringshard_protocol::gateway::{Forwarded, GatewayKey};
use ringshard_protocol::limits::*;
use ringshard_protocol::link::Path;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Channel, Delivery, DisconnectReason};
use ringshard_protocol::{Client, EndpointConfig};
use std::net::SocketAddr;

const CLIENTS: usize = 3;
/// Messages that each client sends on each channel.
const MESSAGES: u32 = 120;
const CHANNELS: [Channel; 4] =
    [Channel::UNRELIABLE, Channel::RELIABLE_ORDERED, Channel::RELIABLE_UNORDERED, Channel::UNRELIABLE_SEQUENCED];
const STEP: Duration = Duration::from_millis(10);
/// Time in which everything arrives once the gateway is honest: the timeout and longer.
const HONEST_TIME: Duration = Duration::from_secs(30);
/// Bytes that the queue of a client must have room for before it sends more.
const ROOM_BYTES: usize = 64 << 10;
/// Worlds that are tried. `TAMPER_SEEDS` asks for more.
const SEEDS: u64 = 6;

type Log = Vec<(Channel, Vec<u8>)>;

/// The message of a client with this number on this channel.
fn numbered(client: usize, channel: Channel, number: u32) -> Vec<u8> {
    let len = [20, 200, 900, 3000][number as usize % 4];
    let seed = (client as u64) << 40 | u64::from(channel.number()) << 32 | u64::from(number);
    let mut message = if number.is_multiple_of(3) { vec![7; len] } else { random_bytes(seed, len) };
    message[..8].copy_from_slice(&seed.to_le_bytes());
    message
}

/// The numbers of the messages that arrived from, or came back to, a client on a channel.
///
/// # Panics
/// When a message is none that the client sent.
fn numbers(log: &Log, client: usize, of: Channel) -> Vec<u32> {
    let messages = log.iter().filter(|(channel, _)| *channel == of);
    let named =
        messages.map(|(_, bytes)| (u64::from_le_bytes(*bytes.first_chunk().expect("an altered message")), bytes));
    let own = named.filter(|(seed, _)| seed >> 40 == client as u64);
    own.map(|(seed, bytes)| {
        assert!(*bytes == numbered(client, of, seed as u32), "client {client}, channel {of}: an altered message");
        seed as u32
    })
    .collect()
}

/// A client behind the gateway.
struct Behind {
    client: Client,
    path: Path,
    up: Tamperer,
    down: Tamperer,
    sent: u32,
    log: Log,
    closed: Option<CloseReason>,
}

struct Hostile {
    server: Server,
    clients: Vec<Behind>,
    /// What the server received from all clients.
    log: Log,
    /// A server that trusts the gateway gets forwarded datagrams.
    key: Option<GatewayKey>,
    random: Csprng,
    /// It sends some datagrams over the path of another client.
    is_honest: bool,
}

impl Hostile {
    fn new(seed: u64, per_mille: u32) -> Self {
        let mut server = Server::new(EndpointConfig { connections_max: 64, ..server_config() });
        let key = seed.is_multiple_of(2).then(|| GatewayKey::from_bytes([5; 32]));
        server.endpoint.swap_policy(&mut Policy { gateways: key.iter().cloned().collect(), ..Policy::default() });
        let now = Instant::ZERO + Duration::from_secs(1);
        let behind = |number: usize| Behind {
            client: Client::new(client_config(), now, [number as u8 + 1; 32]).unwrap(),
            path: Path::new(0, SocketAddr::from(([10, 1, 0, 1], 7000 + number as u16))),
            up: Tamperer::new(seed << 8 | number as u64, per_mille),
            down: Tamperer::new(seed << 8 | number as u64 | 0x80, per_mille),
            sent: 0,
            log: Log::new(),
            closed: None,
        };
        let clients = (0..CLIENTS).map(behind).collect();
        Hostile { server, clients, log: Log::new(), key, random: Csprng::seed_from_u64(seed), is_honest: false }
    }

    fn step(&mut self) {
        for number in 0..CLIENTS {
            self.send_messages(number);
            for datagram in self.outgoing(number) {
                for arriving in self.clients[number].up.pass(&datagram) {
                    self.arrive_at_server(number, &arriving);
                }
            }
        }
        for (path, answer) in self.server.advance(STEP) {
            let Some(number) = self.clients.iter().position(|behind| behind.path == path) else { continue };
            for arriving in self.clients[number].down.pass(&answer) {
                self.arrive_at_clients(&arriving);
            }
        }
    }

    fn send_messages(&mut self, number: usize) {
        let now = self.server.now;
        let Behind { client, sent, .. } = &mut self.clients[number];
        if *sent < MESSAGES && client.is_connected() && client.send_room() > ROOM_BYTES {
            for channel in CHANNELS {
                let sending = client.send(now, channel, &numbered(number, channel, *sent));
                assert!(sending.is_ok() || !channel.delivery().is_reliable(), "{sending:?}");
            }
            *sent += 1;
        }
    }

    fn outgoing(&mut self, number: usize) -> Vec<Vec<u8>> {
        let now = self.server.now;
        let Behind { client, closed, .. } = &mut self.clients[number];
        client.advance(now);
        while let Some(event) = client.poll_event() {
            if let ClientEvent::Closed(reason) = event {
                *closed = Some(reason);
            }
        }
        let mut buffer = [0; DATAGRAM_BYTES_MAX];
        std::iter::from_fn(|| client.poll_transmit(now, &mut buffer).map(|len| buffer[..len].to_vec())).collect()
    }

    /// The server answers each message with the same.
    fn arrive_at_server(&mut self, number: usize, datagram: &[u8]) {
        let wrong_way = !self.is_honest && self.random.next_u32().is_multiple_of(50);
        let by = if wrong_way { self.random.next_u32() as usize % CLIENTS } else { number };
        let mut bytes = Vec::new();
        let address = SocketAddr::from(([203, 0, 113, by as u8 + 1], 40_000));
        let is_forwarded = self.key.as_ref().is_some_and(|key| Forwarded::encode(key, address, datagram, &mut bytes));
        if !is_forwarded {
            bytes = datagram.to_vec();
        }
        let (now, Server { endpoint, .. }) = (self.server.now, &mut self.server);
        let Received::Messages { id, messages, more } = endpoint.receive(now, self.clients[by].path, &mut bytes) else {
            return;
        };
        let mut arrived: Log = messages.map(|message| (message.channel, message.bytes.to_vec())).collect();
        let mut message = Vec::new();
        while more && let Some(channel) = endpoint.read(id, &mut message) {
            arrived.push((channel, message.clone()));
        }
        for (channel, message) in &arrived {
            let sending = endpoint.send(now, id, *channel, message);
            assert!(sending.is_ok() || !channel.delivery().is_reliable(), "{sending:?}");
        }
        self.log.append(&mut arrived);
    }

    /// Each client gets a copy: what is not its own, it drops.
    fn arrive_at_clients(&mut self, datagram: &[u8]) {
        let now = self.server.now;
        for Behind { client, log, .. } in &mut self.clients {
            let mut bytes = datagram.to_vec();
            log.extend(client.receive(now, &mut bytes).into_iter().flatten().map(|it| (it.channel, it.bytes.to_vec())));
            let mut message = Vec::new();
            while let Some(channel) = client.read(&mut message) {
                log.push((channel, message.clone()));
            }
        }
    }

    /// The gateway carries everything as it is from now on.
    fn reform(&mut self) {
        self.is_honest = true;
        for number in 0..CLIENTS {
            let (held_up, held_down) = (self.clients[number].up.reform(), self.clients[number].down.reform());
            held_up.iter().for_each(|datagram| self.arrive_at_server(number, datagram));
            held_down.iter().for_each(|datagram| self.arrive_at_clients(datagram));
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.server.now + time;
        while self.server.now < end {
            self.step();
        }
    }

    /// # Panics
    /// When a channel breaks its promise.
    fn check(&self, what: &str) {
        for (number, behind) in self.clients.iter().enumerate() {
            for channel in CHANNELS {
                for (at, log) in [("server", &self.log), ("client", &behind.log)] {
                    let case = format!("{what}, client {number}, channel {channel}, at the {at}");
                    check_promise(&case, channel, &numbers(log, number, channel), behind.sent, behind.closed.is_none());
                }
            }
            let denied = behind.closed.is_none_or(is_denial_of_service);
            assert!(denied, "{what}, client {number}: {:?}", behind.closed);
        }
        for event in &self.server.events {
            if let Event::Ended { cause, .. } = event {
                assert_eq!(*cause, EndCause::Expired, "{what}");
            }
        }
    }
}

fn check_promise(case: &str, channel: Channel, arrived: &[u32], sent: u32, is_open: bool) {
    let mut sorted = arrived.to_vec();
    sorted.sort_unstable();
    assert!(sorted.is_sorted_by(|one, other| one < other), "{case}: a message arrived twice: {arrived:?}");
    match channel.delivery() {
        Delivery::ReliableOrdered => {
            assert!(arrived.iter().copied().eq(0..arrived.len() as u32), "{case}: in disorder: {arrived:?}");
        }
        Delivery::UnreliableSequenced => assert!(arrived.is_sorted(), "{case}: in disorder: {arrived:?}"),
        Delivery::ReliableUnordered | Delivery::Unreliable => {}
    }
    if channel.delivery().is_reliable() && is_open {
        assert_eq!(arrived.len(), sent as usize, "{case}: the connection is open, but messages are missing");
    }
}

/// Whether nothing worse was done to a client than that it could not be reached.
fn is_denial_of_service(reason: CloseReason) -> bool {
    match reason {
        CloseReason::Disconnected(reason) => reason == DisconnectReason::TimedOut,
        CloseReason::Unreachable(_) | CloseReason::Denied(..) | CloseReason::WrongKey | CloseReason::Silent => true,
    }
}

fn seeds() -> std::ops::Range<u64> {
    0..std::env::var("TAMPER_SEEDS").map_or(SEEDS, |seeds| seeds.parse().expect("TAMPER_SEEDS is a number"))
}

#[test]
fn a_gateway_that_tampers_can_only_deny_service() {
    let (mut open, mut done) = (0, [0; Tampering::ALL.len()]);
    for seed in seeds() {
        // From a bad network to one on which hardly anything arrives as it was sent.
        let per_mille = [50, 200, 500][seed as usize % 3];
        let mut hostile = Hostile::new(seed, per_mille);
        hostile.run(Duration::from_secs(8));
        hostile.reform();
        hostile.run(HONEST_TIME);
        hostile.check(&format!("seed {seed}, {per_mille} of 1,000"));
        open += hostile.clients.iter().filter(|behind| behind.closed.is_none() && behind.sent == MESSAGES).count();
        for tamperer in hostile.clients.iter().flat_map(|behind| [&behind.up, &behind.down]) {
            tamperer.done().for_each(|(tampering, count)| done[tampering as usize] += count);
        }
        assert!(hostile.server.endpoint.drops().not_authentic > 0, "seed {seed}");
    }
    assert!(done.iter().all(|&count| count > 10), "{done:?}");
    assert!(open >= CLIENTS * SEEDS as usize / 2, "only {open} clients were served in the end");
}

/// Inverts a bit that both ends must notice. The ids are not among them: only the gateway reads those of a Connect. The checksum
/// of the altered packet is right.
fn alter(random: &mut Csprng, connect: &mut [u8]) {
    let end = connect.len() - 4;
    connect[4 + random.next_u32() as usize % (end - 4)] ^= 1 << (random.next_u32() % 8);
    let checksum = crc32c::crc32c(&connect[..end]);
    connect[end..].copy_from_slice(&checksum.to_le_bytes());
}

#[test]
fn a_client_whose_connects_are_all_altered_is_not_let_in() {
    let mut hostile = Hostile { is_honest: true, ..Hostile::new(1, 0) };
    while hostile.clients.iter().any(|behind| behind.closed.is_none()) {
        for number in 0..CLIENTS {
            for mut connect in hostile.outgoing(number) {
                alter(&mut hostile.random, &mut connect);
                hostile.arrive_at_server(number, &connect);
            }
        }
        for (_, answer) in hostile.server.advance(STEP) {
            hostile.arrive_at_clients(&answer);
        }
    }
    assert_eq!((hostile.server.endpoint.connections(), hostile.server.endpoint.stats().joined), (0, 0));
    assert!(hostile.server.endpoint.stats().denied > 0 || total_drops(hostile.server.endpoint.drops()) > 0);
}
