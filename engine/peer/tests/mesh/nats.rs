//! Which path is found through which NATs.

use crate::internet::{Internet, NatKind};
use crate::players::Players;
use NatKind::{FullCone, PortRestricted, Symmetric};
use ringshard_peer::CandidateKind;
use std::time::Duration;

/// Connects a player behind each of two NATs, in turn with each of the two as the end that connects.
fn connects(one: Option<NatKind>, other: Option<NatKind>) -> bool {
    let run = |first: Option<NatKind>, second: Option<NatKind>| {
        let mut net = Internet::new(7);
        let address = [(1, first), (2, second)].map(|(number, kind)| {
            let network = kind.map_or(0, |kind| net.nat(kind, 0, false));
            net.host(network, number)
        });
        let mut players = Players::new(net);
        players.add_all(address);
        players.introduce_all();
        players.run_until(Duration::from_secs(4), |it| it.all_connected())
    };
    let (there, back) = (run(one, other), run(other, one));
    assert_eq!(there, back, "who connects does not matter");
    there
}

#[test]
fn nats_that_keep_a_port_for_all_destinations_are_passed() {
    for one in [None, Some(FullCone), Some(PortRestricted)] {
        for other in [None, Some(FullCone), Some(PortRestricted)] {
            assert!(connects(one, other), "{one:?} to {other:?}");
        }
    }
}

#[test]
fn a_symmetric_nat_is_passed_unless_the_other_end_lets_in_only_who_it_knows() {
    assert!(connects(Some(Symmetric), None));
    assert!(connects(Some(Symmetric), Some(FullCone)));
    assert!(!connects(Some(Symmetric), Some(PortRestricted)));
    assert!(!connects(Some(Symmetric), Some(Symmetric)));
}

#[test]
fn two_players_in_one_network_talk_directly_and_two_behind_one_provider_by_hairpin() {
    let mut net = Internet::new(3);
    let home = net.nat(PortRestricted, 0, false);
    let addresses = [net.host(home, 1), net.host(home, 2)];
    let mut players = Players::new(net);
    players.add_all(addresses);
    players.introduce_all();
    assert!(players.run_until(Duration::from_secs(4), |it| it.all_connected()));
    assert_eq!(players.kind(0, 1), Some(CandidateKind::Host));

    // Each home has its NAT, and both are behind that of the provider, which turns their datagrams around.
    let mut net = Internet::new(4);
    let provider = net.nat(FullCone, 0, true);
    let homes = [net.nat(PortRestricted, provider, false), net.nat(PortRestricted, provider, false)];
    let addresses = homes.map(|home| net.host(home, 9));
    let mut players = Players::new(net);
    players.add_all(addresses);
    players.introduce_all();
    assert!(players.run_until(Duration::from_secs(6), |it| it.all_connected()), "double NAT with hairpin");
    players.run(Duration::from_secs(1));
    assert_eq!(players.kind(0, 1), Some(CandidateKind::Reflexive));
}
