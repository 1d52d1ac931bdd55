//! How connections stay alive and how they end.

use ringshard_harness::*;
use ringshard_protocol::EndpointConfig;
use ringshard_protocol::client::{ClientConfig, CloseReason};
use ringshard_protocol::connection::SendError;
use ringshard_protocol::endpoint::{EndCause, Event, Received};
use ringshard_protocol::limits::*;
use ringshard_protocol::link::Path;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Channel, DeniedReason, DisconnectReason};

#[test]
fn the_heartbeat_keeps_an_idle_connection_alive() {
    let mut world = World::connected(3);
    world.run_for(Duration::from_secs(120));
    assert_eq!(world.server.connections(), 3);
    assert!(world.clients.iter().all(|end| end.client.is_connected()));
}

#[test]
fn the_heartbeat_measures_the_round_trip_time() {
    let mut world = World::connected(1);
    world.run_for(HEARTBEAT_DEFAULT + STEP + ROUND_TRIP);
    let measured_by_client = world.clients[0].client.connection().unwrap().round_trip();
    assert_eq!(measured_by_client, Some(2 * DELAY));
    assert_eq!(world.server.info(world.id(0)).unwrap().round_trip, Some(2 * DELAY));
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

    world.run_until("the server gives up", |world| world.server.connections() == 0);
    let (left_at, event) = *world.server_events.last().unwrap();
    assert!(matches!(event, Event::Suspended { id: of, .. } if of == id), "{event:?}");
    let waited = left_at.since(server_heard);
    assert!((TIMEOUT_DEFAULT..=TIMEOUT_DEFAULT + STEP).contains(&waited), "{waited:?}");
    assert_eq!(world.server.stats().timed_out, 1);
}

#[test]
fn a_client_that_never_proves_its_keys_holds_a_slot_for_five_seconds() {
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
    assert!(world.server_events.is_empty(), "no client joined, so none left");
}

#[test]
fn a_client_that_never_joined_does_not_leave() {
    let mut world = World::new(1, CLEAN);
    let client = world.add_client();
    world.run_until("the server has accepted", |world| world.server.stats().handshakes == 1);
    world.clients.remove(client);
    world.server.shut_down();
    world.run_for(ROUND_TRIP);
    assert_eq!((world.server_events.len(), world.server.stats().left, world.server.connections()), (0, 0, 0));
}

#[test]
fn the_last_message_before_a_disconnect_arrives() {
    let mut world = World::connected(1);
    world.server.send(world.now(), world.id(0), Channel::UNRELIABLE, b"final score").unwrap();
    world.server.disconnect(world.id(0), DisconnectReason::Closed);
    world.run_for(ROUND_TRIP);
    assert_eq!(world.clients[0].messages(), [b"final score"]);
    assert_eq!(world.clients[0].close_reason(), Some(CloseReason::Disconnected(DisconnectReason::Closed)));
}

#[test]
fn datagrams_of_a_disconnected_client_count_as_late() {
    let mut world = World::connected(1);
    let mut late = world.sealed_by_client(0, b"one more thing");
    let (id, now, drops) = (world.id(0), world.now(), *world.server.drops());
    let late_in = world.server.stats().late_in;
    world.server.disconnect(id, DisconnectReason::Closed);
    let received = world.server.receive(now, Path::new(0, client_address(0)), &mut late);
    assert!(matches!(received, Received::Nothing), "{received:?}");
    assert_eq!(
        (world.server.stats().late_in, *world.server.drops()),
        (late_in + 1, drops),
        "the datagram is late, not a drop"
    );
}

#[test]
fn a_server_that_shuts_down_disconnects_its_clients_and_denies_new_ones() {
    let mut world = World::connected(5);
    world.server.shut_down();
    world.run_for(ROUND_TRIP);
    for client in 0..5 {
        let reason = world.clients[client].close_reason();
        assert_eq!(reason, Some(CloseReason::Disconnected(DisconnectReason::ShuttingDown)));
    }
    assert_eq!(world.server.connections(), 0);
    let late = world.add_client();
    assert_eq!(world.close_reason(late), CloseReason::Denied(DeniedReason::ShuttingDown, PROTOCOL_VERSION));
}

/// When the datagrams that a client sends from `from` on arrive: so long after `from`.
fn sent_since(world: &World, client: usize, from: Instant) -> Vec<Duration> {
    let address = world.clients[client].address;
    let of_client = world.network.trace().into_iter().filter(|entry| entry.from == address && entry.at >= from + DELAY);
    of_client.map(|entry| entry.at.since(from)).collect()
}

#[test]
fn a_client_that_is_driven_on_spreads_its_disconnects_and_another_one_sends_them_at_once() {
    let closed = Some(CloseReason::Disconnected(DisconnectReason::Closed));
    let mut world = World::connected(2);
    let from = world.now();
    world.clients[0].client.disconnect_spread();
    world.clients[1].client.disconnect();
    let refused = world.clients[0].client.send(from, Channel::UNRELIABLE, b"after");
    assert_eq!(refused, Err(SendError::NotConnected));
    world.run_for(STEP);
    assert_eq!((world.clients[0].close_reason(), world.clients[1].close_reason()), (None, closed));
    assert_eq!(sent_since(&world, 1, from).len(), DISCONNECT_COPIES);
    world.run_for(DISCONNECT_INTERVAL * DISCONNECT_COPIES as u32);
    assert_eq!(world.clients[0].close_reason(), closed);
    let sent = sent_since(&world, 0, from);
    assert_eq!(sent.len(), DISCONNECT_COPIES);
    let apart = sent.windows(2).all(|pair| pair[1] - pair[0] >= DISCONNECT_INTERVAL);
    assert!(apart && sent[0] <= STEP + DELAY, "{sent:?}");
    assert_eq!(world.server.connections(), 0);
}

#[test]
fn a_client_that_can_no_longer_wait_sends_the_rest_of_its_disconnects_at_once() {
    let mut world = World::connected(1);
    let from = world.now();
    world.clients[0].client.disconnect_spread();
    world.run_for(DISCONNECT_INTERVAL / 2);
    assert_eq!(sent_since(&world, 0, from).len(), 1);
    world.clients[0].client.disconnect_spread();
    world.run_for(STEP);
    assert_eq!(sent_since(&world, 0, from).len(), 1, "it is disconnecting already");
    world.clients[0].client.disconnect();
    world.run_for(STEP);
    assert_eq!(sent_since(&world, 0, from).len(), DISCONNECT_COPIES);
    assert!(world.clients[0].client.is_closed());
}

/// The server shuts down between two copies: a client that reconnects by itself must not come back.
#[test]
fn a_client_that_disconnects_does_not_reconnect_when_the_server_ends_the_connection() {
    let mut world = World::connected(1);
    let config = ClientConfig { reconnect: true, ..client_config() };
    let client = world.add_client_with(config);
    world.run_until("it has joined", |world| world.server.stats().joined == 2);
    world.server.shut_down();
    world.clients[client].client.disconnect_spread();
    world.run_for(ROUND_TRIP);
    assert_eq!(world.clients[client].close_reason(), Some(CloseReason::Disconnected(DisconnectReason::Closed)));
}

#[test]
fn a_reused_slot_does_not_accept_datagrams_of_its_former_connection() {
    let mut world = World::with_config(1, CLEAN, EndpointConfig { connections_max: 1, ..server_config() });
    let first = world.add_client();
    world.run_until("the first client has joined", |world| world.server.stats().joined == 1);
    world.run_for(ROUND_TRIP);
    let first_id = world.id(first);
    let never_sent = world.sealed_by_client(first, b"late");
    world.clients[first].client.disconnect();
    world.run_for(ROUND_TRIP);
    let closed = CloseReason::Disconnected(DisconnectReason::Closed);
    assert_eq!(world.clients[first].close_reason(), Some(closed));
    let client_closed = EndCause::Client(DisconnectReason::Closed);
    let last = world.server_events.last().unwrap().1;
    assert!(
        matches!(last, Event::Ended { id, cause, .. } if id == Some(first_id) && cause == client_closed),
        "{last:?}"
    );
    assert_eq!(world.server.connections(), 0);

    let second = world.add_client();
    world.run_until("the second client has joined", |world| world.server.stats().joined == 2);
    world.run_for(ROUND_TRIP);
    let second_id = world.id(second);
    assert_eq!(second_id.slot(), first_id.slot());
    assert_ne!(second_id.generation(), first_id.generation());

    let (late, drops) = (world.server.stats().late_in, *world.server.drops());
    let address = world.clients[first].address;
    let mut old = world.sealed_datagrams(address, server_address());
    old.push(never_sent);
    old.iter().for_each(|datagram| world.network.send(address, server_address(), datagram));
    world.run_for(ROUND_TRIP);
    assert_eq!((world.server.stats().late_in, *world.server.drops()), (late + old.len() as u64, drops));
    assert_eq!(world.server.stats().messages_in, 0);
    world.run_for(Duration::from_secs(5));
    let replayed = old.len() as u64;
    old.iter().for_each(|datagram| world.network.send(address, server_address(), datagram));
    world.run_for(ROUND_TRIP);
    let unknown = world.server.drops().unknown_connection;
    assert_eq!(
        unknown,
        drops.unknown_connection + replayed,
        "after five seconds a datagram of a former connection is unknown, not late"
    );
    assert!(world.echoes(second, b"mine"));
}
