//! Datagrams: the messages that share one, their size and their sequence numbers.

use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard_harness::*;
use ringshard_link::conditions::Conditions;
use ringshard_protocol::crypto::Csprng;
use ringshard_protocol::limits::*;
use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::{Channel, Header, flags};
use std::collections::HashSet;

#[test]
fn messages_of_one_flush_share_a_datagram() {
    let mut world = World::connected(1);
    let (id, address) = (world.id(0), world.clients[0].address);
    let messages: [&[u8]; 5] = [b"one", b"", b"three", &[4; 500], b"five"];
    let sent_before = world.sealed_datagrams(address, server_address()).len();
    let echoed_before = world.sealed_datagrams(server_address(), address).len();
    messages.iter().for_each(|message| world.send(0, message));
    world.run_for(ROUND_TRIP);
    assert_eq!(world.clients[0].messages(), messages);
    assert_eq!(world.sealed_datagrams(address, server_address()).len(), sent_before + 1);
    assert_eq!(world.sealed_datagrams(server_address(), address).len(), echoed_before + 1);

    // Messages that do not fit go into further datagrams: none is lost, and the order stays.
    let whole = random_bytes(6, WHOLE_MESSAGE_BYTES_MAX);
    let expected: [&[u8]; 4] = [&whole, b"small", &whole, b"small"];
    for message in expected {
        world.server.send(world.now(), id, Channel::UNRELIABLE, message).unwrap();
    }
    world.clients[0].received.clear();
    world.run_for(ROUND_TRIP);
    assert_eq!(world.clients[0].messages(), expected);
    assert_eq!(world.sealed_datagrams(server_address(), address).len(), echoed_before + 1 + 4);
}

#[test]
fn padded_messages_of_all_sizes_leave_in_datagrams_of_one_size() {
    let mut world = World::connected(1);
    let (id, address, now) = (world.id(0), world.clients[0].address, world.now());
    let before = world.sealed_datagrams(server_address(), address).len();
    let messages = [random_bytes(1, 3), random_bytes(2, 150), random_bytes(3, 400), random_bytes(4, 600)];
    for message in &messages {
        world.server.send_padded(now, id, Channel::UNRELIABLE, message, 300).unwrap();
        world.run_for(ROUND_TRIP);
    }
    let sizes: Vec<_> =
        world.sealed_datagrams(server_address(), address)[before..].iter().map(|datagram| datagram.len()).collect();
    assert_eq!(sizes, [320, 320, 448, 640], "the two that are larger stay as they are");
    assert_eq!(world.clients[0].messages(), messages);

    // More than the path carries is not asked of it, and messages behind a padded one use its padding.
    world.server.send_padded(now, id, Channel::UNRELIABLE, &messages[0], 9000).unwrap();
    world.server.send(now, id, Channel::UNRELIABLE, &messages[2]).unwrap();
    world.run_for(ROUND_TRIP);
    let datagrams = world.sealed_datagrams(server_address(), address);
    assert_eq!(datagrams[before + 4..].iter().map(|datagram| datagram.len()).collect::<Vec<_>>(), [1200]);
}

#[test]
fn a_bad_network_loses_messages_but_never_repeats_or_alters_them() {
    let mut world = World::connected(10);
    world.network.set_conditions(BAD);
    const ROUNDS: usize = 200;
    for round in 0..ROUNDS {
        for index in 0..10 {
            world.send(index, format!("{index} says {round}").as_bytes());
        }
        world.step();
    }
    world.run_for(Duration::from_secs(1));
    for (index, end) in world.clients.iter().enumerate() {
        let sent: HashSet<_> = (0..ROUNDS).map(|round| format!("{index} says {round}").into_bytes()).collect();
        let echoed: HashSet<_> = end.messages().into_iter().map(<[u8]>::to_vec).collect();
        assert_eq!(echoed.len(), end.received.len(), "a message arrived twice");
        assert!(echoed.is_subset(&sent), "a message arrived that was not sent");
        assert!(echoed.len() > ROUNDS / 4, "only {} of {ROUNDS} echoes arrived", echoed.len());
    }
    assert!(world.server.drops().replayed > 0 && world.server.drops().not_authentic > 0);
}

/// The messages fit a datagram of the largest size, but none of the base size.
#[test]
fn rare_long_messages_make_the_client_probe_for_larger_datagrams() {
    for channel in [Channel::UNRELIABLE, Channel::RELIABLE_ORDERED, Channel::UNRELIABLE_SEQUENCED] {
        let mut world = World::connected(1);
        let mut random = Csprng::seed_from_u64(3);
        let mut noise = [0; 1_300];
        for _ in 0..5 {
            random.fill_bytes(&mut noise);
            let now = world.now();
            world.clients[0].client.send(now, channel, &noise).unwrap();
            world.run_for(Duration::from_secs(1));
        }
        assert_eq!(world.clients[0].client.connection().unwrap().datagram_bytes(), DATAGRAM_BYTES_MAX, "{channel}");
        let sent = world.clients[0].client.connection().unwrap().stats.datagrams_out;
        let now = world.now();
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
        let now = world.now();
        let _ = world.clients[0].client.send(now, Channel::RELIABLE_ORDERED, &noise);
    };
    let size = |world: &World| world.clients[0].client.connection().unwrap().datagram_bytes();
    let mut random = Csprng::seed_from_u64(5);
    let mut long = vec![0; 60_000];
    random.fill_bytes(&mut long);
    let now = world.now();
    world.clients[0].client.send(now, Channel::RELIABLE_ORDERED, &long).unwrap();
    world.run_for(Duration::from_secs(3));
    assert_eq!(size(&world), DATAGRAM_BYTES_MAX);
    say(&mut world);
    world.network.set_conditions(DEAD);
    world.run_for(Duration::from_secs(2));
    assert!(size(&world) < DATAGRAM_BYTES_MAX, "the client must assume that larger datagrams vanish");
    world.network.set_conditions(CLEAN);
    world.run_for(Duration::from_secs(4));
    assert_eq!(size(&world), DATAGRAM_BYTES_MAX, "the client has found that larger datagrams arrive");
}

fn a_busy_minute(seed: u64, conditions: Conditions) -> World {
    let mut world = World::new(seed, conditions);
    world.add_clients(8);
    for round in 0..12_000u32 {
        if round % 10 == 0 {
            let now = world.now();
            for end in &mut world.clients {
                // Some clients are not connected.
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
    // Not assert_eq, which would print both traces.
    assert!(first == trace(1), "the same seed gave another run");
    assert!(first != trace(2), "another seed gave the same run");
}

#[test]
fn no_sequence_is_used_twice_in_a_direction() {
    // Without loss and duplication, the trace has every sealed datagram once.
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
    // No number is left out in either direction: the other end would count it as lost.
    assert!(highest > 1_000);
    for id in (0..8).map(|client| world.id(client)) {
        for to_server in [false, true] {
            let numbers: HashSet<_> =
                seen.iter().filter(|&&(of, to, _)| (of, to) == (id, to_server)).map(|&(_, _, number)| number).collect();
            assert_eq!(numbers.iter().max(), Some(&(numbers.len() as u64)));
        }
    }
}
