//! Players of a mesh talk.

use crate::internet::{Internet, NatKind};
use crate::players::Players;
use ringshard_peer::MeshEvent;
use ringshard_protocol::wire::{Channel, DisconnectReason};
use std::time::Duration;

/// So many players, half of them behind NATs of their own.
fn players(count: usize) -> Players {
    let mut net = Internet::new(count as u64);
    let addresses: Vec<_> = (0..count)
        .map(|index| {
            let network = if index % 2 == 0 { 0 } else { net.nat(NatKind::PortRestricted, 0, false) };
            net.host(network, index as u8 + 1)
        })
        .collect();
    let mut players = Players::new(net);
    players.add_all(addresses);
    players.introduce_all();
    players
}

#[test]
fn two_players_connect_and_every_channel_carries_both_ways() {
    let mut players = players(2);
    assert!(players.run_until(Duration::from_secs(3), |it| it.all_connected()), "{:?}", players.all[0].mesh.stats());
    for channel in Channel::all() {
        players.send(0, 1, channel, b"ping");
        players.send(1, 0, channel, b"pong");
    }
    players.run(Duration::from_millis(200));
    for (a, b, said) in [(0, 1, b"pong"), (1, 0, b"ping")] {
        let received = players.received(a, b);
        assert_eq!(received.len(), 16);
        assert!(received.values().all(|messages| messages == &[said]));
    }
}

#[test]
fn three_players_send_half_a_mebibyte_to_each_other_while_one_datagram_in_ten_is_lost_and_one_in_fifty_corrupt() {
    let mut players = players(3);
    players.net.loss_per_mille = 100;
    players.net.corruption_per_mille = 20;
    players.drop_introduction_every = 3;
    assert!(players.run_until(Duration::from_secs(20), |it| it.all_connected()));
    let block: Vec<u8> = (0..65_536_u32).map(|index| (index * 7 + index / 251) as u8).collect();
    let pairs = [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)];
    for (a, b) in pairs {
        for number in 0..8_u8 {
            let message = [&[number], &block[1..]].concat();
            players.send(a, b, Channel::RELIABLE_ORDERED, &message);
        }
    }
    let complete = |it: &mut Players| {
        pairs.iter().all(|&(a, b)| it.received(b, a).get(&Channel::RELIABLE_ORDERED).is_some_and(|all| all.len() == 8))
    };
    assert!(players.run_until(Duration::from_secs(120), complete), "all of it arrives");
    for (a, b) in pairs {
        for (number, message) in players.received(b, a)[&Channel::RELIABLE_ORDERED].iter().enumerate() {
            assert_eq!(message[0], number as u8);
            assert_eq!(message[1..], block[1..]);
        }
    }
}

#[test]
fn sixteen_players_are_all_connected_and_nobody_joins_as_the_seventeenth() {
    let mut players = players(16);
    assert!(players.run_until(Duration::from_secs(20), |it| it.all_connected()));
    let now = crate::players::instant(players.net.now);
    assert!(players.all[0].mesh.join(now, crate::players::entity(16)).is_err());
    for a in 0..16 {
        for b in (0..16).filter(|&b| b != a) {
            players.send(a, b, Channel::RELIABLE_UNORDERED, &[a as u8]);
        }
    }
    players.run(Duration::from_millis(300));
    for a in 0..16 {
        for b in (0..16).filter(|&b| b != a) {
            assert_eq!(players.received(a, b)[&Channel::RELIABLE_UNORDERED], [&[b as u8][..]]);
        }
    }
}

#[test]
fn when_the_first_player_leaves_the_others_learn_it_and_go_on() {
    let mut players = players(3);
    assert!(players.run_until(Duration::from_secs(5), |it| it.all_connected()));
    let ids = [players.id(1, 0), players.id(2, 0)];
    players.all[0].mesh.leave();
    players.run(Duration::from_millis(200));
    for (player, id) in [1, 2].into_iter().zip(ids) {
        let left = MeshEvent::Left(id, DisconnectReason::Closed);
        assert_eq!(players.all[player].events.iter().filter(|event| **event == left).count(), 1);
    }
    assert_eq!(players.all[0].mesh.peers().count(), 0);
    players.send(1, 2, Channel::RELIABLE_ORDERED, b"still here");
    players.run(Duration::from_millis(200));
    assert_eq!(players.received(2, 1)[&Channel::RELIABLE_ORDERED], [b"still here"]);
}

#[test]
fn a_player_whose_program_crashed_comes_back_with_new_keys() {
    let mut players = players(2);
    assert!(players.run_until(Duration::from_secs(5), |it| it.all_connected()));
    for crashed in [0, 1] {
        let address = players.all[crashed].address;
        let config = ringshard_peer::MeshConfig::new(*b"a match of tests", vec![address]);
        let now = crate::players::instant(players.net.now);
        players.all[crashed].mesh = ringshard_peer::Mesh::new(config, now, [200 + crashed as u8; 32]);
        players.all[crashed].events.clear();
        players.introduce_all();
        assert!(!players.all_connected());
        assert!(players.run_until(Duration::from_secs(5), |it| it.all_connected()), "player {crashed} comes back");
        assert!(players.all[1 - crashed].events.iter().any(|event| matches!(event, MeshEvent::BeganAnew(_))));
        players.send(crashed, 1 - crashed, Channel::RELIABLE_ORDERED, &[crashed as u8]);
        players.run(Duration::from_millis(200));
        assert_eq!(
            players.received(1 - crashed, crashed)[&Channel::RELIABLE_ORDERED].last(),
            Some(&&[crashed as u8][..])
        );
    }
}
