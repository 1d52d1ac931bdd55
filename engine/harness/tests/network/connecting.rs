//! How clients connect, and why they are denied.

use ringshard_harness::*;
use ringshard_link::sim::TraceEntry;
use ringshard_protocol::client::CloseReason;
use ringshard_protocol::crypto::{PreSharedKey, PublicKey, SecretKey, Suite, Suites};
use ringshard_protocol::limits::*;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::DeniedReason;
use ringshard_protocol::{Client, ClientConfig, EndpointConfig};
use std::collections::HashSet;

#[test]
fn clients_connect_and_are_echoed_on_a_clean_network() {
    let mut world = World::connected(20);
    for client in 0..20 {
        assert!(world.echoes(client, format!("hello from {client}").as_bytes()), "client {client}");
        assert_eq!(total_drops(world.clients[client].client.drops()), 0);
    }
    let stats = world.server.stats();
    assert_eq!((stats.handshakes, stats.joined, stats.messages_in, stats.messages_out), (20, 20, 20, 20));
    assert_eq!(total_drops(world.server.drops()), 0);
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
        world.run_for(ROUND_TRIP);
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
                    world.send(index, &[index as u8]);
                }
                // At this loss ten seconds may not be enough: a client that gives up is replaced, as a player would try again.
                if world.clients[index].client.is_closed() {
                    assert!(matches!(world.clients[index].close_reason(), Some(CloseReason::Unreachable(_))));
                    world.clients[index].events.clear();
                    world.clients[index].client = world.new_client(client_config());
                }
            }
        }
        for (index, end) in world.clients.iter().enumerate() {
            assert!(end.client.is_connected(), "seed {seed}, client {index}");
            assert!(end.received.len() > 10 && end.messages().iter().all(|echo| echo == &[index as u8]));
        }
    }
}

#[test]
fn an_idle_client_whose_first_datagrams_are_lost_still_joins() {
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
fn a_repeated_connect_gives_the_same_connection() {
    let mut world = World::new(1, CLEAN);
    let client = world.add_client();
    let address = world.clients[client].address;
    let has_cookie = |entry: &TraceEntry| entry.bytes.len() == CONNECT_BYTES && entry.bytes[19..67] != [0; 48];
    world.run_until("the client has a cookie", |world| world.network.trace().iter().any(has_cookie));
    let connect = world.network.trace().into_iter().find(has_cookie).unwrap().bytes;

    // One copy arrives together with the Connect, and one while the ConnectionAccepted is in flight.
    world.network.send(address, server_address(), &connect);
    world.run_until("the server has accepted", |world| world.server.stats().handshakes == 1);
    world.network.send(address, server_address(), &connect);
    world.run_until("the client has joined", |world| world.server.stats().joined == 1);
    world.run_for(ROUND_TRIP);

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
fn a_connect_replayed_after_the_client_has_joined_takes_no_slot() {
    let mut world = World::connected(1);
    let cookied = |entry: &TraceEntry| entry.bytes.len() == CONNECT_BYTES && entry.bytes[19..67] != [0; 48];
    let connect = world.network.trace().into_iter().find(cookied).unwrap();
    world.network.send(connect.from, connect.to, &connect.bytes);
    world.run_for(ROUND_TRIP);
    assert_eq!((world.server.stats().handshakes, world.server.connections()), (1, 1));
    assert_eq!(world.server.drops().unexpected, 1);
}

#[test]
fn a_client_that_pins_another_key_is_denied_with_that_reason() {
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
fn a_client_of_another_protocol_version_is_denied_with_that_reason() {
    let mut world = World::new(1, CLEAN);
    let client = world.add_client();
    let now = world.now();
    let mut connect = [0; DATAGRAM_BYTES_MAX];
    let len = world.clients[client].client.poll_transmit(now, &mut connect).unwrap();
    let covered = len - 4;
    connect[15..17].copy_from_slice(&(PROTOCOL_VERSION + 1).to_le_bytes());
    let checksum = crc32c::crc32c(&connect[..covered]);
    connect[covered..len].copy_from_slice(&checksum.to_le_bytes());
    let address = world.clients[client].address;
    world.network.send(address, server_address(), &connect[..len]);
    // The real Connect does not arrive.
    world.network.set_conditions_between(address, server_address(), DEAD);

    let reason = world.close_reason(client);
    assert_eq!(reason, CloseReason::Denied(DeniedReason::WrongVersion, PROTOCOL_VERSION));
    let text = reason.to_string();
    assert!(text.contains("update the older") && text.contains("server protocol 1"), "{text}");
    assert_eq!(world.server.stats().handshakes, 0);
}

#[test]
fn both_ends_need_the_same_pre_shared_key_or_none() {
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
fn a_client_without_a_common_suite_is_denied_with_that_reason() {
    let suites = Suites::only(&[Suite::ChaCha20Poly1305]);
    let mut world = World::with_config(1, CLEAN, EndpointConfig { suites, ..server_config() });
    let client = world.add_client_with(ClientConfig { suites: Suites::from_bits(0x80), ..client_config() });
    let reason = world.close_reason(client);
    assert_eq!(reason, CloseReason::Denied(DeniedReason::NoCommonSuite, PROTOCOL_VERSION));
    assert!(reason.to_string().contains("no cipher in common"), "{reason}");
}

#[test]
fn a_full_server_denies_new_clients_and_keeps_those_it_has() {
    let mut world = World::with_config(1, CLEAN, EndpointConfig { connections_max: 2, ..server_config() });
    world.add_clients(2);
    world.run_until("two clients have joined", |world| world.server.stats().joined == 2);
    let third = world.add_client();
    assert_eq!(world.close_reason(third), CloseReason::Denied(DeniedReason::ServerFull, PROTOCOL_VERSION));
    assert!(world.echoes(0, b"first") && world.echoes(1, b"second"));
}

#[test]
fn a_client_without_an_answer_gives_up_after_ten_seconds() {
    let mut world = World::new(1, DEAD);
    let client = world.add_client();
    let CloseReason::Unreachable(tries) = world.close_reason(client) else { panic!("the client had no answer") };
    let (at, _) = world.clients[client].events[0];
    assert_eq!(at, Instant::ZERO + CONNECT_TIMEOUT);
    // Tries at 0, 0.25, 0.75 and 1.75 s, then every 2 s; each wait varies by a quarter.
    assert!((7..=9).contains(&tries), "{tries} tries");
}
