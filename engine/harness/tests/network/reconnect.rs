//! Clients of a server that falls silent: they ask beside their connection, and stay with what is answered.

use ringshard_harness::*;
use ringshard_protocol::limits::*;
use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::Channel;
use ringshard_protocol::{ClientConfig, Endpoint};

/// The server's process was killed and started again, with the same key.
fn restart(world: &mut World) {
    world.server = Endpoint::new(server_config(), world.now(), [0x77; 32]);
}

fn persistent() -> (World, usize) {
    let mut world = World::new(1, CLEAN);
    let client = world.add_client_with(ClientConfig { reconnect: true, ..client_config() });
    world.run_until("connected", |world| world.server.stats().joined == 1);
    world.run_for(ROUND_TRIP);
    (world, client)
}

#[test]
fn clients_of_a_restarted_server_are_back_within_ten_seconds_wherever_their_heartbeat_stood() {
    for phase in 0..12u32 {
        let (mut world, client) = persistent();
        world.run_for(phase * Duration::from_millis(431));
        restart(&mut world);
        let restarted_at = world.now();
        world.run_until("it is back", |world| world.server.stats().joined == 1);
        let away = world.now().since(restarted_at);
        assert!(away < Duration::from_secs(10), "{away:?} in phase {phase}");
        world.run_for(ROUND_TRIP);
        assert_eq!(world.clients[client].resumptions(), [false, false]);
        assert!(world.echoes(client, b"back"));
    }
}

#[test]
fn a_server_that_is_away_for_longer_has_its_clients_back_soon_after() {
    let (mut world, client) = persistent();
    world.network.set_conditions(DEAD);
    world.run_for(Duration::from_secs(12));
    restart(&mut world);
    world.network.set_conditions(CLEAN);
    let restarted_at = world.now();
    world.run_until("it is back", |world| world.server.stats().joined == 1);
    assert!(world.now().since(restarted_at) <= CONNECT_RETRY_MAX + ROUND_TRIP);
    assert_eq!(world.clients[client].resumptions().len(), 2);
}

#[test]
fn a_client_that_knocks_stays_with_the_connection_that_is_heard_again() {
    let (mut world, client) = persistent();
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
fn a_session_goes_on_over_whichever_connection_is_heard_first() {
    let (mut world, client) = persistent();
    world.network.set_conditions(DEAD);
    world.send_on(client, Channel::RELIABLE_ORDERED, b"during");
    world.run_for(HEARTBEAT_DEFAULT + RECONNECT_AFTER + Duration::from_secs(3));
    world.network.set_conditions(CLEAN);
    world.run_until("it is there", |world| world.clients[client].received.len() == 1);
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.clients[client].messages_on(Channel::RELIABLE_ORDERED), [b"during"]);
    assert_eq!(world.server.connections(), 1);
    assert!(world.clients[client].resumptions()[1..].iter().all(|&resumed| resumed));
}

#[test]
fn an_answer_to_a_knock_that_comes_twice_makes_one_connection() {
    let (mut world, client) = persistent();
    restart(&mut world);
    world.network.start_trace();
    world.run_until("it is back", |world| world.clients[client].resumptions().len() == 2);
    let address = world.clients[client].address;
    // The same again, before anything was heard over the new connection, and after.
    let accepted = world.unencrypted_packets(server_address(), address).pop().expect("the answer");
    assert_eq!(accepted.len(), ringshard_protocol::wire::Accepted::BYTES);
    for _ in 0..5 {
        let now = world.now();
        assert!(world.clients[client].client.receive(now, &mut accepted.clone()).is_none());
        world.send(client, b"one");
        world.step();
        world.run_for(DELAY);
    }
    world.run_for(ROUND_TRIP);
    assert_eq!(world.clients[client].resumptions().len(), 2, "it was taken once");
    // A number that is used again would be a nonce that is.
    assert_eq!((world.server.drops().replayed, world.clients[client].received.len()), (0, 5));
}

#[test]
fn a_denial_that_anybody_can_send_ends_no_connection() {
    let (mut world, client) = persistent();
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
