//! A server and its clients over a simulated network: what they do when all goes well, and when it does not.

use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard_harness::world::*;
use ringshard_link::conditions::Conditions;
use ringshard_link::sim::{SimLink, TraceEntry};
use ringshard_protocol::client::{ClientEvent, CloseReason};
use ringshard_protocol::connection::{Connection, ConnectionConfig, Role, draw_secret, prologue};
use ringshard_protocol::crypto::noise::Initiator;
use ringshard_protocol::crypto::{Csprng, PreSharedKey, PublicKey, SecretKey, Suite, Suites};
use ringshard_protocol::endpoint::{EndCause, Event, Received};
use ringshard_protocol::limits::*;
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{
    Channel, Connect, ConnectionParameters, Denied, DeniedReason, DisconnectReason, Header, Message,
    NOISE_MESSAGE_1_BYTES, Options, flags,
};
use ringshard_protocol::{Client, ClientConfig, EndpointConfig};
use std::collections::HashSet;
use std::net::SocketAddr;

fn stranger_connect(random: &mut Csprng, cookie: [u8; COOKIE_BYTES]) -> [u8; CONNECT_BYTES] {
    let mut noise = [0; NOISE_MESSAGE_1_BYTES];
    random.fill_bytes(&mut noise);
    let options = Options { pre_shared_key: false };
    let mut connect = Connect { core: None, tag: 0, suites: Suites::native().bits(), options, cookie, noise };
    connect.tag = Connect::tag_of(connect.client_key());
    connect.encode()
}

#[test]
fn clients_connect_and_are_echoed_on_a_clean_network() {
    let mut world = World::connected(20);
    for client in 0..20 {
        assert!(world.echoes(client, format!("hello from {client}").as_bytes()), "client {client}");
        assert_eq!(total(world.clients[client].client.drops()), 0);
    }
    let stats = world.server.stats();
    assert_eq!((stats.handshakes, stats.joined, stats.messages_in, stats.messages_out), (20, 20, 20, 20));
    assert_eq!(total(world.server.drops()), 0);
    let ids: HashSet<_> = (0..20).map(|client| world.id(client)).collect();
    assert_eq!(ids.len(), 20);
}

#[test]
fn both_suites_carry_messages() {
    for suite in [Suite::ChaCha20Poly1305, Suite::Aes128Gcm] {
        if Suites::native().bits() & suite as u8 == 0 {
            continue;
        }
        let mut world = World::new(1, CLEAN);
        let client = world.add_client_with(ClientConfig { suites: Suites::only(&[suite]), ..client_config() });
        world.run_until("connected", |world| world.server.stats().joined == 1);
        world.run_for(THERE_AND_BACK);
        assert_eq!(world.clients[client].client.suite(), Some(suite));
        assert!(world.echoes(client, suite.name().as_bytes()));
    }
}

#[test]
fn clients_connect_and_are_echoed_despite_loss_duplication_corruption_and_jitter() {
    const CLIENTS: usize = 20;
    for seed in 0..4 {
        let mut world = World::new(seed, BAD);
        world.add_clients(CLIENTS);
        for round in 0..6_000 {
            world.step();
            for index in 0..CLIENTS {
                if round % 20 == 0 && world.clients[index].client.is_connected() {
                    world.say(index, &[index as u8]);
                }
                // Ten seconds may not be enough at such a loss: who is told so tries again, as a player would.
                if world.clients[index].client.is_closed() {
                    assert!(matches!(world.clients[index].close_reason(), Some(CloseReason::Unreachable(_))));
                    world.clients[index].events.clear();
                    world.clients[index].client = world.new_client(client_config());
                }
            }
        }
        for (index, end) in world.clients.iter().enumerate() {
            assert!(end.client.is_connected(), "seed {seed}, client {index}");
            assert!(end.inbox.len() > 10 && end.inbox.iter().all(|echo| echo == &[index as u8]));
        }
    }
}

#[test]
fn a_bad_network_loses_messages_but_never_repeats_or_alters_them() {
    let mut world = World::connected(10);
    world.network.set_conditions(BAD);
    const ROUNDS: usize = 200;
    for round in 0..ROUNDS {
        for index in 0..10 {
            world.say(index, format!("{index} says {round}").as_bytes());
        }
        world.step();
    }
    world.run_for(Duration::from_secs(1));
    for (index, end) in world.clients.iter().enumerate() {
        let sent: HashSet<_> = (0..ROUNDS).map(|round| format!("{index} says {round}").into_bytes()).collect();
        let echoed: HashSet<_> = end.inbox.iter().cloned().collect();
        assert_eq!(echoed.len(), end.inbox.len(), "a message came twice");
        assert!(echoed.is_subset(&sent), "a message came that was not sent");
        assert!(echoed.len() > ROUNDS / 4, "only {} of {ROUNDS} came back", echoed.len());
    }
    assert!(world.server.drops().replayed > 0 && world.server.drops().not_authentic > 0);
}

#[test]
fn a_connect_that_comes_again_gives_the_same_connection() {
    let mut world = World::new(1, CLEAN);
    let client = world.add_client();
    let address = world.clients[client].address;
    let has_cookie = |entry: &TraceEntry| entry.bytes.len() == CONNECT_BYTES && entry.bytes[19..67] != [0; 48];
    world.run_until("the client has a cookie", |world| world.network.trace().iter().any(has_cookie));
    let connect = world.network.trace().into_iter().find(has_cookie).unwrap().bytes;

    // One copy that arrives together with the Connect, and one while its Accepted is under way.
    world.network.send(address, server_address(), &connect);
    world.run_until("the server has accepted", |world| world.server.stats().handshakes == 1);
    world.network.send(address, server_address(), &connect);
    world.run_until("the client is in", |world| world.server.stats().joined == 1);
    world.run_for(THERE_AND_BACK);

    let stats = world.server.stats();
    assert_eq!((stats.handshakes, stats.handshakes_repeated), (1, 2));
    assert_eq!(world.server.connections(), 1);
    let accepted: Vec<_> = world
        .network
        .trace()
        .into_iter()
        .filter(|entry| entry.from == server_address() && entry.bytes[14] == 2 && entry.bytes[5] == 0)
        .map(|entry| entry.bytes)
        .collect();
    assert_eq!(accepted.len(), 3);
    assert!(accepted.iter().all(|bytes| bytes == &accepted[0]));
    assert!(world.echoes(client, b"still one connection"));
}

#[test]
fn replayed_datagrams_are_dropped_and_counted_at_both_ends() {
    let mut world = World::connected(1);
    assert!(world.echoes(0, b"once"));
    let client = world.clients[0].address;
    let to_server = world.sealed_datagrams(client, server_address());
    let to_client = world.sealed_datagrams(server_address(), client);
    assert!(to_server.len() >= 2 && to_client.len() >= 2);
    let messages = world.server.stats().messages_in;
    for _ in 0..3 {
        to_server.iter().for_each(|datagram| world.network.send(client, server_address(), datagram));
        to_client.iter().for_each(|datagram| world.network.send(server_address(), client, datagram));
    }
    world.run_for(THERE_AND_BACK);
    assert_eq!(world.server.drops().replayed, 3 * to_server.len() as u64);
    assert_eq!(world.clients[0].client.drops().replayed, 3 * to_client.len() as u64);
    assert_eq!(world.server.stats().messages_in, messages);
    assert_eq!(world.clients[0].inbox, [b"once"]);
}

#[test]
fn a_client_that_pins_another_key_is_told_so() {
    let mut world = World::new(1, CLEAN);
    let server = SecretKey::from_bytes([0x99; 32]).public();
    let client = world.add_client_with(ClientConfig { server, ..client_config() });
    let reason = world.close_reason(client);
    assert_eq!(reason, CloseReason::Denied(DeniedReason::WrongKey, PROTOCOL_VERSION));
    assert!(reason.to_string().contains("check the server's public key"), "{reason}");
    assert_eq!(world.server.connections(), 0);
}

#[test]
fn a_key_of_small_order_is_refused_before_anything_is_sent() {
    let server = PublicKey::from_bytes([0; 32]);
    assert!(Client::new(ClientConfig { server, ..client_config() }, Instant::ZERO, [1; 32]).is_err());
}

#[test]
fn a_client_of_another_protocol_version_is_told_so() {
    let mut world = World::new(1, CLEAN);
    let client = world.add_client();
    let now = world.network.now();
    let mut connect = [0; DATAGRAM_BYTES_MAX];
    let len = world.clients[client].client.poll_transmit(now, &mut connect).unwrap();
    let covered = len - 4;
    connect[15..17].copy_from_slice(&(PROTOCOL_VERSION + 1).to_le_bytes());
    let checksum = crc32c::crc32c(&connect[..covered]);
    connect[covered..len].copy_from_slice(&checksum.to_le_bytes());
    let address = world.clients[client].address;
    world.network.send(address, server_address(), &connect[..len]);
    // What it really says does not arrive.
    world.network.set_conditions_between(address, server_address(), DEAD);

    let reason = world.close_reason(client);
    assert_eq!(reason, CloseReason::Denied(DeniedReason::WrongVersion, PROTOCOL_VERSION));
    let text = reason.to_string();
    assert!(text.contains("update the older") && text.contains("server protocol 1"), "{text}");
    assert_eq!(world.server.stats().handshakes, 0);
}

#[test]
fn both_ends_use_the_same_pre_shared_key_or_none() {
    let key = |byte| Some(PreSharedKey::from_bytes([byte; 32]));
    let mismatch = Some(CloseReason::Denied(DeniedReason::PreSharedKeyMismatch, PROTOCOL_VERSION));
    for (at_server, at_client, expected) in [
        (None, key(1), mismatch),
        (key(1), None, mismatch),
        (key(1), key(2), Some(CloseReason::WrongKey)),
        (key(1), key(1), None),
    ] {
        let case = format!("server {}, client {}", at_server.is_some(), at_client.is_some());
        let mut world = World::with_config(1, CLEAN, EndpointConfig { pre_shared: at_server, ..server_config() });
        let client = world.add_client_with(ClientConfig { pre_shared: at_client, ..client_config() });
        world.run_for(CONNECT_TIMEOUT + STEP);
        assert_eq!(world.clients[client].close_reason(), expected, "{case}");
        assert_eq!(world.server.stats().joined, u64::from(expected.is_none()), "{case}");
        if expected.is_none() {
            assert!(world.echoes(client, b"shared"));
        }
    }
}

#[test]
fn a_client_without_a_common_suite_is_told_so() {
    let suites = Suites::only(&[Suite::ChaCha20Poly1305]);
    let mut world = World::with_config(1, CLEAN, EndpointConfig { suites, ..server_config() });
    let client = world.add_client_with(ClientConfig { suites: Suites::from_bits(0x80), ..client_config() });
    let reason = world.close_reason(client);
    assert_eq!(reason, CloseReason::Denied(DeniedReason::NoCommonSuite, PROTOCOL_VERSION));
    assert!(reason.to_string().contains("no cipher in common"), "{reason}");
}

#[test]
fn a_full_server_says_so_and_keeps_those_it_has() {
    let mut world = World::with_config(1, CLEAN, EndpointConfig { connections_max: 2, ..server_config() });
    world.add_clients(2);
    world.run_until("two are in", |world| world.server.stats().joined == 2);
    let third = world.add_client();
    assert_eq!(world.close_reason(third), CloseReason::Denied(DeniedReason::ServerFull, PROTOCOL_VERSION));
    assert!(world.echoes(0, b"first") && world.echoes(1, b"second"));
}

#[test]
fn one_forged_denial_ends_no_attempt_and_stops_no_reconnection() {
    use DeniedReason::*;
    for reason in [WrongVersion, ServerFull, WrongKey, NoCommonSuite, ShuttingDown, PreSharedKeyMismatch, Busy] {
        let mut world = World::new(1, CLEAN);
        let client = world.add_client();
        let (address, tag) = (world.clients[client].address, world.clients[client].client.handshake_tag());
        let denied = Denied { tag, reason, server_version: 7, wait_ms: u16::MAX };
        world.network.send(server_address(), address, &denied.encode());
        world.run_until("it is in all the same", |world| world.clients[client].client.is_connected());

        // Nobody answers the next one but the forger, with the reconnection on.
        let client = world.add_client_with(ClientConfig { reconnect: true, ..client_config() });
        let (address, tag) = (world.clients[client].address, world.clients[client].client.handshake_tag());
        world.network.set_conditions_between(address, server_address(), DEAD);
        world.network.send(server_address(), address, &Denied { tag, ..denied }.encode());
        world.run_for(CONNECT_TIMEOUT + Duration::from_secs(1));
        let events = &world.clients[client].events;
        assert!(
            matches!(events[0].1, ClientEvent::Reconnecting(CloseReason::Denied(said, 7)) if said == reason),
            "{events:?}"
        );
        world.network.set_conditions_between(address, server_address(), CLEAN);
        world.run_until("it is back", |world| world.clients[client].client.is_connected());
    }
}

/// Whoever recorded a resuming Connect, and learns the server's static key later, knows all that the handshake knows.
#[test]
fn a_recorded_connect_and_the_static_key_do_not_give_the_session_away() {
    let mut world = World::connected(1);
    let victim = world.id(0);
    let key = world.clients[0].client.connection().unwrap().resume_key();
    let server = server_config().secret.public();
    let mut random = Csprng::seed_from_u64(9);
    let prologue = prologue(Suites::native().bits(), Options { pre_shared_key: false });
    let begin = |ephemeral| Initiator::begin(&server, ephemeral, &prologue, None, &key.token).unwrap();
    let (initiator, noise) = begin(draw_secret(&mut random));
    let (address, now) = (client_address(66), world.network.now());
    let tag = Connect::tag_of(noise[..32].try_into().unwrap());
    let options = Options { pre_shared_key: false };
    let connect = |cookie| Connect { core: None, tag, suites: Suites::native().bits(), options, cookie, noise };
    let mut link = SimLink::new(world.network.clone(), address);
    let mut ask = |world: &mut World, datagram: &[u8]| {
        world.network.send(address, server_address(), datagram);
        world.run_for(THERE_AND_BACK);
        let mut answers = Vec::new();
        link.receive(usize::MAX, |arrival| answers.extend(arrival.datagrams().map(|it| it.to_vec())));
        answers.pop()
    };
    let cookie = ask(&mut world, &connect([0; COOKIE_BYTES]).encode()).expect("a cookie");
    let cookie = cookie[15..63].try_into().unwrap();
    let accepted = ask(&mut world, &connect(cookie).encode()).expect("it is let in, half");
    let (secrets, parameters) = initiator.finish::<16>(&accepted[15..79]).expect("the handshake is sound");
    let parameters = ConnectionParameters::decode(&parameters).unwrap();
    assert!(parameters.resumed, "the server knows the session");
    let config = ConnectionConfig {
        id: parameters.connection,
        role: Role::Client,
        suite: Suite::from_bit(parameters.suite).unwrap(),
        secrets,
        heartbeat: server_config().heartbeat,
        transport: server_config().transport,
    };
    // It lacks the secret of the session: nothing that it seals opens.
    let mut thief = Connection::new(config, now, &mut random);
    let mut datagram = [0; 48];
    let sequence = thief.begin_datagram(&mut random);
    thief.seal(sequence, &[0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0], &mut datagram).unwrap();
    assert_eq!(ask(&mut world, &datagram), None);
    assert_eq!((world.server.drops().not_authentic, world.server.stats().resumed), (1, 0));
    assert!(world.echoes(0, b"still mine") && world.id(0) == victim);
}

#[test]
fn a_client_that_nobody_answers_gives_up_after_ten_seconds() {
    let mut world = World::new(1, DEAD);
    let client = world.add_client();
    let CloseReason::Unreachable(tries) = world.close_reason(client) else { panic!("nobody answered") };
    let (at, _) = world.clients[client].events[0];
    assert_eq!(at, Instant::ZERO + CONNECT_TIMEOUT);
    // At 0, 0.25, 0.75, 1.75 seconds and every two from there, each wait a quarter shorter or longer.
    assert!((7..=9).contains(&tries), "{tries} tries");
}

#[test]
fn both_ends_give_up_after_fifteen_seconds_of_silence() {
    let mut world = World::connected(1);
    let id = world.id(0);
    world.network.set_conditions(DEAD);
    let last = |to| world.network.trace().into_iter().filter(|entry| entry.to == to).map(|entry| entry.at).max();
    let server_heard = last(server_address()).unwrap();
    let client_heard = last(world.clients[0].address).unwrap();

    let reason = world.close_reason(0);
    assert_eq!(reason, CloseReason::Disconnected(DisconnectReason::TimedOut));
    let (closed_at, _) = *world.clients[0].events.last().unwrap();
    assert_eq!(closed_at.since(client_heard), TIMEOUT_DEFAULT);

    world.run_until("the server notices", |world| world.server.connections() == 0);
    let (left_at, event) = *world.server_events.last().unwrap();
    assert!(matches!(event, Event::Suspended { id: of, .. } if of == id), "{event:?}");
    let waited = left_at.since(server_heard);
    assert!((TIMEOUT_DEFAULT..=TIMEOUT_DEFAULT + STEP).contains(&waited), "{waited:?}");
    assert_eq!(world.server.stats().timed_out, 1);
}

#[test]
fn the_heartbeat_keeps_a_silent_connection_alive() {
    let mut world = World::connected(3);
    world.run_for(Duration::from_secs(120));
    assert_eq!(world.server.connections(), 3);
    assert!(world.clients.iter().all(|end| end.client.is_connected()));
}

#[test]
fn a_client_that_never_proves_its_keys_costs_its_slot_for_five_seconds() {
    let mut world = World::new(1, CLEAN);
    let client = world.add_client();
    world.run_until("the server has accepted", |world| world.server.stats().handshakes == 1);
    world.network.set_conditions(DEAD);
    world.clients.remove(client);
    world.run_for(HALF_OPEN_TIMEOUT - 2 * STEP);
    assert_eq!(world.server.connections(), 1);
    world.run_for(3 * STEP);
    assert_eq!(world.server.connections(), 0);
    assert_eq!(world.server.stats().half_open_expired, 1);
    assert!(world.server_events.is_empty(), "nobody joined, nobody left");
}

#[test]
fn a_silent_client_whose_first_datagrams_are_lost_still_gets_in() {
    let mut world = World::new(1, CLEAN);
    let client = world.add_client();
    world.run_until("the server has accepted", |world| world.server.stats().handshakes == 1);
    world.network.set_conditions(DEAD);
    world.run_for(Duration::from_secs(2));
    assert!(world.clients[client].client.is_connected() && world.server.stats().joined == 0);
    world.network.set_conditions(CLEAN);
    world.run_for(2 * TIMEOUT_DEFAULT);
    assert_eq!(world.clients[client].close_reason(), None);
    assert_eq!((world.server.stats().joined, world.server.stats().half_open_expired), (1, 0));
}

#[test]
fn the_last_message_before_a_disconnect_arrives() {
    let mut world = World::connected(1);
    world.server.send(world.network.now(), world.id(0), Channel::UNRELIABLE, b"final score").unwrap();
    world.server.disconnect(world.id(0), DisconnectReason::Closed);
    world.run_for(THERE_AND_BACK);
    assert_eq!(world.clients[0].inbox, [b"final score"]);
    assert_eq!(world.clients[0].close_reason(), Some(CloseReason::Disconnected(DisconnectReason::Closed)));
}

#[test]
fn who_was_disconnected_is_not_listened_to() {
    let mut world = World::connected(1);
    let mut late = world.sealed_by_client(0, b"one more thing");
    let (id, now, drops) = (world.id(0), world.network.now(), *world.server.drops());
    let late_in = world.server.stats().late_in;
    world.server.disconnect(id, DisconnectReason::Closed);
    let received = world.server.receive(now, Path::new(0, client_address(0)), &mut late);
    assert!(matches!(received, Received::Nothing), "{received:?}");
    assert_eq!(
        (world.server.stats().late_in, *world.server.drops()),
        (late_in + 1, drops),
        "it is late, and nobody's fault"
    );
}

#[test]
fn who_never_joined_does_not_leave() {
    let mut world = World::new(1, CLEAN);
    let client = world.add_client();
    world.run_until("the server has accepted", |world| world.server.stats().handshakes == 1);
    world.clients.remove(client);
    world.server.shut_down();
    world.run_for(THERE_AND_BACK);
    assert_eq!((world.server_events.len(), world.server.stats().left, world.server.connections()), (0, 0, 0));
}

#[test]
fn a_server_that_shuts_down_tells_its_clients_and_refuses_new_ones() {
    let mut world = World::connected(5);
    world.server.shut_down();
    world.run_for(THERE_AND_BACK);
    for client in 0..5 {
        let reason = world.clients[client].close_reason();
        assert_eq!(reason, Some(CloseReason::Disconnected(DisconnectReason::ShuttingDown)));
    }
    assert_eq!(world.server.connections(), 0);
    let late = world.add_client();
    assert_eq!(world.close_reason(late), CloseReason::Denied(DeniedReason::ShuttingDown, PROTOCOL_VERSION));
}

#[test]
fn a_slot_that_is_used_again_does_not_take_the_datagrams_of_before() {
    let mut world = World::with_config(1, CLEAN, EndpointConfig { connections_max: 1, ..server_config() });
    let first = world.add_client();
    world.run_until("the first is in", |world| world.server.stats().joined == 1);
    world.run_for(THERE_AND_BACK);
    let first_id = world.id(first);
    let never_sent = world.sealed_by_client(first, b"late");
    world.clients[first].client.disconnect();
    world.run_for(THERE_AND_BACK);
    let closed = CloseReason::Disconnected(DisconnectReason::Closed);
    assert_eq!(world.clients[first].close_reason(), Some(closed));
    let hung_up = EndCause::Client(DisconnectReason::Closed);
    let last = world.server_events.last().unwrap().1;
    assert!(matches!(last, Event::Ended { id, cause, .. } if id == Some(first_id) && cause == hung_up), "{last:?}");
    assert_eq!(world.server.connections(), 0);

    let second = world.add_client();
    world.run_until("the second is in", |world| world.server.stats().joined == 2);
    world.run_for(THERE_AND_BACK);
    let second_id = world.id(second);
    assert_eq!(second_id.slot(), first_id.slot());
    assert_ne!(second_id.generation(), first_id.generation());

    let (late, drops) = (world.server.stats().late_in, *world.server.drops());
    let address = world.clients[first].address;
    let mut old = world.sealed_datagrams(address, server_address());
    old.push(never_sent);
    old.iter().for_each(|datagram| world.network.send(address, server_address(), datagram));
    world.run_for(THERE_AND_BACK);
    assert_eq!((world.server.stats().late_in, *world.server.drops()), (late + old.len() as u64, drops));
    assert_eq!(world.server.stats().messages_in, 0);
    world.run_for(Duration::from_secs(5));
    let replayed = old.len() as u64;
    old.iter().for_each(|datagram| world.network.send(address, server_address(), datagram));
    world.run_for(THERE_AND_BACK);
    let unknown = world.server.drops().unknown_connection;
    assert_eq!(unknown, drops.unknown_connection + replayed, "nothing is under way for so long");
    assert!(world.echoes(second, b"mine"));
}

#[test]
fn the_heartbeat_measures_the_round_trip_of_the_network() {
    let mut world = World::connected(1);
    world.run_for(HEARTBEAT_DEFAULT + STEP + THERE_AND_BACK);
    let measured_by_client = world.clients[0].client.connection().unwrap().round_trip();
    assert_eq!(measured_by_client, Some(2 * DELAY));
    assert_eq!(world.server.info(world.id(0)).unwrap().round_trip, Some(2 * DELAY));
}

#[test]
fn a_flood_of_strangers_leaves_the_clients_alone_and_is_never_amplified() {
    let mut world = World::connected(10);
    let mut random = Csprng::seed_from_u64(7);
    let (mut strangers, mut rounds) = (0u32, 0);
    while strangers < 5_000 {
        for _ in 0..100 {
            let address = SocketAddr::from((strangers.to_be_bytes(), 1024 + (strangers % 50_000) as u16));
            let mut cookie = [0; COOKIE_BYTES];
            if strangers % 4 == 3 {
                random.fill_bytes(&mut cookie);
            }
            let connect = stranger_connect(&mut random, cookie);
            world.network.send(address, server_address(), &connect);
            strangers += 1;
        }
        (0..10).for_each(|client| world.say(client, &[rounds; 20]));
        rounds += 1;
        world.step();
        let stats = world.server.stats();
        assert!(stats.unvalidated_bytes_out <= stats.unvalidated_bytes_in);
    }
    world.run_for(THERE_AND_BACK);
    world.run_until("all strangers are answered", |world| !world.server.has_admissions_waiting());
    let expected: Vec<Vec<u8>> = (0..rounds).map(|round| vec![round; 20]).collect();
    for end in &world.clients {
        assert_eq!(end.inbox, expected);
    }
    let stats = world.server.stats();
    assert_eq!((stats.handshakes, world.server.connections()), (10, 10));
    assert_eq!(stats.cookies_out + world.server.drops().reply_queue_full, 5_000 + 10);
    assert!(stats.cookies_out > 10 && world.server.drops().reply_queue_full > 0);
    assert!(stats.unvalidated_bytes_out <= stats.unvalidated_bytes_in);
}

#[test]
fn a_client_at_another_address_is_followed_once_it_has_answered_from_there() {
    let mut world = World::connected(2);
    let (id, before, other) = (world.id(0), world.clients[0].address, world.id(1));
    let elsewhere = SocketAddr::from(([10, 2, 0, 1], 1));
    world.clients[0].link.rebind(elsewhere);
    world.say(0, b"from elsewhere");
    world.run_for(DELAY + STEP);
    assert_eq!((world.server.stats().messages_in, world.server.stats().path_changed), (1, 1));
    // Until then nothing goes there but a challenge.
    assert_eq!(world.server.info(id).unwrap().path.peer, before);
    let there = world.sealed_datagrams(server_address(), elsewhere);
    assert_eq!(there.len(), 1);
    assert!(there[0].len() <= 3 * world.sealed_datagrams(elsewhere, server_address())[0].len());

    world.run_for(2 * THERE_AND_BACK);
    assert_eq!(world.server.stats().migrated, 1);
    assert_eq!(world.server.info(id).unwrap().path.peer, elsewhere, "the former name goes on to be understood");
    // Whoever watches both paths finds no name in common.
    let renamed = world.id(0);
    assert_eq!(world.server_events.last().unwrap().1, Event::Renamed { id: renamed, former: id });
    assert_eq!((renamed.core(), renamed.slot()), (id.core(), id.slot()));
    assert_ne!(renamed.generation(), id.generation());
    assert!(world.echoes(0, b"from there to there") && world.echoes(1, b"meanwhile"));
    assert_eq!((world.id(1), world.server.connections()), (other, 2));
    assert!(world.clients[0].client.receive(world.network.now(), &mut there[0].clone()).is_none());
}

#[test]
fn a_client_may_move_again_and_back() {
    let mut world = World::connected(1);
    let home = world.clients[0].address;
    for round in 0..6u8 {
        let address = if round % 2 == 0 { SocketAddr::from(([10, 2, 0, round], 1)) } else { home };
        world.clients[0].link.rebind(address);
        world.say(0, b"here I am");
        world.run_for(4 * THERE_AND_BACK);
        assert_eq!(world.server.stats().migrated, u64::from(round) + 1);
        assert_eq!(world.server.info(world.id(0)).unwrap().path.peer, address);
        assert!(world.echoes(0, &[round]));
    }
    assert_eq!(world.server.connections(), 1);
}

#[test]
fn who_overtakes_a_client_with_its_own_datagram_does_not_get_its_connection() {
    let mut world = World::connected(1);
    let (id, address) = (world.id(0), world.clients[0].address);
    let stolen = world.sealed_by_client(0, b"stolen");
    let thief = SocketAddr::from(([10, 66, 0, 1], 1));
    world.network.send(thief, server_address(), &stolen);
    world.run_for(HEARTBEAT_DEFAULT);
    assert_eq!((world.server.stats().path_changed, world.server.stats().migrated), (1, 0));
    assert_eq!(world.server.info(id).unwrap().path.peer, address);
    let to_thief: usize = world.sealed_datagrams(server_address(), thief).iter().map(Vec::len).sum();
    assert!((1..=3 * stolen.len()).contains(&to_thief), "{to_thief} bytes for {}", stolen.len());
    assert_eq!(world.clients[0].inbox, [b"stolen"], "its echo goes where the client is");
    assert!(world.echoes(0, b"still mine"));
}

#[test]
fn a_path_that_may_not_be_challenged_any_more_is_given_up() {
    let mut world = World::connected(1);
    // So short that what may be sent there is soon used up.
    let stolen = world.sealed_by_client(0, b"");
    let thief = SocketAddr::from(([10, 66, 0, 1], 1));
    world.network.send(thief, server_address(), &stolen);
    world.run_for(Duration::from_secs(4));
    // Nothing but heartbeats is left to wake up for.
    let mut looks = 0;
    let mut now = world.network.now();
    let end = now + Duration::from_secs(10);
    while now < end {
        now = now.max(world.server.deadline()) + TIMER_GRAIN;
        world.server.sweep(now);
        world.server.flush(now, &mut world.server_link);
        looks += 1;
    }
    assert!(looks < 50, "looked at {looks} times in 10 seconds");
}

/// Datagrams that no end may take: an authentic one altered in every bit and cut at every length, and such as never
/// were authentic.
fn hostile_datagrams(authentic: &[u8]) -> Vec<Vec<u8>> {
    let mut hostile = Vec::new();
    for bit in 0..authentic.len() * 8 {
        let mut altered = authentic.to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        hostile.push(altered);
    }
    hostile.extend((0..authentic.len()).map(|len| authentic[..len].to_vec()));
    hostile.push([authentic, &[0]].concat());
    hostile.push([authentic, &[0; DATAGRAM_BYTES_MAX]].concat());
    let mut random = Csprng::seed_from_u64(8);
    for len in 0..1_500 {
        let mut bytes = vec![0; len];
        random.fill_bytes(&mut bytes);
        hostile.push(bytes.clone());
        // The same with a name and flags that lead as deep as one gets without the key.
        let head = bytes.len().min(HEADER_BYTES - 8);
        bytes[..head].copy_from_slice(&authentic[..head]);
        hostile.push(bytes);
    }
    hostile
}

#[test]
fn each_hostile_datagram_is_counted_at_the_server_and_changes_nothing() {
    let mut world = World::connected(1);
    let (id, address) = (world.id(0), world.clients[0].address);
    let authentic = world.sealed_by_client(0, b"intact");
    let (now, path) = (world.network.now(), Path::new(0, address));
    let before = (world.server.info(id).unwrap().stats, world.server.stats().messages_in);
    for mut datagram in hostile_datagrams(&authentic) {
        let dropped = total(world.server.drops());
        let text = format!("{datagram:02x?}");
        assert!(matches!(world.server.receive(now, path, &mut datagram), Received::Nothing), "{text}");
        assert_eq!(total(world.server.drops()), dropped + 1, "{text}");
        assert_eq!((world.server.info(id).unwrap().stats, world.server.stats().messages_in), before, "{text}");
    }
    let drops = *world.server.drops();
    for (name, count) in [
        ("bad_size", drops.bad_size),
        ("unknown_connection", drops.unknown_connection),
        ("wrong_flags", drops.wrong_flags),
        ("not_authentic", drops.not_authentic),
    ] {
        assert!(count > 0, "nothing was {name}");
    }
    assert_eq!((world.server.connections(), world.server.poll_event()), (1, None));
    // Neither the window nor the key minded any of them.
    world.network.send(address, server_address(), &authentic);
    world.run_for(THERE_AND_BACK);
    assert_eq!(world.clients[0].inbox, [b"intact"]);
}

#[test]
fn each_hostile_datagram_is_counted_at_the_client_and_changes_nothing() {
    let mut world = World::connected(1);
    let authentic = world.sealed_by_server(0, b"intact");
    let now = world.network.now();
    let client = &mut world.clients[0].client;
    let before = client.connection().unwrap().stats;
    for mut datagram in hostile_datagrams(&authentic) {
        let dropped = total(client.drops());
        let text = format!("{datagram:02x?}");
        assert!(client.receive(now, &mut datagram).is_none(), "{text}");
        assert_eq!(total(client.drops()), dropped + 1, "{text}");
        assert_eq!(client.connection().unwrap().stats, before, "{text}");
    }
    assert_eq!(client.poll_event(), None);
    assert_eq!(client.transmit_len(now), None);
    let mut authentic = authentic;
    let messages: Vec<_> = client.receive(now, &mut authentic).unwrap().collect();
    assert_eq!(messages, [Message { channel: Channel::UNRELIABLE, bytes: b"intact" }]);
}

#[test]
fn a_damaged_handshake_packet_is_counted_at_the_server_and_makes_nothing() {
    let mut world = World::new(1, CLEAN);
    let connect = stranger_connect(&mut Csprng::seed_from_u64(9), [0; COOKIE_BYTES]);
    let (now, path) = (world.network.now(), Path::new(0, client_address(0)));
    let cut = (1..connect.len()).map(|len| connect[..len].to_vec());
    let altered = (0..connect.len() * 8).map(|bit| {
        let mut altered = connect.to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        altered
    });
    for mut datagram in cut.chain(altered) {
        let dropped = total(world.server.drops());
        assert!(matches!(world.server.receive(now, path, &mut datagram), Received::Nothing));
        assert_eq!(total(world.server.drops()), dropped + 1);
    }
    world.run_for(THERE_AND_BACK);
    assert_eq!(world.server.stats().datagrams_out, 0);
}

#[test]
fn messages_of_one_flush_share_a_datagram() {
    let mut world = World::connected(1);
    let (id, address) = (world.id(0), world.clients[0].address);
    let messages: [&[u8]; 5] = [b"one", b"", b"three", &[4; 500], b"five"];
    let sent_before = world.sealed_datagrams(address, server_address()).len();
    let echoed_before = world.sealed_datagrams(server_address(), address).len();
    messages.iter().for_each(|message| world.say(0, message));
    world.run_for(THERE_AND_BACK);
    assert_eq!(world.clients[0].inbox, messages);
    assert_eq!(world.sealed_datagrams(address, server_address()).len(), sent_before + 1);
    assert_eq!(world.sealed_datagrams(server_address(), address).len(), echoed_before + 1);

    // What does not fit any more goes into a second one; nothing is lost, the order stays.
    let whole = noise(6, WHOLE_MESSAGE_BYTES_MAX);
    let expected: [&[u8]; 4] = [&whole, b"small", &whole, b"small"];
    for message in expected {
        world.server.send(world.network.now(), id, Channel::UNRELIABLE, message).unwrap();
    }
    world.clients[0].forget_inbox();
    world.run_for(THERE_AND_BACK);
    assert_eq!(world.clients[0].inbox, expected);
    assert_eq!(world.sealed_datagrams(server_address(), address).len(), echoed_before + 1 + 4);
}

fn a_busy_minute(seed: u64, conditions: Conditions) -> World {
    let mut world = World::new(seed, conditions);
    world.add_clients(8);
    for round in 0..12_000u32 {
        if round % 10 == 0 {
            let now = world.network.now();
            for end in &mut world.clients {
                // Some are not connected yet, or not any more.
                let _ = end.client.send(now, Channel::UNRELIABLE, &round.to_le_bytes());
            }
        }
        world.step();
    }
    world
}

#[test]
fn one_seed_gives_one_run_and_another_seed_another() {
    let trace = |seed| a_busy_minute(seed, BAD).network.trace();
    let first = trace(1);
    assert!(first.len() > 5_000);
    // Not assert_eq: nobody wants to read these.
    assert!(first == trace(1), "the same seed gave another run");
    assert!(first != trace(2), "another seed gave the same run");
}

#[test]
fn no_sequence_is_used_twice_in_a_direction() {
    // Neither losses nor copies: every datagram that was sealed is in the record once.
    let world = a_busy_minute(1, Conditions { jitter: BAD.jitter, ..CLEAN });
    let mut seen = HashSet::new();
    let mut highest = 0;
    for entry in world.network.trace() {
        let header = Header::decode(&entry.bytes).unwrap();
        if header.flags & flags::ENCRYPTED == 0 {
            continue;
        }
        let to_server = entry.to == server_address();
        assert_ne!(header.sequence, 0);
        assert!(seen.insert((header.connection, to_server, header.sequence)), "{header:?}");
        highest = highest.max(header.sequence);
    }
    // 8 clients, both directions; and no number was left out, or the loss at the other end would be wrong.
    assert!(highest > 1_000);
    for id in (0..8).map(|client| world.id(client)) {
        for to_server in [false, true] {
            let numbers: HashSet<_> =
                seen.iter().filter(|&&(of, to, _)| (of, to) == (id, to_server)).map(|&(_, _, number)| number).collect();
            assert_eq!(numbers.iter().max(), Some(&(numbers.len() as u64)));
        }
    }
}

#[test]
fn an_old_connect_that_comes_again_after_the_client_is_in_takes_no_slot() {
    let mut world = World::connected(1);
    let cookied = |entry: &TraceEntry| entry.bytes.len() == CONNECT_BYTES && entry.bytes[19..67] != [0; 48];
    let connect = world.network.trace().into_iter().find(cookied).unwrap();
    world.network.send(connect.from, connect.to, &connect.bytes);
    world.run_for(THERE_AND_BACK);
    assert_eq!((world.server.stats().handshakes, world.server.connections()), (1, 1));
    assert_eq!(world.server.drops().unexpected, 1);
}

/// Messages that fit one datagram of the largest size, and not one of the usual size.
#[test]
fn a_client_that_seldom_says_something_long_soon_says_it_in_one_datagram() {
    for channel in [Channel::UNRELIABLE, Channel::RELIABLE_ORDERED, Channel::UNRELIABLE_SEQUENCED] {
        let mut world = World::connected(1);
        let mut random = Csprng::seed_from_u64(3);
        let mut noise = [0; 1_300];
        for _ in 0..5 {
            random.fill_bytes(&mut noise);
            let now = world.network.now();
            world.clients[0].client.send(now, channel, &noise).unwrap();
            world.run_for(Duration::from_secs(1));
        }
        assert_eq!(world.clients[0].client.connection().unwrap().datagram_bytes(), DATAGRAM_BYTES_MAX, "{channel}");
        let sent = world.clients[0].client.connection().unwrap().stats.datagrams_out;
        let now = world.network.now();
        world.clients[0].client.send(now, channel, &noise).unwrap();
        world.run_for(STEP);
        assert_eq!(world.clients[0].client.connection().unwrap().stats.datagrams_out, sent + 1, "{channel}");
    }
}

#[test]
fn a_short_stall_is_no_black_hole() {
    let mut world = World::connected(1);
    let noise = [7; 1_300];
    let say = |world: &mut World| {
        let now = world.network.now();
        let _ = world.clients[0].client.send(now, Channel::RELIABLE_ORDERED, &noise);
    };
    let size = |world: &World| world.clients[0].client.connection().unwrap().datagram_bytes();
    let mut random = Csprng::seed_from_u64(5);
    let mut long = vec![0; 60_000];
    random.fill_bytes(&mut long);
    let now = world.network.now();
    world.clients[0].client.send(now, Channel::RELIABLE_ORDERED, &long).unwrap();
    world.run_for(Duration::from_secs(3));
    assert_eq!(size(&world), DATAGRAM_BYTES_MAX);
    say(&mut world);
    world.network.set_conditions(DEAD);
    world.run_for(Duration::from_secs(2));
    assert!(size(&world) < DATAGRAM_BYTES_MAX, "for all that it can tell, larger ones vanish");
    world.network.set_conditions(CLEAN);
    world.run_for(Duration::from_secs(4));
    assert_eq!(size(&world), DATAGRAM_BYTES_MAX, "they do not");
}
