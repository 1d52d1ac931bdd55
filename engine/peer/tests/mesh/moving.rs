//! Paths that are lost, and found again.

use crate::internet::{Internet, NatKind};
use crate::players::{Players, instant};
use ringshard_peer::MeshEvent;
use ringshard_protocol::wire::Channel;
use std::time::Duration;

fn two() -> (Players, [usize; 2]) {
    let mut net = Internet::new(11);
    let networks = [net.nat(NatKind::PortRestricted, 0, false), net.nat(NatKind::PortRestricted, 0, false)];
    let addresses = networks.map(|network| net.host(network, 1));
    let mut players = Players::new(net);
    players.add_all(addresses);
    players.introduce_all();
    assert!(players.run_until(Duration::from_secs(5), |it| it.all_connected()));
    (players, networks)
}

/// Sends numbered messages both ways, 20 a second, while `disturb` happens; then all of them must have arrived in order.
pub fn nothing_reliable_is_lost(players: &mut Players, seconds: u64, mut disturb: impl FnMut(&mut Players, u64)) {
    let first = [players.received(0, 1).len(), players.received(1, 0).len()];
    assert_eq!(first, [0, 0]);
    let mut sent = 0_u32;
    for tenth in 0..seconds * 20 {
        disturb(players, tenth);
        for (a, b) in [(0, 1), (1, 0)] {
            let id = players.id(a, b);
            // While the session is suspended, the one end cannot send at all.
            let now = instant(players.net.now);
            if players.is_connected(0, 1) && players.is_connected(1, 0) {
                players.all[a].mesh.send(now, id, Channel::RELIABLE_ORDERED, &sent.to_le_bytes()).unwrap();
            }
        }
        sent += u32::from(players.is_connected(0, 1) && players.is_connected(1, 0));
        players.run(Duration::from_millis(50));
    }
    let all: Vec<u32> = (0..sent).collect();
    let complete = |it: &mut Players| {
        [(0, 1), (1, 0)].iter().all(|&(a, b)| {
            it.received(a, b).get(&Channel::RELIABLE_ORDERED).is_some_and(|got| got.len() == sent as usize)
        })
    };
    assert!(players.run_until(Duration::from_secs(40), complete), "all {sent} arrive: {:?}", players.all[0].events);
    for (a, b) in [(0, 1), (1, 0)] {
        let received = players.received(a, b);
        let got: Vec<u32> = received[&Channel::RELIABLE_ORDERED]
            .iter()
            .map(|bytes| u32::from_le_bytes((*bytes).try_into().unwrap()))
            .collect();
        assert_eq!(got, all);
    }
}

#[test]
fn a_nat_that_forgets_its_flows_is_passed_again_and_nothing_reliable_is_lost() {
    for forgetful in [0, 1] {
        let (mut players, networks) = two();
        players.net.loss_per_mille = 50;
        nothing_reliable_is_lost(&mut players, 30, |it, twentieth| {
            if twentieth == 100 || twentieth == 300 {
                it.net.forget_flows(networks[forgetful]);
            }
        });
    }
}

#[test]
fn a_player_that_changes_its_network_keeps_its_sessions() {
    for mover in [0, 1] {
        let (mut players, networks) = two();
        let session = |it: &Players| it.all[0].events.iter().filter(|it| matches!(it, MeshEvent::Suspended(_))).count();
        nothing_reliable_is_lost(&mut players, 20, |it, twentieth| {
            if twentieth == 100 {
                let address = it.net.host(networks[mover], 77);
                it.net.cut.insert(it.all[mover].address);
                it.all[mover].address = address;
                it.all[mover].mesh.set_host(instant(it.net.now), vec![address]);
            }
        });
        assert_eq!(session(&players), 0, "the session goes on without a break");
    }
}

#[test]
fn an_outage_longer_than_the_timeout_suspends_the_session_and_ends() {
    let (mut players, _) = two();
    let cut = players.all[0].address;
    nothing_reliable_is_lost(&mut players, 60, |it, twentieth| {
        if twentieth == 100 {
            it.net.cut.insert(cut);
        }
        if twentieth == 600 {
            it.net.cut.remove(&cut);
        }
    });
    let resumed = |event: &MeshEvent| matches!(event, MeshEvent::Connected { resumed: true, .. });
    assert!(players.all.iter().all(|player| player.events.iter().any(resumed)));
    assert!(players.all.iter().all(|player| player.events.iter().any(|it| matches!(it, MeshEvent::PathLost(_)))));
}

#[test]
fn sessions_outlive_the_server() {
    let (mut players, _) = two();
    players.server_is_away = true;
    players.run(Duration::from_secs(60));
    players.send(0, 1, Channel::RELIABLE_ORDERED, b"without a server");
    players.run(Duration::from_millis(200));
    assert_eq!(players.received(1, 0)[&Channel::RELIABLE_ORDERED], [b"without a server"]);
}
