//! Reliable delivery under load: loss, blackouts, rekeying, resumption, rates.

use ringshard_harness::*;
use ringshard_link::conditions::{Chance, Conditions};
use ringshard_protocol::connection::{ChannelQuality, SendError};
use ringshard_protocol::endpoint::{EndCause, Event, IntegrityConfig};
use ringshard_protocol::limits::*;
use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::{Channel, DisconnectReason};
use ringshard_protocol::{ClientConfig, EndpointConfig};
use std::sync::Arc;

const STEP: Duration = Duration::from_millis(1);
const LOSSY: Conditions = Conditions { loss: Chance::per_mille(50), ..CLEAN };

/// The channel of a message, and its bytes.
type Received = (Channel, Vec<u8>);

/// A server that keeps what it receives, on a clean network.
fn world(seed: u64, config: EndpointConfig) -> World {
    let mut world = World::with_config(seed, CLEAN, config);
    (world.answer, world.step) = (Answer::Keep, STEP);
    world
}

/// Such a world with connected clients.
fn connected(seed: u64, clients: usize) -> World {
    let mut world = world(seed, EndpointConfig { connections_max: 256, ..server_config() });
    world.add_clients(clients);
    wait_for_all(&mut world);
    world
}

/// Such a world with one client that reconnects by itself.
fn reconnecting(seed: u64) -> World {
    let mut world = world(seed, server_config());
    world.add_client_with(ClientConfig { reconnect: true, ..client_config() });
    wait_for_all(&mut world);
    world
}

fn wait_for_all(world: &mut World) {
    world.run_until("all clients are connected", |world| world.server.stats().joined == world.clients.len() as u64);
}

fn numbered(number: u32, len: usize) -> Vec<u8> {
    let mut message: Vec<u8> = (0..len).map(|at| (at as u32 ^ number.wrapping_mul(2_654_435_761)) as u8).collect();
    message[..4].copy_from_slice(&number.to_le_bytes());
    message
}

fn number_of((_, message): &Received) -> u32 {
    u32::from_le_bytes(*message.first_chunk().unwrap())
}

#[test]
fn a_hundred_clients_and_a_thousand_messages_each_way_under_loss() {
    const CLIENTS: usize = 100;
    const MESSAGES: u32 = 1000;
    let mut world = connected(1, CLIENTS);
    world.network.set_conditions(LOSSY);
    for number in 0..MESSAGES {
        for client in 0..CLIENTS {
            world.send_on(client, Channel::RELIABLE_ORDERED, &numbered(number, 40));
            world.server_sends(client, Channel::RELIABLE_ORDERED, &numbered(number, 40));
        }
        if number % 4 == 0 {
            world.step();
        }
    }
    world.run_until("all messages have arrived", |world| {
        world.clients.iter().all(|end| end.received.len() >= 1000 && end.received_by_server.len() >= 1000)
    });
    world.run_for(Duration::from_secs(1));
    for end in &world.clients {
        for messages in [&end.received, &end.received_by_server] {
            assert!(messages.iter().map(number_of).eq(0..MESSAGES));
            assert!(messages.iter().all(|message| message.1 == numbered(number_of(message), 40)));
        }
    }
    assert_eq!(world.server.message_bytes(), 0);
    assert!(world.clients.iter().all(|end| end.client.message_bytes() == 0));
}

#[test]
fn large_and_small_messages_of_all_channels_arrive() {
    let mut world = connected(2, 1);
    world.network.set_conditions(LOSSY);
    let sizes = [5, 500, 1200, 5000, 65_536, 20];
    for round in 0..20 {
        for (index, size) in sizes.into_iter().enumerate() {
            let number = round * sizes.len() as u32 + index as u32;
            world.send_on(0, Channel::RELIABLE_ORDERED, &numbered(number, size));
            world.server_sends(0, Channel::RELIABLE_UNORDERED, &numbered(number, size));
        }
    }
    world.run_until("all messages have arrived", |world| {
        let end = &world.clients[0];
        end.received.len() >= 120 && end.received_by_server.len() >= 120
    });
    let end = &world.clients[0];
    assert!(end.received_by_server.iter().map(number_of).eq(0..120));
    let mut unordered: Vec<u32> = end.received.iter().map(number_of).collect();
    unordered.sort_unstable();
    assert!(unordered.into_iter().eq(0..120));
    for received in end.received.iter().chain(&end.received_by_server) {
        assert_eq!(received.1, numbered(number_of(received), sizes[number_of(received) as usize % sizes.len()]));
    }
    world.run_for(Duration::from_secs(1));
    assert_eq!((world.server.message_bytes(), world.clients[0].client.message_bytes()), (0, 0));
}

#[test]
fn a_blackout_of_ten_seconds_loses_nothing() {
    let mut world = connected(3, 2);
    for number in 0..3000 {
        if number == 500 {
            world.network.set_conditions(DEAD);
        }
        if number == 1500 {
            world.run_for(Duration::from_secs(9));
            world.network.set_conditions(CLEAN);
        }
        world.send_on(0, Channel::RELIABLE_ORDERED, &numbered(number, 100));
        world.server_sends(1, Channel::RELIABLE_ORDERED, &numbered(number, 100));
        world.step();
    }
    world.run_for(Duration::from_secs(4));
    assert!(world.clients[0].received_by_server.iter().map(number_of).eq(0..3000));
    assert!(world.clients[1].received.iter().map(number_of).eq(0..3000));
    assert_eq!(world.server.stats().left, 0);
}

#[test]
fn sequenced_messages_never_arrive_out_of_order() {
    let mut world = connected(4, 1);
    world.network.set_conditions(Conditions { jitter: Duration::from_millis(30), ..LOSSY });
    for number in 0..2000 {
        world.send_on(0, Channel::UNRELIABLE_SEQUENCED, &numbered(number, 50));
        world.step();
    }
    world.run_for(Duration::from_secs(1));
    let received = &world.clients[0].received_by_server;
    assert!(received.windows(2).all(|pair| number_of(&pair[0]) < number_of(&pair[1])));
    assert!((300..1900).contains(&received.len()), "{}", received.len());
    assert!(world.server.drops().outdated > 100);
}

#[test]
fn an_address_change_interrupts_for_a_round_trip() {
    let mut world = connected(5, 1);
    let mut number = 0;
    let mut round = |world: &mut World, count: u32| {
        for _ in 0..count {
            world.send_on(0, Channel::RELIABLE_ORDERED, &numbered(number, 100));
            world.server_sends(0, Channel::RELIABLE_ORDERED, &numbered(number, 100));
            number += 1;
            world.step();
        }
    };
    round(&mut world, 500);
    let former = world.clients[0].client.id();
    world.clients[0].link.rebind(client_address(99));
    let now = world.now();
    world.clients[0].client.address_changed(now);
    let before = world.clients[0].received.len();
    let mut silence = 0;
    while world.clients[0].received.len() == before {
        round(&mut world, 1);
        silence += 1;
    }
    assert!(silence < 2 * 2 * DELAY.as_millis() + 25, "{silence} ms");
    round(&mut world, 500);
    world.run_for(Duration::from_secs(3));
    let end = &world.clients[0];
    assert!(
        end.received.iter().map(number_of).eq(0..number) && end.received_by_server.iter().map(number_of).eq(0..number)
    );
    assert_eq!(world.server.stats().migrated, 1);
    assert!(end.client.id().is_some() && end.client.id() != former, "the connection has a new id");
}

#[test]
fn rekeying_under_load_loses_nothing() {
    let mut world = connected(6, 1);
    world.network.set_conditions(LOSSY);
    for number in 0..60_000 {
        if number % 20_000 == 1000 {
            let now = world.now();
            let id = world.id(0);
            world.server.rekey(now, id);
            world.clients[0].client.rekey(now);
        }
        if number % 10 == 0 {
            world.send_on(0, Channel::RELIABLE_ORDERED, &numbered(number, 30));
            world.server_sends(0, Channel::RELIABLE_ORDERED, &numbered(number, 30));
        }
        world.step();
    }
    world.run_for(Duration::from_secs(2));
    let end = &world.clients[0];
    assert!(end.received.iter().map(number_of).eq((0..6000).map(|number| number * 10)));
    assert!(end.received_by_server.iter().map(number_of).eq((0..6000).map(|number| number * 10)));
    assert_eq!(world.server.info(end.client.id().unwrap()).unwrap().key_changes, 2);
    assert_eq!(world.server.drops().not_authentic, 0);
}

#[test]
fn a_client_that_timed_out_resumes_its_session() {
    let mut world = reconnecting(7);
    for number in 0..100 {
        world.send_on(0, Channel::RELIABLE_ORDERED, &numbered(number, 5000));
        world.server_sends(0, Channel::RELIABLE_ORDERED, &numbered(number, 5000));
    }
    world.run_for(Duration::from_millis(300));
    world.network.set_conditions(DEAD);
    world.run_for(Duration::from_secs(20));
    assert!(world.server_events.iter().any(|(_, event)| matches!(event, Event::Suspended { .. })));
    world.network.set_conditions(CLEAN);
    world.run_until("all messages have arrived", |world| {
        let end = &world.clients[0];
        end.received.len() >= 100 && end.received_by_server.len() >= 100
    });
    let end = &world.clients[0];
    assert!(end.received.iter().map(number_of).eq(0..100), "each message of the server arrives once, in order");
    assert!(
        end.received_by_server.iter().map(number_of).eq(0..100),
        "each message of the client arrives once, in order"
    );
    assert_eq!(end.resumptions(), [false, true]);
    assert_eq!(world.server.stats().resumed, 1);
}

#[test]
fn a_client_that_acknowledges_nothing_is_disconnected_for_overflow() {
    let mut world = connected(8, 2);
    world.network.set_conditions_between(server_address(), client_address(0), DEAD);
    let id = world.id(0);
    let now = world.now();
    let message = random_bytes(8, 60_000);
    let mut send = || world.server.send(now, id, Channel::RELIABLE_ORDERED, &message);
    let sent = (0..1000).take_while(|_| send().is_ok()).count();
    assert_eq!(sent, SEND_QUEUE_BYTES_MAX / (60_000 + MESSAGE_COST_BYTES));
    assert_eq!(send(), Err(SendError::NotConnected));
    world.run_for(Duration::from_millis(100));
    let overflow = EndCause::Server(DisconnectReason::Overflow);
    let ended =
        |event: &Event| matches!(*event, Event::Ended { id: of, cause, .. } if of == Some(id) && cause == overflow);
    assert!(world.server_events.iter().any(|(_, event)| ended(event)), "{:?}", world.server_events);
    assert_eq!(world.server.message_bytes(), 0);
}

#[test]
fn only_an_unaltered_client_passes_the_integrity_check() {
    let table: Arc<[[u8; 32]]> = (0..4).map(|byte| [byte; 32]).collect();
    let altered: Arc<[[u8; 32]]> = (0..4).map(|byte| [byte + 9; 32]).collect();
    let period = Duration::from_secs(10);
    let integrity = Some(IntegrityConfig { keys: table.clone(), period });
    let mut world = world(9, EndpointConfig { integrity, ..server_config() });
    world.network.set_conditions(LOSSY);
    for integrity_keys in [Some(table), Some(altered), None] {
        world.add_client_with(ClientConfig { integrity_keys, ..client_config() });
    }
    wait_for_all(&mut world);
    world.run_for(Duration::from_secs(45));
    let verdicts = |client: usize| -> Vec<bool> {
        let verdict = |event: &Event| match *event {
            Event::Integrity(id, passed) if id == world.id(client) => Some(passed),
            _ => None,
        };
        world.server_events.iter().filter_map(|(_, event)| verdict(event)).collect()
    };
    assert_eq!((verdicts(0), verdicts(1), verdicts(2)), (vec![true; 4], vec![false; 4], vec![]));
    let stats = world.server.stats();
    assert_eq!((stats.integrity_checks, stats.integrity_wrong, stats.integrity_unanswered), (9, 4, 3));
    assert_eq!(stats.left, 0, "the game decides what a failed check means");
}

#[test]
fn channel_rates_and_priorities_apply_and_can_change() {
    let mut world = connected(10, 1);
    let now = world.now();
    let slow = Channel::RELIABLE_ORDERED;
    let urgent = Channel::new(5).unwrap();
    let client = &mut world.clients[0].client;
    client.set_channel_quality(now, slow, ChannelQuality { priority: 0, bytes_per_second: Some(20_000) });
    client.set_channel_quality(now, urgent, ChannelQuality { priority: 1, bytes_per_second: None });
    let message = random_bytes(10, 1000);
    for _ in 0..200 {
        world.send_on(0, slow, &message);
    }
    world.run_for(Duration::from_secs(5));
    let arrived = |world: &World, channel: Channel| {
        world.clients[0].received_by_server.iter().filter(|it| it.0 == channel).count()
    };
    let after_five = arrived(&world, slow);
    assert!((100..=118).contains(&after_five), "20 kB/s for 5 s and one burst: {after_five} messages");
    world.send_on(0, urgent, b"now");
    world.run_for(Duration::from_millis(100));
    assert_eq!(arrived(&world, urgent), 1, "a channel without a rate does not wait");
    let now = world.now();
    world.clients[0].client.set_channel_quality(now, slow, ChannelQuality::default());
    world.run_for(Duration::from_secs(1));
    assert_eq!(arrived(&world, slow), 200);
    // Unreliable messages beyond the connection's rate are refused and counted.
    let now = world.now();
    world.clients[0].client.set_rate(now, Some(10_000));
    let refused = (0..100).filter(|_| {
        let sent = world.clients[0].client.send(now, Channel::UNRELIABLE, &message);
        world.step();
        sent == Err(SendError::RateLimited)
    });
    assert!((80..90).contains(&refused.count()));
}

#[test]
fn a_small_sequenced_message_does_not_overtake_a_compressed_one_in_its_datagram() {
    let mut world = connected(11, 1);
    world.send_on(0, Channel::UNRELIABLE_SEQUENCED, &[1; 600]);
    world.send_on(0, Channel::UNRELIABLE_SEQUENCED, &[2; 20]);
    world.run_for(Duration::from_millis(100));
    let received: Vec<u8> = world.clients[0].received_by_server.iter().map(|received| received.1[0]).collect();
    assert_eq!(received, [1, 2]);
}

#[test]
fn the_first_messages_of_a_resuming_client_belong_to_its_session() {
    let mut world = reconnecting(12);
    let channels = [Channel::RELIABLE_ORDERED, Channel::RELIABLE_UNORDERED];
    let mut number = 0;
    for _ in 0..3 {
        for _ in 0..50 {
            channels.iter().for_each(|&channel| world.send_on(0, channel, &numbered(number, 300)));
            number += 1;
            world.step();
        }
        // The way back dies: the server receives much that is never acknowledged, and only the client gives up.
        world.network.set_conditions_between(server_address(), client_address(0), DEAD);
        world.run_for(Duration::from_secs(17));
        world.network.set_conditions_between(server_address(), client_address(0), LOSSY);
        world.run_until("the client is connected again", |world| world.clients[0].client.is_connected());
        world.run_for(Duration::from_secs(3));
    }
    for channel in channels {
        let received = world.clients[0].received_by_server.iter().filter(|received| received.0 == channel);
        let mut numbers: Vec<u32> = received.map(number_of).collect();
        if channel == Channel::RELIABLE_UNORDERED {
            numbers.sort_unstable();
        }
        assert!(numbers.iter().copied().eq(0..number), "{channel}: {numbers:?}");
    }
    assert_eq!(world.server.stats().resumed, 3);
    assert_eq!((world.server.message_bytes(), world.clients[0].client.message_bytes()), (0, 0));
}

#[test]
fn a_connection_that_ends_while_it_gets_a_new_id_ends_under_the_new_id() {
    let mut world = connected(13, 1);
    world.clients[0].link.rebind(client_address(77));
    let now = world.now();
    world.clients[0].client.address_changed(now);
    world.run_until("the new path is validated", |world| world.server.stats().migrated == 1);
    world.network.set_conditions(DEAD);
    world.run_for(TIMEOUT_DEFAULT + Duration::from_secs(1));
    let renamed = world.server_events.iter().find_map(|&(_, event)| match event {
        Event::Renamed { id, .. } => Some(id),
        _ => None,
    });
    let last = world.server_events.last().map(|&(_, event)| event);
    assert!(matches!(last, Some(Event::Suspended { id, .. }) if Some(id) == renamed), "{last:?}");
}

#[test]
fn a_round_trip_longer_than_the_longest_probe_timeout_still_works() {
    let mut world = connected(14, 1);
    world
        .network
        .set_conditions(Conditions { loss: Chance::per_mille(20), ..Conditions::none(Duration::from_secs(2)) });
    for number in 0..50 {
        world.send_on(0, Channel::RELIABLE_ORDERED, &numbered(number, 200));
    }
    world.run_for(Duration::from_secs(60));
    assert!(world.clients[0].received_by_server.iter().map(number_of).eq(0..50));
    assert_eq!(world.clients[0].client.message_bytes(), 0, "all messages are acknowledged");
}
