//! Commands and events between entities of two hosts.

use super::fleet::{BAD, Fleet, GOOD, Network};
use super::seconds;
use ringshard::world::exchange::Purpose;
use ringshard_protocol::wire::Channel;
use ringshard_world::EntityId;

const EDGE: [f32; 3] = [100_000.0, 25_000.0, 100.0];

/// Two hosts, each with an entity that the other one sees.
fn pair(network: Network, seed: u64) -> (Fleet, EntityId, EntityId) {
    let mut fleet = Fleet::new(2, network, seed);
    let here = fleet.hosts[0].spawn(0, 0, EDGE).expect("there is room");
    let there = fleet.hosts[1].spawn(1, 0, EDGE).expect("there is room");
    fleet.pass(seconds(3.0));
    (fleet, here, there)
}

/// The numbers that have arrived at a core of a host.
fn arrived(fleet: &Fleet, host: usize, core: usize) -> Vec<u32> {
    let commands = &fleet.hosts[host].cores[core].commands;
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("a number"));
    commands.iter().map(|command| number(command.content())).collect()
}

#[test]
fn a_command_reaches_the_owner_and_its_answer_comes_back() {
    let (mut fleet, here, there) = pair(GOOD, 1);
    let called = fleet.called(0, 1, there).expect("it is seen");
    assert!(fleet.hosts[0].command(Purpose::Game, called, here, 42));
    fleet.pass(seconds(0.2));
    let command = fleet.hosts[1].cores[1].commands.pop().expect("it has arrived");
    assert_eq!((command.purpose, command.to, command.content()), (Purpose::Game, there, &[42, 0, 0, 0][..]));
    assert_eq!(Some(command.from), fleet.called(1, 0, here), "it comes from the replica");
    assert!(fleet.hosts[1].command(Purpose::ToPlayer(Channel::RELIABLE_ORDERED), command.from, there, 43));
    fleet.pass(seconds(0.2));
    let answer = fleet.hosts[0].cores[0].commands.pop().expect("it has arrived");
    assert_eq!((answer.purpose, answer.to), (Purpose::ToPlayer(Channel::RELIABLE_ORDERED), here));
    let (one, other) = (fleet.stats(0), fleet.stats(1));
    assert_eq!((one.commands_out, one.commands_taken, one.commands_in, one.commands_lost), (1, 1, 1, 0));
    assert_eq!((other.commands_out, other.commands_taken, other.commands_in, other.commands_lost), (1, 1, 1, 0));
}

#[test]
fn over_a_bad_network_each_command_arrives_once_and_in_order() {
    for seed in 0..6 {
        let (mut fleet, here, there) = pair(BAD, seed);
        let called = fleet.called(0, 1, there).expect("it is seen");
        for number in 0..400 {
            assert!(fleet.hosts[0].command(Purpose::Game, called, here, number));
            if number % 3 == 0 {
                fleet.turn();
            }
        }
        fleet.pass(seconds(8.0));
        assert_eq!(arrived(&fleet, 1, 1), (0..400).collect::<Vec<_>>());
        let stats = fleet.stats(0);
        assert_eq!((stats.commands_taken, stats.commands_lost), (400, 0));
        assert!(stats.commands_out > 400, "some were sent again");
    }
}

/// Whatever falls silent or starts again meanwhile.
#[test]
fn no_command_arrives_twice() {
    for seed in 0..6 {
        let (mut fleet, here, there) = pair(BAD, seed);
        let (mut there, mut number, mut all) = (there, 0, Vec::new());
        for round in 0..6 {
            for step in 0..200 {
                if let Some(called) = fleet.called(0, 1, there) {
                    fleet.hosts[0].command(Purpose::Game, called, here, number);
                    number += 1;
                }
                fleet.turn();
                if step == 100 && round % 3 == 0 {
                    fleet.set_cut(0, 1, true);
                }
                if step == 100 && round % 3 == 1 {
                    all.extend(arrived(&fleet, 1, 1));
                    fleet.restart(1, 10_000 * (round + 1));
                    there = fleet.hosts[1].spawn(1, 0, EDGE).expect("there is room");
                }
            }
            fleet.pass(seconds(1.5));
            fleet.set_cut(0, 1, false);
            fleet.pass(seconds(2.0));
        }
        all.extend(arrived(&fleet, 1, 1));
        let (count, stats) = (all.len(), fleet.stats(0));
        assert!(all.is_sorted(), "they are in order");
        all.dedup();
        assert_eq!(all.len(), count, "each comes once");
        assert!(count > 300 && stats.commands_lost > 0, "{count} {stats:?}");
        // Those that were given up may have arrived.
        assert!(
            stats.commands_taken + stats.commands_lost >= u64::from(number),
            "none is forgotten: {number} {stats:?}"
        );
        assert!(stats.commands_taken <= count as u64);
    }
}

#[test]
fn events_for_viewers_reach_those_of_the_neighbours() {
    let (mut fleet, here, there) = pair(GOOD, 3);
    let far = fleet.hosts[0].spawn(0, 0, [10_000.0, 0.0, 0.0]).expect("there is room");
    fleet.pass(seconds(0.2));
    let purpose = Purpose::ToViewers(Channel::UNRELIABLE);
    assert!(fleet.hosts[0].command(purpose, here, here, 1));
    assert!(fleet.hosts[0].command(purpose, far, far, 2));
    let called = fleet.called(0, 1, there).expect("it is seen");
    assert!(fleet.hosts[0].command(purpose, called, here, 3));
    fleet.pass(seconds(0.2));
    for core in 0..2 {
        assert_eq!(arrived(&fleet, 1, core), [1, 3], "nobody there sees the second");
        let about: Vec<_> = fleet.hosts[1].cores[core].commands.iter().map(|command| command.to).collect();
        assert_eq!(about, [fleet.called(1, 0, here).expect("it is seen"), there]);
    }
}

/// An entity may act on what it sees without being seen itself.
#[test]
fn a_sender_out_of_sight_has_a_name_for_answers() {
    let (mut fleet, _, there) = pair(GOOD, 4);
    let far = fleet.hosts[0].spawn(0, 0, [10_000.0, 0.0, 0.0]).expect("there is room");
    fleet.pass(seconds(0.2));
    let called = fleet.called(0, 1, there).expect("it is seen");
    assert!(fleet.hosts[0].command(Purpose::Game, called, far, 1));
    fleet.pass(seconds(0.2));
    let from = fleet.hosts[1].cores[1].commands.pop().expect("it has arrived").from;
    assert_eq!(fleet.hosts[1].border.owner(from).map(|owner| owner.1), Some(far));
    fleet.check();
    fleet.pass(seconds(5.0));
    assert!(fleet.hosts[1].command(Purpose::Game, from, there, 2));
    fleet.pass(seconds(0.2));
    assert_eq!(fleet.hosts[0].cores[0].commands.pop().expect("it has arrived").to, far);
    // The name is free again after a while.
    fleet.pass(seconds(6.0));
    assert_eq!(fleet.hosts[1].border.owner(from), None);
    assert!(fleet.hosts[1].command(Purpose::Game, from, there, 3));
    fleet.pass(seconds(0.2));
    assert_eq!(fleet.stats(1).commands_lost, 1);
}

#[test]
fn commands_to_nobody_and_introductions_are_counted() {
    let (mut fleet, here, there) = pair(GOOD, 5);
    let called = fleet.called(0, 1, there).expect("it is seen");
    let gone = EntityId { generation: called.generation + 1, ..called };
    assert!(fleet.hosts[0].command(Purpose::Game, gone, here, 1));
    assert!(fleet.hosts[0].command(Purpose::Introduction { offset: 0, len: 4 }, called, here, 2));
    fleet.pass(seconds(0.2));
    assert_eq!(fleet.stats(0).commands_lost, 2);
    fleet.set_cut(0, 1, true);
    for number in 0..20 {
        fleet.hosts[0].command(Purpose::Game, called, here, number);
        fleet.turn();
    }
    fleet.pass(seconds(3.0));
    assert_eq!(fleet.stats(0).commands_lost, 22, "they are given up with the neighbour");
}
