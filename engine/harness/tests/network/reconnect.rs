//! Clients of a server that falls silent: they try to reconnect beside their connection, and keep whichever is answered
//! first. PROTOCOL.md#reconnection.

use ringshard_harness::*;
use ringshard_protocol::limits::*;
use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::Channel;
use ringshard_protocol::{ClientConfig, Endpoint};

/// Kills the server and starts it again with the same key.
fn restart(world: &mut World) {
    world.server = Endpoint::new(server_config(), world.now(), [0x77; 32]);
}

fn reconnecting() -> (World, usize) {
    let mut world = World::new(1, CLEAN);
    let client = world.add_client_with(ClientConfig { reconnect: true, ..client_config() });
    world.run_until("connected", |world| world.server.stats().joined == 1);
    world.run_for(ROUND_TRIP);
    (world, client)
}

#[test]
fn clients_are_connected_within_ten_seconds_after_a_restart_of_the_server() {
    for phase in 0..12u32 {
        let (mut world, client) = reconnecting();
        world.run_for(phase * Duration::from_millis(431));
        restart(&mut world);
        let restarted_at = world.now();
        world.run_until("the client has joined again", |world| world.server.stats().joined == 1);
        let away = world.now().since(restarted_at);
        assert!(away < Duration::from_secs(10), "{away:?} in phase {phase}");
        world.run_for(ROUND_TRIP);
        assert_eq!(world.clients[client].resumptions(), [false, false]);
        assert!(world.echoes(client, b"back"));
    }
}

#[test]
fn clients_are_back_soon_after_a_longer_outage() {
    let (mut world, client) = reconnecting();
    world.network.set_conditions(DEAD);
    world.run_for(Duration::from_secs(12));
    restart(&mut world);
    world.network.set_conditions(CLEAN);
    let restarted_at = world.now();
    world.run_until("the client has joined again", |world| world.server.stats().joined == 1);
    assert!(world.now().since(restarted_at) <= CONNECT_RETRY_MAX + ROUND_TRIP);
    assert_eq!(world.clients[client].resumptions().len(), 2);
}

#[test]
fn a_client_that_tries_to_reconnect_keeps_its_connection_once_that_is_heard() {
    let (mut world, client) = reconnecting();
    let id = world.id(client);
    world.send_on(client, Channel::RELIABLE_ORDERED, b"before");
    world.run_for(ROUND_TRIP);
    world.network.set_conditions(DEAD);
    world.run_for(HEARTBEAT_DEFAULT + RECONNECT_AFTER + Duration::from_secs(1));
    world.network.set_conditions(CLEAN);
    world.server.send(world.now(), id, Channel::UNRELIABLE, b"hello").unwrap();
    world.run_for(Duration::from_secs(5));
    assert_eq!((world.clients[client].resumptions(), world.id(client)), (vec![false], id));
    assert!(world.echoes(client, b"as ever"));
}

#[test]
fn a_session_continues_over_whichever_connection_is_heard_first() {
    let (mut world, client) = reconnecting();
    world.network.set_conditions(DEAD);
    world.send_on(client, Channel::RELIABLE_ORDERED, b"during");
    world.run_for(HEARTBEAT_DEFAULT + RECONNECT_AFTER + Duration::from_secs(3));
    world.network.set_conditions(CLEAN);
    world.run_until("the echo has arrived", |world| world.clients[client].received.len() == 1);
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.clients[client].messages_on(Channel::RELIABLE_ORDERED), [b"during"]);
    assert_eq!(world.server.connections(), 1);
    assert!(world.clients[client].resumptions()[1..].iter().all(|&resumed| resumed));
}

#[test]
fn a_repeated_answer_to_a_reconnect_attempt_makes_one_connection() {
    let (mut world, client) = reconnecting();
    restart(&mut world);
    world.network.start_trace();
    world.run_until("the client has joined again", |world| world.clients[client].resumptions().len() == 2);
    let address = world.clients[client].address;
    // The same answer again, before and after the first datagram of the new connection.
    let accepted = world.unencrypted_packets(server_address(), address).pop().expect("the server has accepted");
    assert_eq!(accepted.len(), ringshard_protocol::wire::Accepted::BYTES);
    for _ in 0..5 {
        let now = world.now();
        assert!(world.clients[client].client.receive(now, &mut accepted.clone()).is_none());
        world.send(client, b"one");
        world.step();
        world.run_for(DELAY);
    }
    world.run_for(ROUND_TRIP);
    assert_eq!(world.clients[client].resumptions().len(), 2, "the client takes the answer once");
    // A repeated sequence number would be a repeated nonce.
    assert_eq!((world.server.drops().replayed, world.clients[client].received.len()), (0, 5));
}

#[test]
fn a_forged_denial_ends_no_connection() {
    let (mut world, client) = reconnecting();
    let (id, address) = (world.id(client), world.clients[client].address);
    world.network.set_conditions(DEAD);
    world.run_for(HEARTBEAT_DEFAULT + RECONNECT_AFTER + Duration::from_secs(1));
    let tag = world.clients[client].client.handshake_tag();
    world.network.set_conditions(CLEAN);
    let denied = ringshard_protocol::wire::Denied {
        tag,
        reason: ringshard_protocol::wire::DeniedReason::WrongKey,
        server_version: PROTOCOL_VERSION,
        wait_ms: 0,
    };
    world.network.send(server_address(), address, &denied.encode());
    world.run_for(4 * ROUND_TRIP);
    assert!(world.clients[client].client.is_connected() && world.clients[client].close_reason().is_none());
    world.run_for(Duration::from_secs(3));
    assert!(world.echoes(client, b"still here"), "{id}");
}

#[test]
fn while_newcomers_are_refused_sessions_resume_and_new_clients_wait_until_they_are_admitted() {
    let (mut world, client) = reconnecting();
    world.network.set_conditions(DEAD);
    world.run_for(TIMEOUT_DEFAULT + Duration::from_secs(1));
    assert_eq!(world.server.connections(), 0);
    world.server.refuse_newcomers(true);
    world.network.set_conditions(CLEAN);
    let newcomer = world.add_client();
    world.run_until("the session is resumed", |world| world.clients[client].resumptions() == [false, true]);
    world.run_for(Duration::from_secs(5));
    assert!(!world.clients[newcomer].client.is_connected() && world.server.connections() == 1);
    assert!(world.server.stats().denied_busy > 0, "the server denies the client with a wait");
    world.server.refuse_newcomers(false);
    world.run_until("the new client has joined", |world| world.clients[newcomer].client.is_connected());
}
