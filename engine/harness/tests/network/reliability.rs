//! Reliable delivery between a server and its clients over a simulated network.

use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard_link::conditions::{Chance, Conditions};
use ringshard_link::sim::{Network, SimLink};
use ringshard_protocol::client::ClientEvent;
use ringshard_protocol::connection::{ChannelQuality, HeartbeatConfig, SendError, TransportConfig};
use ringshard_protocol::crypto::{Csprng, SecretKey, Suites};
use ringshard_protocol::endpoint::{EndCause, Event, IntegrityConfig, Received};
use ringshard_protocol::limits::*;
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Channel, ConnectionId, DisconnectReason};
use ringshard_protocol::{Client, ClientConfig, Endpoint, EndpointConfig};
use std::net::SocketAddr;
use std::sync::Arc;

const STEP: Duration = Duration::from_millis(1);
const DELAY: Duration = Duration::from_millis(20);
const CLEAN: Conditions = Conditions::none(DELAY);
const LOSSY: Conditions = Conditions { loss: Chance::per_mille(50), ..CLEAN };
const DEAD: Conditions = Conditions { loss: Chance::ALWAYS, ..CLEAN };

fn server_address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], PORT_DEFAULT))
}

fn client_address(index: usize) -> SocketAddr {
    SocketAddr::from(([10, 1, (index >> 8) as u8, index as u8], 40_000))
}

/// A message and where it came by.
type Heard = (Channel, Vec<u8>);

struct End {
    client: Client,
    link: SimLink,
    id: Option<ConnectionId>,
    events: Vec<ClientEvent>,
    heard: Vec<Heard>,
    heard_by_server: Vec<Heard>,
}

struct World {
    network: Network,
    server: Endpoint,
    server_link: SimLink,
    events: Vec<Event>,
    clients: Vec<End>,
    transport: TransportConfig,
    reconnect: bool,
    integrity_keys: Option<Arc<[[u8; 32]]>>,
}

impl World {
    fn new(seed: u64, conditions: Conditions) -> Self {
        let network = Network::new(seed, conditions);
        let server = Endpoint::new(server_config(), network.now(), [seed as u8; 32]);
        let server_link = SimLink::new(network.clone(), server_address());
        let transport = TransportConfig::default();
        let integrity_keys = None;
        World {
            network,
            server,
            server_link,
            events: Vec::new(),
            clients: Vec::new(),
            transport,
            reconnect: false,
            integrity_keys,
        }
    }

    fn connected(seed: u64, clients: usize) -> Self {
        let mut world = World::new(seed, CLEAN);
        world.add_clients(clients);
        world
    }

    fn add_clients(&mut self, count: usize) {
        for _ in 0..count {
            let index = self.clients.len();
            let config = ClientConfig {
                transport: self.transport,
                reconnect: self.reconnect,
                integrity_keys: self.integrity_keys.clone(),
                ..ClientConfig::new(SecretKey::from_bytes([7; 32]).public())
            };
            let mut seed = [0x53; 32];
            seed[0] = index as u8;
            let client = Client::new(config, self.network.now(), seed).unwrap();
            let link = SimLink::new(self.network.clone(), client_address(index));
            self.clients.push(End {
                client,
                link,
                id: None,
                events: Vec::new(),
                heard: Vec::new(),
                heard_by_server: Vec::new(),
            });
        }
        self.run_until("connected", |world| world.clients.iter().all(|end| end.id.is_some()));
    }

    fn now(&self) -> Instant {
        self.network.now()
    }

    fn step(&mut self) {
        self.network.advance(STEP);
        let now = self.now();
        let World { server, server_link, clients, events, .. } = self;
        let mut buffer = Vec::new();
        server_link.receive(usize::MAX, |arrival| {
            let path = arrival.path;
            for datagram in arrival.datagrams() {
                let Received::Messages { id, messages, more } = server.receive(now, path, datagram) else { continue };
                let end = clients.iter_mut().find(|end| end.client.id() == Some(id) || end.id == Some(id));
                let Some(end) = end else { continue };
                let heard = messages.map(|message| (message.channel, message.bytes.to_vec()));
                end.heard_by_server.extend(heard);
                while more && let Some(channel) = server.read(id, &mut buffer) {
                    end.heard_by_server.push((channel, buffer.clone()));
                }
            }
        });
        server.sweep(now);
        while let Some(event) = server.poll_event() {
            match event {
                Event::Renamed { id, former } => {
                    if let Some(end) = clients.iter_mut().find(|end| end.id == Some(former)) {
                        end.id = Some(id);
                    }
                }
                Event::Joined { id, .. } | Event::Resumed { id, .. } => {
                    if let Some(end) = clients.iter_mut().find(|end| end.client.id() == Some(id)) {
                        end.id = Some(id);
                    }
                }
                _ => {}
            }
            events.push(event);
        }
        server.flush(now, server_link);
        server_link.submit();
        for End { client, link, events, heard, .. } in clients {
            link.receive(usize::MAX, |arrival| {
                for datagram in arrival.datagrams() {
                    let messages = client.receive(now, datagram).into_iter().flatten();
                    heard.extend(messages.map(|message| (message.channel, message.bytes.to_vec())));
                    while let Some(channel) = client.read(&mut buffer) {
                        heard.push((channel, buffer.clone()));
                    }
                }
            });
            client.advance(now);
            while let Some(len) = client.transmit_len(now) {
                let path = Path::new(0, server_address());
                client.transmit(now, link.reserve(path, len).unwrap());
            }
            link.submit();
            events.extend(std::iter::from_fn(|| client.poll_event()));
        }
    }

    fn run_for(&mut self, duration: Duration) {
        let end = self.now() + duration;
        while self.now() < end {
            self.step();
        }
    }

    fn run_until(&mut self, what: &str, happened: impl Fn(&World) -> bool) {
        let end = self.now() + Duration::from_secs(120);
        while !happened(self) {
            assert!(self.now() < end, "not in two minutes: {what}");
            self.step();
        }
    }

    fn say(&mut self, client: usize, channel: Channel, message: &[u8]) {
        let now = self.now();
        self.clients[client].client.send(now, channel, message).unwrap();
    }

    fn tell(&mut self, client: usize, channel: Channel, message: &[u8]) {
        let now = self.now();
        let id = self.clients[client].id.unwrap();
        self.server.send(now, id, channel, message).unwrap();
    }
}

fn server_config() -> EndpointConfig {
    EndpointConfig {
        core: 0,
        cores: 1,
        connections_max: 256,
        suites: Suites::native(),
        heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT },
        secret: SecretKey::from_bytes([7; 32]),
        pre_shared: None,
        transport: TransportConfig::default(),
        message_bytes_max: MESSAGE_MEMORY_BYTES_DEFAULT,
        integrity: None,
    }
}

fn numbered(number: u32, len: usize) -> Vec<u8> {
    let mut message: Vec<u8> = (0..len).map(|at| (at as u32 ^ number.wrapping_mul(2_654_435_761)) as u8).collect();
    message[..4].copy_from_slice(&number.to_le_bytes());
    message
}

fn number_of((_, message): &Heard) -> u32 {
    u32::from_le_bytes(*message.first_chunk().unwrap())
}

#[test]
fn a_hundred_clients_and_a_thousand_messages_each_way_under_loss() {
    const CLIENTS: usize = 100;
    const MESSAGES: u32 = 1000;
    let mut world = World::connected(1, CLIENTS);
    world.network.set_conditions(LOSSY);
    for number in 0..MESSAGES {
        for client in 0..CLIENTS {
            world.say(client, Channel::RELIABLE_ORDERED, &numbered(number, 40));
            world.tell(client, Channel::RELIABLE_ORDERED, &numbered(number, 40));
        }
        if number % 4 == 0 {
            world.step();
        }
    }
    world.run_until("all delivered", |world| {
        world.clients.iter().all(|end| end.heard.len() >= 1000 && end.heard_by_server.len() >= 1000)
    });
    world.run_for(Duration::from_secs(1));
    for end in &world.clients {
        for heard in [&end.heard, &end.heard_by_server] {
            assert!(heard.iter().map(number_of).eq(0..MESSAGES));
            assert!(heard.iter().all(|heard| heard.1 == numbered(number_of(heard), 40)));
        }
    }
    assert_eq!(world.server.message_bytes(), 0);
    assert!(world.clients.iter().all(|end| end.client.message_bytes() == 0));
}

#[test]
fn large_and_small_messages_of_all_channels_arrive() {
    let mut world = World::connected(2, 1);
    world.network.set_conditions(LOSSY);
    let sizes = [5, 500, 1200, 5000, 65_536, 20];
    for round in 0..20 {
        for (index, size) in sizes.into_iter().enumerate() {
            let number = round * sizes.len() as u32 + index as u32;
            world.say(0, Channel::RELIABLE_ORDERED, &numbered(number, size));
            world.tell(0, Channel::RELIABLE_UNORDERED, &numbered(number, size));
        }
    }
    world.run_until("all delivered", |world| {
        let end = &world.clients[0];
        end.heard.len() >= 120 && end.heard_by_server.len() >= 120
    });
    let end = &world.clients[0];
    assert!(end.heard_by_server.iter().map(number_of).eq(0..120));
    let mut unordered: Vec<u32> = end.heard.iter().map(number_of).collect();
    unordered.sort_unstable();
    assert!(unordered.into_iter().eq(0..120));
    for heard in end.heard.iter().chain(&end.heard_by_server) {
        assert_eq!(heard.1, numbered(number_of(heard), sizes[number_of(heard) as usize % sizes.len()]));
    }
    world.run_for(Duration::from_secs(1));
    assert_eq!((world.server.message_bytes(), world.clients[0].client.message_bytes()), (0, 0));
}

#[test]
fn a_blackout_of_ten_seconds_loses_nothing() {
    let mut world = World::connected(3, 2);
    for number in 0..3000 {
        if number == 500 {
            world.network.set_conditions(DEAD);
        }
        if number == 1500 {
            world.run_for(Duration::from_secs(9));
            world.network.set_conditions(CLEAN);
        }
        world.say(0, Channel::RELIABLE_ORDERED, &numbered(number, 100));
        world.tell(1, Channel::RELIABLE_ORDERED, &numbered(number, 100));
        world.step();
    }
    world.run_for(Duration::from_secs(4));
    assert!(world.clients[0].heard_by_server.iter().map(number_of).eq(0..3000));
    assert!(world.clients[1].heard.iter().map(number_of).eq(0..3000));
    assert_eq!(world.server.stats().left, 0);
}

#[test]
fn sequenced_messages_never_go_back() {
    let mut world = World::connected(4, 1);
    world.network.set_conditions(Conditions { jitter: Duration::from_millis(30), ..LOSSY });
    for number in 0..2000 {
        world.say(0, Channel::UNRELIABLE_SEQUENCED, &numbered(number, 50));
        world.step();
    }
    world.run_for(Duration::from_secs(1));
    let heard = &world.clients[0].heard_by_server;
    assert!(heard.windows(2).all(|pair| number_of(&pair[0]) < number_of(&pair[1])));
    assert!((300..1900).contains(&heard.len()), "{}", heard.len());
    assert!(world.server.drops().outdated > 100);
}

#[test]
fn an_address_change_costs_a_round_trip() {
    let mut world = World::connected(5, 1);
    let mut number = 0;
    let mut round = |world: &mut World, count: u32| {
        for _ in 0..count {
            world.say(0, Channel::RELIABLE_ORDERED, &numbered(number, 100));
            world.tell(0, Channel::RELIABLE_ORDERED, &numbered(number, 100));
            number += 1;
            world.step();
        }
    };
    round(&mut world, 500);
    let former = world.clients[0].client.id();
    world.clients[0].link.rebind(client_address(99));
    let now = world.now();
    world.clients[0].client.address_changed(now);
    let before = world.clients[0].heard.len();
    let mut silence = 0;
    while world.clients[0].heard.len() == before {
        round(&mut world, 1);
        silence += 1;
    }
    assert!(silence < 2 * 2 * DELAY.as_millis() + 25, "{silence} ms");
    round(&mut world, 500);
    world.run_for(Duration::from_secs(3));
    let end = &world.clients[0];
    assert!(end.heard.iter().map(number_of).eq(0..number) && end.heard_by_server.iter().map(number_of).eq(0..number));
    assert_eq!(world.server.stats().migrated, 1);
    assert!(end.client.id().is_some() && end.client.id() != former, "the name is new");
}

#[test]
fn keys_change_under_load_and_nothing_is_lost() {
    let mut world = World::connected(6, 1);
    world.network.set_conditions(LOSSY);
    for number in 0..60_000 {
        if number % 20_000 == 1000 {
            let now = world.now();
            let id = world.clients[0].id.unwrap();
            world.server.rekey(now, id);
            world.clients[0].client.rekey(now);
        }
        if number % 10 == 0 {
            world.say(0, Channel::RELIABLE_ORDERED, &numbered(number, 30));
            world.tell(0, Channel::RELIABLE_ORDERED, &numbered(number, 30));
        }
        world.step();
    }
    world.run_for(Duration::from_secs(2));
    let end = &world.clients[0];
    assert!(end.heard.iter().map(number_of).eq((0..6000).map(|number| number * 10)));
    assert!(end.heard_by_server.iter().map(number_of).eq((0..6000).map(|number| number * 10)));
    assert_eq!(world.server.info(end.id.unwrap()).unwrap().key_changes, 2);
    assert_eq!(world.server.drops().not_authentic, 0);
}

#[test]
fn a_client_that_timed_out_comes_back_and_goes_on() {
    let mut world = World::new(7, CLEAN);
    world.reconnect = true;
    world.add_clients(1);
    for number in 0..100 {
        world.say(0, Channel::RELIABLE_ORDERED, &numbered(number, 5000));
        world.tell(0, Channel::RELIABLE_ORDERED, &numbered(number, 5000));
    }
    world.run_for(Duration::from_millis(300));
    world.network.set_conditions(DEAD);
    world.run_for(Duration::from_secs(20));
    assert!(world.events.iter().any(|event| matches!(event, Event::Suspended { .. })));
    world.network.set_conditions(CLEAN);
    world.run_until("everything is there", |world| {
        let end = &world.clients[0];
        end.heard.len() >= 100 && end.heard_by_server.len() >= 100
    });
    let end = &world.clients[0];
    assert!(end.heard.iter().map(number_of).eq(0..100) && end.heard_by_server.iter().map(number_of).eq(0..100));
    assert!(end.events.iter().any(|event| matches!(event, ClientEvent::Connected { resumed: true, .. })));
    assert_eq!(world.server.stats().resumed, 1);
}

#[test]
fn who_does_not_take_what_is_sent_is_let_go() {
    let mut world = World::connected(8, 2);
    world.network.set_conditions_between(server_address(), client_address(0), DEAD);
    let id = world.clients[0].id.unwrap();
    let now = world.now();
    let mut noise = [0; 60_000];
    Csprng::seed_from_u64(8).fill_bytes(&mut noise);
    let mut send = || world.server.send(now, id, Channel::RELIABLE_ORDERED, &noise);
    let sent = (0..1000).take_while(|_| send().is_ok()).count();
    assert_eq!(sent, SEND_QUEUE_BYTES_MAX / (60_000 + MESSAGE_COST_BYTES));
    assert_eq!(send(), Err(SendError::NotConnected));
    world.run_for(Duration::from_millis(100));
    let overflow = EndCause::Server(DisconnectReason::Overflow);
    let ended =
        |event: &Event| matches!(*event, Event::Ended { id: of, cause, .. } if of == Some(id) && cause == overflow);
    assert!(world.events.iter().any(ended));
    assert_eq!(world.server.message_bytes(), 0);
}

#[test]
fn only_an_unaltered_client_answers_the_integrity_check_rightly() {
    let table: Arc<[[u8; 32]]> = (0..4).map(|byte| [byte; 32]).collect();
    let altered: Arc<[[u8; 32]]> = (0..4).map(|byte| [byte + 9; 32]).collect();
    let mut world = World::new(9, LOSSY);
    let period = Duration::from_secs(10);
    let config = EndpointConfig { integrity: Some(IntegrityConfig { keys: table.clone(), period }), ..server_config() };
    world.server = Endpoint::new(config, world.now(), [9; 32]);
    for keys in [Some(table), Some(altered), None] {
        world.integrity_keys = keys;
        world.add_clients(1);
    }
    world.run_for(Duration::from_secs(45));
    let verdicts = |client: usize| -> Vec<bool> {
        let verdict = |event: &Event| match *event {
            Event::Integrity(id, right) if Some(id) == world.clients[client].id => Some(right),
            _ => None,
        };
        world.events.iter().filter_map(verdict).collect()
    };
    assert_eq!((verdicts(0), verdicts(1), verdicts(2)), (vec![true; 4], vec![false; 4], vec![]));
    let stats = world.server.stats();
    assert_eq!((stats.integrity_checks, stats.integrity_wrong, stats.integrity_unanswered), (9, 4, 3));
    assert_eq!(stats.left, 0, "what follows from it is the game's to decide");
}

#[test]
fn rates_and_priorities_hold_and_change_while_running() {
    let mut world = World::connected(10, 1);
    let now = world.now();
    let slow = Channel::RELIABLE_ORDERED;
    let urgent = Channel::new(5).unwrap();
    let client = &mut world.clients[0].client;
    client.set_channel_quality(now, slow, ChannelQuality { priority: 0, bytes_per_second: Some(20_000) });
    client.set_channel_quality(now, urgent, ChannelQuality { priority: 1, bytes_per_second: None });
    let mut noise = vec![0; 1000];
    Csprng::seed_from_u64(10).fill_bytes(&mut noise);
    for _ in 0..200 {
        world.say(0, slow, &noise);
    }
    world.run_for(Duration::from_secs(5));
    let arrived =
        |world: &World, channel: Channel| world.clients[0].heard_by_server.iter().filter(|it| it.0 == channel).count();
    let after_five = arrived(&world, slow);
    assert!((100..=118).contains(&after_five), "20 kB/s and one burst, not {after_five}");
    world.say(0, urgent, b"now");
    world.run_for(Duration::from_millis(100));
    assert_eq!(arrived(&world, urgent), 1, "another channel does not wait");
    let now = world.now();
    world.clients[0].client.set_channel_quality(now, slow, ChannelQuality::default());
    world.run_for(Duration::from_secs(1));
    assert_eq!(arrived(&world, slow), 200);
    // Unreliable messages beyond the connection's rate are refused, and counted.
    let now = world.now();
    world.clients[0].client.set_rate(now, Some(10_000));
    let refused = (0..100).filter(|_| {
        let sent = world.clients[0].client.send(now, Channel::UNRELIABLE, &noise);
        world.step();
        sent == Err(SendError::RateLimited)
    });
    assert!((80..90).contains(&refused.count()));
}

#[test]
fn a_small_sequenced_message_does_not_overtake_a_compressed_one_in_its_datagram() {
    let mut world = World::connected(11, 1);
    world.say(0, Channel::UNRELIABLE_SEQUENCED, &[1; 600]);
    world.say(0, Channel::UNRELIABLE_SEQUENCED, &[2; 20]);
    world.run_for(Duration::from_millis(100));
    let heard: Vec<u8> = world.clients[0].heard_by_server.iter().map(|heard| heard.1[0]).collect();
    assert_eq!(heard, [1, 2]);
}

#[test]
fn what_a_resuming_client_says_first_belongs_to_the_session_that_goes_on() {
    let mut world = World::new(12, CLEAN);
    world.reconnect = true;
    world.add_clients(1);
    let channels = [Channel::RELIABLE_ORDERED, Channel::RELIABLE_UNORDERED];
    let mut number = 0;
    for _ in 0..3 {
        for _ in 0..50 {
            channels.iter().for_each(|&channel| world.say(0, channel, &numbered(number, 300)));
            number += 1;
            world.step();
        }
        // Much is delivered and not acknowledged when the way back dies, and the client alone gives up.
        world.network.set_conditions_between(server_address(), client_address(0), DEAD);
        world.run_for(Duration::from_secs(17));
        world.network.set_conditions_between(server_address(), client_address(0), LOSSY);
        world.run_until("it is back", |world| world.clients[0].client.is_connected());
        world.run_for(Duration::from_secs(3));
    }
    for channel in channels {
        let heard = world.clients[0].heard_by_server.iter().filter(|heard| heard.0 == channel);
        let mut numbers: Vec<u32> = heard.map(number_of).collect();
        if channel == Channel::RELIABLE_UNORDERED {
            numbers.sort_unstable();
        }
        assert!(numbers.iter().copied().eq(0..number), "{channel}: {numbers:?}");
    }
    assert_eq!(world.server.stats().resumed, 3);
    assert_eq!((world.server.message_bytes(), world.clients[0].client.message_bytes()), (0, 0));
}

#[test]
fn a_connection_that_ends_while_it_is_renamed_ends_under_its_new_name() {
    let mut world = World::connected(13, 1);
    world.clients[0].link.rebind(client_address(77));
    let now = world.now();
    world.clients[0].client.address_changed(now);
    world.run_until("the new path is validated", |world| world.server.stats().migrated == 1);
    world.network.set_conditions(DEAD);
    world.run_for(TIMEOUT_DEFAULT + Duration::from_secs(1));
    let renamed = world.events.iter().find_map(|event| match *event {
        Event::Renamed { id, .. } => Some(id),
        _ => None,
    });
    assert!(matches!(world.events.last(), Some(Event::Suspended { id, .. }) if Some(*id) == renamed));
}

#[test]
fn a_round_trip_longer_than_the_longest_probe_timeout_still_works() {
    let mut world = World::connected(14, 1);
    world
        .network
        .set_conditions(Conditions { loss: Chance::per_mille(20), ..Conditions::none(Duration::from_secs(2)) });
    for number in 0..50 {
        world.say(0, Channel::RELIABLE_ORDERED, &numbered(number, 200));
    }
    world.run_for(Duration::from_secs(60));
    assert!(world.clients[0].heard_by_server.iter().map(number_of).eq(0..50));
    assert_eq!(world.clients[0].client.message_bytes(), 0, "all of it is acknowledged");
}
