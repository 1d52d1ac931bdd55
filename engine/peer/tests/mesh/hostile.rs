//! Forged introductions, strangers, and members that lie.

use crate::internet::Internet;
use crate::players::{Players, entity, instant};
use ringshard_peer::limits::ENTRIES_PER_PLAYER_MAX;
use ringshard_peer::{Mesh, MeshConfig, MeshEvent};
use ringshard_protocol::wire::Channel;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

fn three() -> Players {
    let mut net = Internet::new(5);
    let addresses = [1, 2, 3].map(|number| net.host(0, number));
    let mut players = Players::new(net);
    players.add_all(addresses);
    players
}

#[test]
fn introductions_of_strangers_of_other_matches_and_of_nonsense_are_counted_and_change_nothing() {
    let mut players = three();
    let now = instant(players.net.now);
    players.all[0].mesh.join(now, entity(1)).unwrap();
    players.all[1].mesh.join(now, entity(0)).unwrap();
    players.all[2].mesh.join(now, entity(0)).unwrap();
    let other = players.net.host(0, 9);
    players.add_with(other, MeshConfig::new(*b"another match...", vec![other]), [9; 32]);
    players.all[3].mesh.join(now, entity(0)).unwrap();
    players.all[3].entity = entity(1);
    for bytes in [&[][..], &[1; 2_000], &[1; 123]] {
        players.introduce(entity(1), entity(0), bytes);
    }
    assert!(players.run_until(Duration::from_secs(3), |it| it.is_connected(0, 1) && it.is_connected(1, 0)));
    players.run(Duration::from_secs(5));
    let stats = players.all[0].mesh.stats();
    assert_eq!(stats.introductions_malformed, 3);
    assert!(stats.introductions_of_strangers >= 2, "player 2 was not named: {stats:?}");
    assert!(stats.introductions_of_other_meshes >= 2, "player 3 names another match: {stats:?}");
    assert_eq!(players.all[0].mesh.peers().count(), 1);
    assert!(!players.is_connected(2, 0));
}

#[test]
fn a_member_cannot_take_the_place_of_another_with_an_introduction_that_it_got() {
    let mut players = three();
    players.introduce_all();
    assert!(players.run_until(Duration::from_secs(5), Players::all_connected_mut));
    // Player 2 sends player 0 what player 1 once sent to player 2, and what player 1 sent to player 0.
    let replayed: Vec<_> = players.overheard.iter().filter(|(from, ..)| *from == entity(1)).cloned().collect();
    let connected = |it: &Players, peer| {
        it.all[0]
            .events
            .iter()
            .filter(|event| matches!(event, MeshEvent::Connected { peer: id, .. } if *id == peer))
            .count()
    };
    let (honest, before) = (players.id(0, 1), connected(&players, players.id(0, 1)));
    for (_, _, bytes) in &replayed {
        players.introduce(entity(2), entity(0), bytes);
        players.run(Duration::from_secs(1));
    }
    players.send(0, 1, Channel::RELIABLE_ORDERED, b"for player 1 alone");
    players.send(1, 0, Channel::RELIABLE_ORDERED, b"from player 1");
    players.run(Duration::from_secs(1));
    assert_eq!(players.received(1, 0)[&Channel::RELIABLE_ORDERED], [b"for player 1 alone"]);
    assert_eq!(players.received(0, 1)[&Channel::RELIABLE_ORDERED], [b"from player 1"]);
    assert_eq!(connected(&players, honest), before, "the session with player 1 was not touched");
}

#[test]
fn who_did_not_get_the_introduction_of_a_player_cannot_connect_to_it() {
    let mut players = three();
    players.introduce_all();
    assert!(players.run_until(Duration::from_secs(5), Players::all_connected_mut));
    // The outsider knows player 0's key and address, as a member does, but not what player 0 told player 1 alone: it claims
    // to be player 1 with another program. Without the server's introduction nothing comes of it.
    let outsider = players.net.host(0, 66);
    let index = players.add_with(outsider, MeshConfig::new(*b"a match of tests", vec![outsider]), [66; 32]);
    let now = instant(players.net.now);
    players.all[index].mesh.join(now, entity(0)).unwrap();
    let stolen =
        players.overheard.iter().find(|(from, to, _)| *from == entity(0) && *to == entity(1)).cloned().unwrap();
    players.all[index].mesh.introduced(now, entity(0), &stolen.2);
    players.all[index].entity = entity(40);
    players.run(Duration::from_secs(5));
    assert!(!players.all[index].events.iter().any(|event| matches!(event, MeshEvent::Connected { .. })));
    assert!(players.all[0].mesh.stats().checks_refused > 0, "its checks do not authenticate");
}

#[test]
fn a_member_that_sends_checks_from_the_address_of_another_does_not_get_its_datagrams() {
    let mut players = three();
    players.introduce_all();
    players.net.sent_datagrams = Some(Vec::new());
    assert!(players.run_until(Duration::from_secs(5), Players::all_connected_mut));
    let [zero, one, two] = [0, 1, 2].map(|player| players.all[player].address);
    let sent = players.net.sent_datagrams.take().expect("they were recorded");
    // A check of the liar, authentic in its own name: byte 0 and 1 say that it is a request.
    let mut checks: Vec<_> =
        sent.into_iter().filter(|(from, to, it)| (*from, *to) == (two, zero) && it[..2] == [0, 1]).collect();
    assert!(!checks.is_empty());
    for round in 0..40_u8 {
        let now = instant(players.net.now);
        for (_, _, bytes) in &mut checks {
            players.all[0].mesh.receive(now, one, bytes);
        }
        players.send(1, 0, Channel::UNRELIABLE, &[round]);
        players.run(Duration::from_millis(50));
    }
    let received = &players.received(0, 1)[&Channel::UNRELIABLE];
    assert_eq!(received.len(), 40, "each arrives at once");
}

#[test]
fn a_member_that_answers_checks_from_the_address_of_another_does_not_get_its_datagrams() {
    let mut players = three();
    players.introduce_all();
    assert!(players.run_until(Duration::from_secs(5), Players::all_connected_mut));
    let [zero, one, two] = [0, 1, 2].map(|player| players.all[player].address);
    players.net.cut_pairs.insert((two, zero));
    for round in 0..40_u8 {
        players.net.sent_datagrams = Some(Vec::new());
        players.send(1, 0, Channel::UNRELIABLE, &[round]);
        players.run(Duration::from_millis(50));
        let sent = players.net.sent_datagrams.take().expect("they were recorded");
        // Bytes 0 and 1 say that it is an answer. It is authentic, and on time.
        for (.., mut answer) in
            sent.into_iter().filter(|(from, to, it)| (*from, *to) == (two, zero) && it[..2] == [1, 1])
        {
            players.all[0].mesh.receive(instant(players.net.now), one, &mut answer);
        }
    }
    assert_eq!(players.received(0, 1)[&Channel::UNRELIABLE].len(), 40, "each arrives at once");
}

#[test]
fn a_member_that_sends_checks_from_everywhere_makes_a_player_send_to_few_addresses_and_keep_little() {
    let mut players = three();
    players.introduce_all();
    players.net.sent_datagrams = Some(Vec::new());
    assert!(players.run_until(Duration::from_secs(5), Players::all_connected_mut));
    let [zero, two] = [0, 2].map(|player| players.all[player].address);
    let sent = players.net.sent_datagrams.take().expect("they were recorded");
    let is_check =
        |(from, to, it): &&(SocketAddr, SocketAddr, Vec<u8>)| (*from, *to) == (two, zero) && it[..2] == [0, 1];
    let check = sent.iter().rfind(is_check).expect("a check").2.clone();
    players.net.sent_datagrams = Some(Vec::new());
    for port in 1..2_000 {
        let from = SocketAddr::from(([203, 0, 113, 200], port));
        players.all[0].mesh.receive(instant(players.net.now), from, &mut check.clone());
    }
    players.run(Duration::from_secs(10));
    let sent = players.net.sent_datagrams.take().expect("they were recorded");
    let to_victims = sent.iter().filter(|(from, to, _)| *from == zero && to.ip() == IpAddr::from([203, 0, 113, 200]));
    assert!((1..=32 * 12).contains(&to_victims.count()));
    assert!(players.all[0].mesh.entries() <= 2 * ENTRIES_PER_PLAYER_MAX);
    assert!(players.all_connected());
}

#[test]
fn garbage_and_forged_sources_disturb_no_session() {
    let mut players = three();
    players.introduce_all();
    assert!(players.run_until(Duration::from_secs(5), Players::all_connected_mut));
    let sources = [players.all[1].address, players.all[2].address, "192.0.2.99:9".parse().unwrap()];
    for round in 0..400_usize {
        let mut bytes: Vec<u8> = (0..round % 300).map(|at| (at * 31 + round * 17) as u8).collect();
        if round % 3 == 0 && bytes.len() >= 20 {
            let len = (bytes.len() - 20) as u8 & 0xFC;
            bytes[..8].copy_from_slice(&[0, 1, 0, len, 0x21, 0x12, 0xA4, 0x42]);
        }
        let now = instant(players.net.now);
        players.all[0].mesh.receive(now, sources[round % 3], &mut bytes);
    }
    players.send(1, 0, Channel::RELIABLE_ORDERED, b"unharmed");
    players.run(Duration::from_millis(300));
    assert_eq!(players.received(0, 1)[&Channel::RELIABLE_ORDERED], [b"unharmed"]);
    let lost = |event: &MeshEvent| matches!(event, MeshEvent::Left(..) | MeshEvent::Suspended(_));
    assert!(!players.all[0].events.iter().any(lost));
}

#[test]
fn a_member_that_changes_its_credentials_all_the_time_costs_one_restart_in_half_a_second() {
    let mut players = three();
    players.introduce_all();
    assert!(players.run_until(Duration::from_secs(5), Players::all_connected_mut));
    let before = players.all[0].mesh.stats().restarts;
    for _ in 0..40 {
        let now = instant(players.net.now);
        let address = players.all[2].address;
        players.all[2].mesh.set_host(now, vec![address]);
        players.run(Duration::from_millis(100));
    }
    let restarts = players.all[0].mesh.stats().restarts - before;
    assert!((2..=9).contains(&restarts), "{restarts} in 4 s");
    assert!(players.is_connected(0, 1));
    let _: &Mesh = &players.all[0].mesh;
}
