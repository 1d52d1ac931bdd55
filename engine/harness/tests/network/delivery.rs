//! What each channel promises, for messages of every size, over bad networks, address changes and outages.

use ringshard_harness::*;
use ringshard_link::conditions::Conditions;
use ringshard_protocol::client::{ClientEvent, CloseReason};
use ringshard_protocol::connection::{CongestionControl, TransportConfig};
use ringshard_protocol::endpoint::SendError;
use ringshard_protocol::limits::*;
use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::{Channel, Delivery, DisconnectReason, Header, flags};
use ringshard_protocol::{ClientConfig, EndpointConfig};
use std::collections::HashSet;
use std::net::SocketAddr;

/// A message that begins with its number. Its size depends on the number: most fit a datagram, some need several.
fn numbered(number: u32) -> Vec<u8> {
    let len = [4, 20, 200, 900, 3000][number as usize % 5];
    let mut message = random_bytes(number.into(), len);
    message[..4].copy_from_slice(&number.to_le_bytes());
    message
}

fn numbers(messages: &[&[u8]]) -> Vec<u32> {
    let number = |message: &&[u8]| {
        let number = u32::from_le_bytes(*message.first_chunk().expect("a number"));
        assert_eq!(*message, numbered(number), "a message was altered");
        number
    };
    messages.iter().map(number).collect()
}

/// Neither end keeps memory for messages.
fn assert_nothing_kept(world: &World) {
    assert_eq!(world.server.message_bytes(), 0);
    assert!(world.clients.iter().all(|end| end.client.message_bytes() == 0));
}

#[test]
fn messages_of_every_size_come_back_on_every_channel() {
    let sizes = [0, 1, 511, 513, WHOLE_MESSAGE_BYTES_MAX, WHOLE_MESSAGE_BYTES_MAX + 1, 5000, 65_535, MESSAGE_BYTES_MAX];
    let mut world = World::connected(1);
    for channel in Channel::all() {
        for len in sizes {
            // One message that compresses, and one that does not.
            for message in [vec![7; len], random_bytes(len as u64, len)] {
                world.clients[0].received.clear();
                world.send_on(0, channel, &message);
                world.run_for(8 * ROUND_TRIP);
                let end = &world.clients[0];
                assert!(end.messages_on(channel) == [&message], "channel {channel}, {len} bytes");
                assert_eq!(end.received.len(), 1);
            }
        }
    }
    world.run_for(Duration::from_secs(1));
    assert_nothing_kept(&world);
    assert_eq!((total_drops(world.server.drops()), total_drops(world.clients[0].client.drops())), (0, 0));
}

#[test]
fn every_channel_refuses_a_message_that_is_too_long() {
    let mut world = World::connected(1);
    let (now, id) = (world.now(), world.id(0));
    for channel in Channel::all() {
        let message = vec![1; MESSAGE_BYTES_MAX + 1];
        assert_eq!(world.clients[0].client.send(now, channel, &message), Err(SendError::TooLong));
        assert_eq!(world.server.send(now, id, channel, &message), Err(SendError::TooLong));
    }
    assert_nothing_kept(&world);
}

#[test]
fn each_channel_keeps_its_promise_on_a_bad_network() {
    const MESSAGES: u32 = 50;
    for seed in 0..3 {
        let mut world = World::new(seed, CLEAN);
        world.add_clients(3);
        world.run_until("all are connected", |world| world.server.stats().joined == 3);
        world.network.set_conditions(BAD);
        for number in 0..MESSAGES {
            for client in 0..3 {
                Channel::all().for_each(|channel| world.send_on(client, channel, &numbered(number)));
            }
            world.step();
        }
        let reliable = |world: &World, client: usize| {
            let received = world.clients[client].received.iter();
            received.filter(|(channel, _)| channel.delivery().is_reliable()).count()
        };
        world.run_until("all reliable messages have come back", |world| {
            (0..3).all(|client| reliable(world, client) >= 8 * MESSAGES as usize)
        });
        world.network.set_conditions(CLEAN);
        world.run_for(FRAGMENT_TIMEOUT + Duration::from_secs(5));
        for (client, end) in world.clients.iter().enumerate() {
            for channel in Channel::all() {
                let case = format!("seed {seed}, client {client}, channel {channel}");
                let came = numbers(&end.messages_on(channel));
                let once = came.iter().collect::<HashSet<_>>().len() == came.len();
                match channel.delivery() {
                    Delivery::ReliableOrdered => assert!(came.iter().copied().eq(0..MESSAGES), "{case}"),
                    Delivery::ReliableUnordered => assert!(once && came.len() == MESSAGES as usize, "{case}"),
                    Delivery::UnreliableSequenced => {
                        assert!(once && came.is_sorted() && came.len() > 3, "{case}: {came:?}")
                    }
                    Delivery::Unreliable => assert!(once && came.len() > 10, "{case}: {came:?}"),
                }
            }
        }
        assert_nothing_kept(&world);
    }
}

#[test]
fn reliable_messages_follow_a_client_that_moves_while_they_are_in_flight() {
    let mut world = World::connected(1);
    for number in 0..400 {
        if number % 100 == 50 {
            let address = SocketAddr::from(([10, 2, 0, (number / 100) as u8], 1));
            world.clients[0].link.rebind(address);
        }
        world.send_on(0, Channel::RELIABLE_ORDERED, &numbered(number));
        world.step();
    }
    world.run_until("all messages have come back", |world| world.clients[0].received.len() == 400);
    assert!(numbers(&world.clients[0].messages_on(Channel::RELIABLE_ORDERED)).into_iter().eq(0..400));
    assert!(world.server.stats().migrated >= 3, "{}", world.server.stats().migrated);
    world.run_for(Duration::from_secs(1));
    assert_nothing_kept(&world);
}

/// A client that reconnects by itself, connected, with no datagram in flight.
fn reconnecting(config: EndpointConfig) -> World {
    let mut world = World::with_config(1, CLEAN, config);
    world.add_client_with(ClientConfig { reconnect: true, ..client_config() });
    world.run_until("connected", |world| world.server.stats().joined == 1);
    world.run_for(ROUND_TRIP);
    world
}

#[test]
fn a_client_that_was_away_for_too_long_gets_a_new_session() {
    let mut world = reconnecting(server_config());
    (0..300).for_each(|number| world.send_on(0, Channel::RELIABLE_ORDERED, &numbered(number)));
    world.run_for(2 * DELAY);
    world.network.set_conditions(DEAD);
    world.run_for(TIMEOUT_DEFAULT + RESUME_PERIOD + Duration::from_secs(1));
    assert_eq!(world.server.message_bytes(), 0, "the server keeps nothing for the session");
    world.network.set_conditions(CLEAN);
    world.clients[0].received.clear();
    world.run_until("the client is connected again", |world| world.clients[0].resumptions().len() == 2);
    assert_eq!(world.clients[0].resumptions(), [false, false]);
    world.send_on(0, Channel::RELIABLE_ORDERED, &numbered(0));
    world.run_for(ROUND_TRIP);
    assert_eq!(numbers(&world.clients[0].messages_on(Channel::RELIABLE_ORDERED)), [0]);
    world.run_for(Duration::from_secs(1));
    assert_nothing_kept(&world);
}

#[test]
fn a_sweep_at_the_deadline_frees_what_an_expired_session_keeps() {
    let mut world = World::connected(1);
    let id = world.id(0);
    world.network.set_conditions(DEAD);
    world.server.send(world.now(), id, Channel::RELIABLE_ORDERED, &[1; 200]).unwrap();
    world.run_until("the connection has timed out", |world| world.server.connections() == 0);
    let now = world.now();
    assert!(world.server.message_bytes() > 0, "the session can still be resumed");
    let deadline = world.server.deadline();
    assert!(deadline <= now + RESUME_PERIOD);
    world.server.sweep(deadline);
    assert_eq!(world.server.message_bytes(), 0);
}

#[test]
fn an_unreliable_message_with_missing_fragments_is_given_up_and_counted() {
    let mut world = World::connected(1);
    let swallows_large_ones = Conditions { mtu: Some(1000), ..CLEAN };
    world.network.set_conditions_between(world.clients[0].address, server_address(), swallows_large_ones);
    world.send(0, &random_bytes(1, 2000));
    world.run_for(Duration::from_secs(1));
    assert!(world.server.message_bytes() > 0 && world.server.drops().fragments_abandoned == 0);
    world.run_for(FRAGMENT_TIMEOUT);
    assert_eq!((world.server.message_bytes(), world.server.drops().fragments_abandoned), (0, 1));
}

#[test]
fn a_client_whose_window_is_full_does_not_wake_for_nothing() {
    let mut world = World::new(1, CLEAN);
    let congestion = CongestionControl::Fixed { window_bytes: 10 << 20 };
    let transport = TransportConfig { congestion, ..TransportConfig::default() };
    world.add_client_with(ClientConfig { transport, ..client_config() });
    world.run_until("connected", |world| world.server.stats().joined == 1);
    world.network.set_conditions(DEAD);
    // More fragmented messages than may be in flight.
    (0..20).for_each(|seed| world.send_on(0, Channel::RELIABLE_ORDERED, &random_bytes(seed, 60_000)));
    world.run_for(Duration::from_millis(50));
    let mut now = world.now();
    let client = &mut world.clients[0].client;
    let end = now + Duration::from_secs(2);
    for looks in 0.. {
        client.advance(now);
        while client.poll_transmit(now, &mut [0; DATAGRAM_BYTES_MAX]).is_some() {}
        if now >= end {
            break;
        }
        assert!(client.deadline() > now && looks < 1000, "the client woke up and had nothing to do");
        now = client.deadline();
    }
}

#[test]
fn fragments_from_before_and_after_a_resumption_make_no_message() {
    let mut world = reconnecting(server_config());
    world.send_on(0, Channel::RELIABLE_ORDERED, b"so that there is a session to resume");
    world.run_for(Duration::from_secs(1));
    // The client receives nothing, but the server receives all that the client sends until it gives up.
    let address = world.clients[0].address;
    world.network.set_conditions_between(server_address(), address, DEAD);
    world.run_for(TIMEOUT_DEFAULT - Duration::from_secs(3));
    world.network.set_conditions_between(address, server_address(), Conditions { mtu: Some(1000), ..CLEAN });
    world.send(0, &random_bytes(1, 2000));
    world.run_until("the client gives up", |world| !world.clients[0].client.is_connected());
    world.network.set_conditions(CLEAN);
    world.run_until("the client is connected again", |world| world.clients[0].resumptions().len() == 2);
    assert_eq!(world.clients[0].resumptions(), [false, true]);
    assert!(world.echoes(0, &random_bytes(2, 2000)));
}

#[test]
fn keys_change_under_traffic_and_no_sequence_number_is_used_twice() {
    let mut world = World::connected(1);
    world.network.set_conditions(Conditions { jitter: BAD.jitter, ..CLEAN });
    let id = world.id(0);
    for number in 0..3000 {
        let now = world.now();
        match number {
            500 => world.clients[0].client.rekey(now),
            // More than 2 x REKEY_PERIOD_MIN later.
            2700 => world.server.rekey(now, id),
            _ => {}
        }
        if number % 10 == 0 {
            world.send_on(0, Channel::RELIABLE_ORDERED, &numbered(number / 10));
        }
        world.step();
        world.step();
    }
    world.network.set_conditions(CLEAN);
    world.run_for(Duration::from_secs(2));
    assert!(numbers(&world.clients[0].messages_on(Channel::RELIABLE_ORDERED)).into_iter().eq(0..300));
    assert_eq!(world.server.info(id).unwrap().key_changes, 2);
    assert_eq!(world.clients[0].client.connection().unwrap().key_changes(), 2);
    assert_eq!((world.server.drops().not_authentic, world.clients[0].client.drops().not_authentic), (0, 0));
    let mut seen = HashSet::new();
    let mut phases = HashSet::new();
    for entry in world.network.trace() {
        let header = Header::decode(&entry.bytes).unwrap();
        if header.flags & flags::ENCRYPTED != 0 {
            assert!(seen.insert((entry.to, header.sequence)), "{header:?}");
            phases.insert((entry.to, header.flags & flags::REKEY));
        }
    }
    assert_eq!(phases.len(), 4);
}

#[test]
fn clients_reconnect_to_a_server_that_was_replaced() {
    let mut world = reconnecting(server_config());
    world.server.shut_down();
    world.run_for(Duration::from_secs(5));
    assert!(world.clients[0].events.iter().any(|(_, event)| {
        *event == ClientEvent::Reconnecting(CloseReason::Disconnected(DisconnectReason::ShuttingDown))
    }));
    // Another server with the same key at the same address.
    world.server = ringshard_protocol::Endpoint::new(server_config(), world.now(), [0x99; 32]);
    world.run_until("the client is connected again", |world| world.clients[0].resumptions().len() == 2);
    assert_eq!(world.clients[0].resumptions(), [false, false]);
    world.run_for(ROUND_TRIP);
    assert!(world.echoes(0, b"back"));
}
