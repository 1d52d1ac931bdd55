//! The policy of an endpoint: rates, allowed and denied networks, and which connections give way, over a simulated network.

use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard_harness::*;
use ringshard_link::sim::SimLink;
use ringshard_protocol::client::CloseReason;
use ringshard_protocol::crypto::Csprng;
use ringshard_protocol::endpoint::{Event, Network, Policy, Standing};
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::{Channel, DisconnectReason};
use ringshard_protocol::{ClientConfig, EndpointConfig};
use std::net::{Ipv4Addr, SocketAddr};

fn network(first: [u8; 4], prefix: u8) -> Network {
    Network::new(Ipv4Addr::from(first).into(), prefix)
}

fn with_policy(config: EndpointConfig, mut policy: Policy) -> World {
    let mut world = World::with_config(1, CLEAN, config);
    world.server.swap_policy(&mut policy);
    world
}

fn connected(world: &World) -> usize {
    world.clients.iter().filter(|end| end.client.is_connected()).count()
}

fn roomy() -> EndpointConfig {
    EndpointConfig { connections_max: 4096, ..server_config() }
}

#[test]
fn an_address_gets_a_burst_of_handshakes_and_then_its_rate() {
    let limits = Policy { address_handshakes_per_second: 10, address_handshakes_at_once: 20, ..Policy::default() };
    let mut world = with_policy(roomy(), limits);
    for port in 0..200 {
        world.add_client_at(SocketAddr::from(([203, 0, 113, 1], 2000 + port)), client_config());
    }
    let other = world.add_client_at(SocketAddr::from(([203, 0, 113, 2], 2000)), client_config());
    world.run_for(Duration::from_secs(3));
    assert!(world.clients[other].client.is_connected(), "another address has its own rate");
    let joined = connected(&world) - 1;
    assert!((30..=50).contains(&joined), "20 at once, then 10 per second to clients that back off: {joined}");
    assert!(world.server.drops().address_budget > 0);
    let offender = world.server.offenders().entries().find(|(reason, _)| *reason == "address_budget").unwrap().1;
    assert_eq!(offender.ip(), Ipv4Addr::new(203, 0, 113, 1));
}

#[test]
fn allowed_addresses_have_no_rate_limit() {
    let limits = Policy {
        address_handshakes_per_second: 1,
        address_handshakes_at_once: 1,
        denied: [network([0; 4], 0)].into_iter().collect(),
        allowed: [network([203, 0, 113, 0], 24)].into_iter().collect(),
        ..Policy::default()
    };
    let mut world = with_policy(roomy(), limits);
    for port in 0..50 {
        world.add_client_at(SocketAddr::from(([203, 0, 113, 1], 2000 + port)), client_config());
    }
    world.run_until("all clients have joined", |world| connected(world) == 50);
    let outsider = world.add_client_at(SocketAddr::from(([198, 51, 100, 1], 2000)), client_config());
    assert!(matches!(world.close_reason(outsider), CloseReason::Unreachable(_)), "a denied address gets no answer");
    assert!(world.server.drops().denied_address > 1);
}

#[test]
fn key_exchanges_keep_to_their_rate_and_every_client_gets_in() {
    let mut world = with_policy(roomy(), Policy { handshakes_per_second: 50, ..Policy::default() });
    world.add_clients(150);
    world.run_for(2 * ROUND_TRIP);
    assert!(!world.server.has_admissions_waiting(), "the server waits until the rate allows another handshake");
    assert!(world.server.deadline() <= world.now() + Duration::from_millis(20), "the next handshake is due soon");
    let mut per_second = Vec::new();
    for _ in 0..4 {
        let before = world.server.stats().handshakes;
        world.run_for(Duration::from_secs(1));
        per_second.push(world.server.stats().handshakes - before);
    }
    assert!(per_second[0] <= 50 + 8 && per_second[1] <= 50, "{per_second:?}");
    assert_eq!(connected(&world), 150, "{per_second:?}");
}

/// Attackers with real addresses and genuine cookies that never prove their keys. Each one connects again and again, with
/// a new ephemeral key each time.
struct Attackers {
    ends: Vec<(SimLink, Option<ringshard_protocol::Client>)>,
    made: u64,
}

impl Attackers {
    fn new(world: &World, count: u8) -> Self {
        let link = |number| SimLink::new(world.network.clone(), SocketAddr::from(([192, 0, 2, number], 1)));
        Attackers { ends: (1..=count).map(|number| (link(number), None)).collect(), made: 1 << 32 }
    }

    fn step(&mut self, world: &World) {
        let now = world.now();
        for (link, client) in &mut self.ends {
            // Once it is accepted, it starts again.
            if client.as_ref().is_none_or(|client| client.is_connected() || client.is_closed()) {
                self.made += 1;
                let mut seed = [0x66; 32];
                seed[..8].copy_from_slice(&self.made.to_le_bytes());
                *client = ringshard_protocol::Client::new(client_config(), now, seed).ok();
            }
            let Some(client) = client else { continue };
            link.receive(usize::MAX, |arrival| {
                for datagram in arrival.datagrams() {
                    let _ = client.receive(now, datagram);
                }
            });
            client.advance(now);
            while !client.is_connected()
                && let Some(len) = client.transmit_len(now)
            {
                let path = Path::new(0, server_address());
                client.transmit(now, link.reserve(path, len).unwrap());
            }
            link.submit();
        }
    }
}

#[test]
fn attackers_with_genuine_cookies_keep_no_client_out() {
    let limits = Policy { handshakes_per_second: 100, ..Policy::default() };
    let mut world = with_policy(EndpointConfig { connections_max: 200, ..server_config() }, limits);
    world.add_clients(10);
    world.run_until("the players have joined", |world| connected(world) == 10);
    let mut attackers = Attackers::new(&world, 250);
    for _ in 0..1000 {
        attackers.step(&world);
        world.step();
    }
    assert!(world.server.stats().handshakes > 400, "the attackers keep the server busy: {:?}", world.server.stats());
    for port in 0..20 {
        world.add_client_at(SocketAddr::from(([203, 0, 113, 1], 2000 + port)), client_config());
    }
    for _ in 0..600 {
        attackers.step(&world);
        world.step();
    }
    assert_eq!(connected(&world), 30, "{:?}", world.server.stats());
    assert_eq!(world.server.stats().left, 0, "no player lost its connection");
    assert!(world.server.connections() <= 200 && world.server.stats().half_open_displaced > 0);
}

#[test]
fn half_open_connections_make_room_for_clients_that_prove_their_keys() {
    let mut world = World::with_config(1, CLEAN, EndpointConfig { connections_max: 8, ..server_config() });
    let mut attackers = Attackers::new(&world, 20);
    for _ in 0..100 {
        attackers.step(&world);
        world.step();
    }
    assert_eq!(world.server.connections(), 8);
    let standings: Vec<_> = world.server.infos(0, 8).map(|info| info.standing).collect();
    assert_eq!(standings, [Standing::HalfOpen; 8]);
    let honest = world.add_client();
    // The attackers go on replacing each other; an honest client proves its keys at once.
    world.run_until("the honest client is connected", |world| world.clients[honest].client.is_connected());
    world.run_for(ROUND_TRIP);
    assert_eq!(world.server.stats().joined, 1);
    assert!(world.echoes(honest, b"here"));
}

#[test]
fn a_client_that_sends_too_much_is_slowed_down_and_no_other() {
    let limits = Policy { connection_messages_per_second: Some(100), ..Policy::default() };
    let mut world = with_policy(server_config(), limits);
    world.add_clients(2);
    world.run_until("both clients have joined", |world| world.server.stats().joined == 2);
    world.run_for(ROUND_TRIP);
    for round in 0..1000u32 {
        for copy in 0..5u8 {
            world.send(0, &[copy; 20]);
        }
        if round % 10 == 0 {
            world.send(1, b"now and then");
        }
        world.step();
    }
    world.run_for(ROUND_TRIP);
    assert_eq!(world.clients[1].received.len(), 100, "20 messages per second are within the limit of 100");
    let delivered = world.clients[0].received.len();
    assert!((500..=700).contains(&delivered), "100 per second for 5 s, and a burst of 100: {delivered}");
    let info = world.server.info(world.id(0)).unwrap();
    assert_eq!((info.stats.over_budget, info.standing), (world.server.drops().over_budget, Standing::Established));
    assert!(info.stats.over_budget > 500);
}

#[test]
fn reliable_messages_beyond_the_limit_arrive_later_and_complete() {
    let limits = Policy { connection_bytes_per_second: Some(50_000), ..Policy::default() };
    let mut world = with_policy(server_config(), limits);
    let client = world.add_client();
    world.run_until("the client has joined", |world| world.server.stats().joined == 1);
    world.run_for(ROUND_TRIP);
    for number in 0..200u32 {
        world.send_on(client, Channel::RELIABLE_ORDERED, &random_bytes(number.into(), 1000));
    }
    world.run_until("all messages have come back", |world| world.clients[client].received.len() == 200);
    assert!(world.server.drops().over_budget > 0);
    for (number, message) in world.clients[client].messages().iter().enumerate() {
        assert_eq!(*message, random_bytes(number as u64, 1000));
    }
}

#[test]
fn a_new_policy_disconnects_clients_that_it_denies() {
    let mut world = World::connected(40);
    let denied = network([10, 1, 0, 16], 28);
    let mut policy = Policy { denied: [denied].into_iter().collect(), ..Policy::default() };
    world.server.swap_policy(&mut policy);
    assert!(policy.denied.is_empty(), "the former policy is handed back");
    world.run_for(ROUND_TRIP);
    for (index, end) in world.clients.iter().enumerate() {
        let expected = (16..32).contains(&index).then_some(CloseReason::Disconnected(DisconnectReason::Denied));
        assert_eq!(end.close_reason(), expected, "client {index}");
    }
    assert_eq!((world.server.stats().denied, world.server.connections()), (16, 24));
}

#[test]
fn a_client_cannot_migrate_to_a_denied_address() {
    let mut world = World::connected(1);
    let mut policy = Policy { denied: [network([10, 2, 0, 0], 16)].into_iter().collect(), ..Policy::default() };
    world.server.swap_policy(&mut policy);
    world.clients[0].link.rebind(SocketAddr::from(([10, 2, 0, 1], 1)));
    world.send(0, b"from there");
    world.run_for(4 * ROUND_TRIP);
    assert_eq!((world.server.stats().migrated, world.server.drops().denied_address > 0), (0, true));
    assert!(world.sealed_datagrams(server_address(), SocketAddr::from(([10, 2, 0, 1], 1))).is_empty());
}

#[test]
fn a_send_rate_applies_to_existing_connections() {
    let mut world = World::connected(1);
    let id = world.id(0);
    let mut policy = Policy { connection_send_bytes_per_second: Some(20_000), ..Policy::default() };
    world.server.swap_policy(&mut policy);
    world.step();
    for number in 0..100u64 {
        let now = world.now();
        world.server.send(now, id, Channel::RELIABLE_ORDERED, &random_bytes(number, 1000)).unwrap();
    }
    world.run_for(Duration::from_secs(2));
    let arrived = world.clients[0].received.len();
    assert!((35..=60).contains(&arrived), "20 messages per second for 2 s: {arrived}");
    world.server.swap_policy(&mut Policy::default());
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.clients[0].received.len(), 100, "without the limit the rest arrives at once");
}

/// Sends malformed unencrypted packets from `ip`, which may be a forged address.
fn send_malformed(world: &World, random: &mut Csprng, ip: [u8; 4]) {
    for port in 0..40u16 {
        let mut packet = vec![0; 15 + usize::from(port)];
        random.fill_bytes(&mut packet[14..]);
        world.network.send(SocketAddr::from((ip, port)), server_address(), &packet);
    }
}

#[test]
fn forged_malformed_packets_do_not_keep_their_victim_out() {
    let mut world = World::new(1, CLEAN);
    let (mut random, victim) = (Csprng::seed_from_u64(5), [192, 0, 2, 9]);
    for _ in 0..20 {
        send_malformed(&world, &mut random, victim);
        world.step();
    }
    world.add_client_at((victim, 7).into(), client_config());
    for _ in 0..40 {
        send_malformed(&world, &mut random, victim);
        world.step();
    }
    assert_eq!((connected(&world), world.server.drops().misbehaving_address), (1, 0));
}

#[test]
fn a_full_reply_queue_drops_misbehaving_addresses_first() {
    let mut world = World::new(1, CLEAN);
    let (mut random, misbehaving) = (Csprng::seed_from_u64(5), [192, 0, 2, 9]);
    for _ in 0..10 {
        send_malformed(&world, &mut random, misbehaving);
        world.step();
    }
    // More first Connects than the reply queue holds, and behind them the one of the misbehaving address.
    for number in 0..1500u32 {
        world.add_client_at(SocketAddr::from((number.to_be_bytes(), 7)), client_config());
    }
    world.add_client_at((misbehaving, 7).into(), client_config());
    for _ in 0..10 {
        send_malformed(&world, &mut random, misbehaving);
        world.step();
    }
    assert!(world.server.drops().misbehaving_address > 0 && world.server.drops().reply_queue_full > 0);
}

#[test]
fn compressed_and_fragmented_messages_count_against_the_limit() {
    let limits = Policy { connection_messages_per_second: Some(100), ..Policy::default() };
    // Messages that need decompression, and messages in fragments.
    for (size, most) in [(600, 700), (5_000, 180)] {
        let mut world = with_policy(server_config(), limits.clone());
        let client = world.add_client();
        world.run_until("the client has joined", |world| world.server.stats().joined == 1);
        world.run_for(ROUND_TRIP);
        for _ in 0..1000 {
            world.send(client, &vec![7; size]);
            world.step();
        }
        let taken = world.server.stats().messages_in;
        assert!(taken <= most && taken > 90, "{taken} of 1000 messages of {size} bytes in 5 s");
    }
}

#[test]
fn a_client_that_waits_for_its_key_exchange_does_not_get_in_once_it_is_denied() {
    let mut world = with_policy(server_config(), Policy { handshakes_per_second: 1, ..Policy::default() });
    world.add_clients(16);
    world.run_for(4 * ROUND_TRIP);
    let before = world.server.stats().handshakes;
    assert!(before < 16 && world.server.connections() < 16, "some clients wait for their key exchange");
    let mut policy = Policy { denied: [network([10, 0, 0, 0], 8)].into_iter().collect(), ..Policy::default() };
    world.server.swap_policy(&mut policy);
    world.run_for(Duration::from_secs(3));
    assert_eq!((world.server.stats().handshakes, world.server.connections()), (before, 0));
}

#[test]
fn lifting_a_limit_frees_the_clients_that_it_held() {
    let mut world =
        with_policy(server_config(), Policy { connection_messages_per_second: Some(1), ..Policy::default() });
    let client = world.add_client();
    world.run_until("the client has joined", |world| world.server.stats().joined == 1);
    world.run_for(ROUND_TRIP);
    (0..40).for_each(|_| world.send(client, b"too many at once"));
    world.run_for(ROUND_TRIP);
    assert!(!world.echoes(client, b"held"), "the client has used up its budget for more than half a minute");
    world.server.swap_policy(&mut Policy::default());
    world.run_for(ROUND_TRIP);
    assert!(world.echoes(client, b"free"));
}

#[test]
fn a_policy_without_rates_leaves_the_rates_of_the_game() {
    let mut world = World::connected(1);
    let (id, now) = (world.id(0), world.now());
    world.server.set_rate(now, id, Some(20_000));
    let mut policy = Policy { denied: [network([203, 0, 113, 7], 32)].into_iter().collect(), ..Policy::default() };
    world.server.swap_policy(&mut policy);
    world.run_for(ROUND_TRIP);
    for number in 0..100u64 {
        let now = world.now();
        world.server.send(now, id, Channel::RELIABLE_ORDERED, &random_bytes(number, 1000)).unwrap();
    }
    world.run_for(Duration::from_secs(2));
    let arrived = world.clients[0].received.len();
    assert!((35..=60).contains(&arrived), "20 messages per second for 2 s: {arrived}");
}

/// At the rate of their address, all clients need 25 s; a single attempt gives up after 10 s.
#[test]
fn all_clients_behind_one_address_get_in_at_the_rate_of_the_address() {
    let limits = Policy { address_handshakes_per_second: 20, address_handshakes_at_once: 80, ..Policy::default() };
    let mut world = with_policy(roomy(), limits);
    for port in 0..580 {
        world.add_client_at(SocketAddr::from(([203, 0, 113, 1], 2000 + port)), client_config());
    }
    world.run_for(Duration::from_secs(40));
    assert_eq!(connected(&world), 580, "{:?}", world.clients.iter().find_map(|end| end.close_reason()));
    assert!(world.server.stats().denied_busy > 500, "clients were told to wait");
    // Each client sends about one Connect per second at most.
    let connects = world.server.stats().connects_in;
    assert!(connects < 580 * 30, "{connects} Connects");
}

#[test]
fn clients_that_crashed_make_room_for_those_that_come_back_from_their_address() {
    let mut world = with_policy(EndpointConfig { connections_max: 8, ..server_config() }, Policy::default());
    let home = |port: u16| SocketAddr::from(([203, 0, 113, 1], port));
    for port in 0..7 {
        world.add_client_at(home(2000 + port), client_config());
    }
    let neighbour = world.add_client_at(SocketAddr::from(([203, 0, 113, 2], 2000)), client_config());
    world.run_until("the server is full", |world| connected(world) == 8);
    // Seven of them crash without a Disconnect.
    world.clients.drain(..7);
    let neighbour = neighbour - 7;
    world.run_for(Duration::from_secs(1));
    for port in 0..7 {
        world.add_client_at(home(3000 + port), client_config());
    }
    let newcomer = world.add_client_at(SocketAddr::from(([203, 0, 113, 3], 2000)), client_config());
    world.run_for(Duration::from_secs(10));
    assert_eq!(connected(&world), 8, "the seven are back, and the neighbour is still connected");
    assert!(world.clients[neighbour].client.is_connected());
    assert!(!world.clients[newcomer].client.is_connected(), "no silent connection of its address can give way");
    assert_eq!(world.server.stats().silent_displaced, 7);
    assert_eq!(world.server_events.iter().filter(|(_, event)| matches!(event, Event::Suspended { .. })).count(), 7);
}

/// The server holds as many suspended sessions as it can. A returning client takes the slot of a silent connection, whose
/// session must not replace the one that the client resumes.
#[test]
fn a_client_that_takes_a_silent_slot_resumes_its_own_session() {
    let mut world = with_policy(EndpointConfig { connections_max: 1, ..server_config() }, Policy::default());
    let home = |port: u16| SocketAddr::from(([203, 0, 113, 1], port));
    world.add_client_at(home(2000), ClientConfig { reconnect: true, ..client_config() });
    world.run_until("the first client has joined", |world| connected(world) == 1);
    world.network.set_conditions_between(home(2000), server_address(), DEAD);
    world.network.set_conditions_between(server_address(), home(2000), DEAD);
    world.run_until("its session is suspended", |world| world.server.connections() == 0);
    // Another client of the same address takes the only slot and crashes.
    world.add_client_at(home(3000), client_config());
    world.run_until("the second client has joined", |world| world.server.stats().joined == 2);
    world.clients.truncate(1);
    world.network.set_conditions_between(home(2000), server_address(), CLEAN);
    world.network.set_conditions_between(server_address(), home(2000), CLEAN);
    world.run_until("the first client has resumed", |world| world.server.stats().joined == 3);
    assert_eq!(
        (world.server.stats().silent_displaced, world.server.stats().resumed),
        (1, 1),
        "the client resumed its own session"
    );
}
