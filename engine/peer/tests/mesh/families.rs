//! IPv4 and IPv6: players who have one of them, and players who have both.

use crate::internet::{Internet, NatKind};
use crate::moving::nothing_reliable_is_lost;
use crate::players::Players;
use ringshard_peer::{CandidateKind, MeshEvent};
use ringshard_protocol::wire::Channel;
use std::net::SocketAddr;
use std::time::Duration;

/// Two players at these addresses, who know each other. They may use the relay, or not.
fn two(net: Internet, addresses: [&[SocketAddr]; 2], relays: [bool; 2]) -> Players {
    let mut players = Players::new(net);
    for (addresses, relay) in addresses.into_iter().zip(relays) {
        players.add_at(addresses, relay);
    }
    players.introduce_all();
    players
}

/// Connects both, lets each say something, and checks that both found such a path.
fn talk(players: &mut Players, kind: CandidateKind) {
    assert!(players.run_until(Duration::from_secs(5), Players::all_connected_mut), "{:?}", players.all[0].mesh.stats());
    players.run(Duration::from_secs(1));
    for (one, other) in [(0, 1), (1, 0)] {
        players.send(one, other, Channel::RELIABLE_ORDERED, &[one as u8; 3_000]);
    }
    players.run(Duration::from_secs(1));
    for (one, other) in [(0, 1), (1, 0)] {
        assert_eq!(players.received(one, other)[&Channel::RELIABLE_ORDERED], [vec![other as u8; 3_000]]);
        assert_eq!(players.kind(one, other), Some(kind));
    }
}

/// The address at which player 0 reaches player 1.
fn reached_at(players: &Players) -> SocketAddr {
    players.all[0].mesh.path(players.id(0, 1)).expect("a path").address
}

#[test]
fn players_behind_ipv6_firewalls_talk_directly() {
    for firewalls in [[false, false], [true, false], [true, true]] {
        let mut net = Internet::new(31);
        let addresses = [(1, firewalls[0]), (2, firewalls[1])].map(|(number, firewall)| net.host6(number, firewall));
        let mut players = two(net, [&addresses[..1], &addresses[1..]], [false; 2]);
        talk(&mut players, CandidateKind::Host);
        assert_eq!(reached_at(&players), addresses[1]);
    }
}

#[test]
fn a_player_with_both_families_reaches_one_that_has_ipv6_alone() {
    for is_first in [true, false] {
        let mut net = Internet::new(32);
        let home = net.nat(NatKind::Symmetric, 0, false);
        let (both, six) = ([net.host6(1, true), net.host(home, 1)], [net.host6(2, true)]);
        let mut players = two(net, if is_first { [&both, &six] } else { [&six, &both] }, [false; 2]);
        talk(&mut players, CandidateKind::Host);
        assert!(reached_at(&players).is_ipv6());
    }
}

#[test]
fn players_behind_symmetric_nats_who_both_have_ipv6_need_no_relay() {
    let mut net = Internet::new(34);
    let homes = [net.nat(NatKind::Symmetric, 0, false), net.nat(NatKind::Symmetric, 0, false)];
    let addresses = [1, 2].map(|number| [net.host6(number, true), net.host(homes[number as usize - 1], number)]);
    let mut players = two(net, [&addresses[0], &addresses[1]], [true; 2]);
    talk(&mut players, CandidateKind::Host);
    assert_eq!(reached_at(&players), addresses[1][0]);
}

#[test]
fn over_the_relay_a_player_with_ipv4_alone_talks_to_one_with_ipv6_alone_whoever_has_the_ticket() {
    for relays in [[true, true], [true, false], [false, true]] {
        let mut net = Internet::new(35);
        let home = net.nat(NatKind::Symmetric, 0, false);
        let (four, six) = (net.host(home, 1), net.host6(2, true));
        let mut players = two(net, [&[four], &[six]], relays);
        talk(&mut players, CandidateKind::Relayed);
        assert_eq!(players.net.relay.stats().tickets_refused, 0);
    }
    let mut net = Internet::new(36);
    let (four, six) = (net.host(0, 1), net.host6(2, false));
    let mut players = two(net, [&[four], &[six]], [false; 2]);
    assert!(!players.run_until(Duration::from_secs(5), Players::all_connected_mut), "there is no other way");
}

#[test]
fn guests_of_both_families_use_one_channel() {
    let mut net = Internet::new(37);
    let home = net.nat(NatKind::Symmetric, 0, false);
    let addresses = [net.host(home, 1), net.host(home, 2), net.host6(3, true)];
    net.cut_between(addresses[0], addresses[1]);
    let mut players = Players::new(net);
    for (index, address) in addresses.into_iter().enumerate() {
        players.add_at(&[address], index == 0);
    }
    let now = crate::players::instant(players.net.now);
    for guest in [1, 2] {
        players.all[0].mesh.join(now, crate::players::entity(guest)).unwrap();
        players.all[guest].mesh.join(now, crate::players::entity(0)).unwrap();
    }
    let connected = |it: &mut Players| it.is_connected(0, 1) && it.is_connected(0, 2);
    assert!(players.run_until(Duration::from_secs(5), connected));
    for guest in [1, 2] {
        assert_eq!(players.kind(0, guest), Some(CandidateKind::Relayed));
        players.send(0, guest, Channel::RELIABLE_ORDERED, &[guest as u8]);
    }
    players.run(Duration::from_secs(1));
    for guest in [1, 2] {
        assert_eq!(players.received(guest, 0)[&Channel::RELIABLE_ORDERED], [[guest as u8]]);
    }
    assert_eq!(players.net.relay.channels(), 1);
}

#[test]
fn an_owner_whose_relay_is_silent_over_ipv6_registers_over_ipv4() {
    let mut net = Internet::new(38);
    let homes = [net.nat(NatKind::Symmetric, 0, false), net.nat(NatKind::Symmetric, 0, false)];
    let both = [net.host6(1, false), net.host(homes[0], 1)];
    let four = net.host(homes[1], 2);
    net.cut.insert(net.relay_address6);
    let mut players = two(net, [&both, &[four]], [true, false]);
    talk(&mut players, CandidateKind::Relayed);
}

#[test]
fn a_session_moves_between_the_families_and_loses_nothing_reliable() {
    let mut net = Internet::new(39);
    let addresses = [1, 2].map(|number| [net.host6(number, false), net.host(0, number)]);
    let mut players = two(net, [&addresses[0], &addresses[1]], [false; 2]);
    assert!(players.run_until(Duration::from_secs(5), Players::all_connected_mut));
    assert!(reached_at(&players).is_ipv6(), "it comes first");
    players.net.loss_per_mille = 50;
    let [six, four] = addresses[0];
    nothing_reliable_is_lost(&mut players, 30, |it, twentieth| match twentieth {
        100 => drop(it.net.cut.insert(six)),
        300 => {
            assert!(reached_at(it).is_ipv4());
            it.net.cut.remove(&six);
            it.net.cut.insert(four);
        }
        _ => {}
    });
    assert!(reached_at(&players).is_ipv6());
    let suspended = |event: &MeshEvent| matches!(event, MeshEvent::Suspended(_));
    assert!(!players.all.iter().any(|player| player.events.iter().any(suspended)));
}
