//! Players who find no direct path, and a relay that does its worst.

use crate::internet::{Internet, NatKind};
use crate::players::{Players, RELAY_KEY, instant};
use ringshard_peer::relay::{Relay, RelayLimits};
use ringshard_peer::{CandidateKind, MeshEvent};
use ringshard_protocol::gateway::{GatewayKey, RelayTicket};
use ringshard_protocol::wire::Channel;
use std::time::Duration;

/// Players behind symmetric NATs of their own, who all may use the relay.
fn players(count: usize) -> Players {
    let mut net = Internet::new(21);
    let addresses: Vec<_> = (0..count)
        .map(|index| {
            let network = net.nat(NatKind::Symmetric, 0, false);
            net.host(network, index as u8 + 1)
        })
        .collect();
    let mut players = Players::new(net);
    for address in addresses {
        players.add_at(&[address], true);
    }
    players.introduce_all();
    players
}

#[test]
fn players_behind_symmetric_nats_talk_over_the_relay_and_lose_nothing_reliable() {
    let mut players = players(4);
    players.net.loss_per_mille = 50;
    assert!(players.run_until(Duration::from_secs(10), |it| it.all_connected()));
    for a in 0..4 {
        for b in (0..4).filter(|&b| b != a) {
            for number in 0..50_u8 {
                players.send(a, b, Channel::RELIABLE_ORDERED, &[number; 3_000]);
            }
        }
    }
    let complete = |it: &mut Players| {
        (0..4).all(|a| (0..4).all(|b| a == b || it.received(a, b).values().map(Vec::len).sum::<usize>() == 50))
    };
    assert!(players.run_until(Duration::from_secs(60), complete));
    for a in 0..4 {
        for b in (0..4).filter(|&b| b != a) {
            assert_eq!(players.kind(a, b), Some(CandidateKind::Relayed));
            let received = &players.received(a, b)[&Channel::RELIABLE_ORDERED];
            assert!(received.iter().enumerate().all(|(number, bytes)| *bytes == [number as u8; 3_000]));
        }
    }
    assert_eq!(players.net.relay.stats().tickets_refused, 0);
}

#[test]
fn a_relay_that_flips_bits_and_repeats_datagrams_can_only_slow_the_session_down() {
    let mut players = players(2);
    players.net.relay_flips_one_in = 10;
    players.net.relay_repeats_one_in = 5;
    assert!(players.run_until(Duration::from_secs(20), |it| it.all_connected()));
    for number in 0..100_u8 {
        players.send(0, 1, Channel::RELIABLE_ORDERED, &[number; 100]);
        players.run(Duration::from_millis(20));
    }
    let complete =
        |it: &mut Players| it.received(1, 0).get(&Channel::RELIABLE_ORDERED).is_some_and(|all| all.len() == 100);
    assert!(players.run_until(Duration::from_secs(30), complete));
    let received = &players.received(1, 0)[&Channel::RELIABLE_ORDERED];
    assert!(received.iter().enumerate().all(|(number, bytes)| *bytes == [number as u8; 100]));
    assert!(!players.all[1].events.iter().any(|event| matches!(event, MeshEvent::Left(..))));
}

#[test]
fn a_direct_path_is_taken_where_there_is_one_even_if_the_relay_is_faster_to_find() {
    let mut players = players(1);
    let address = players.net.host(0, 200);
    players.add(address);
    players.introduce_all();
    assert!(players.run_until(Duration::from_secs(5), |it| it.all_connected()));
    players.run(Duration::from_secs(2));
    assert_ne!(players.kind(0, 1), Some(CandidateKind::Relayed));
    assert_ne!(players.kind(1, 0), Some(CandidateKind::Relayed));
}

#[test]
fn the_relay_sends_to_nobody_who_did_not_send_first_and_nothing_larger_than_a_register() {
    let key = GatewayKey::from_bytes(RELAY_KEY);
    let mut relay = Relay::new(vec![key.clone()], RelayLimits::default(), [1; 32]);
    let [owner, guest, victim] = ["192.0.2.1:1", "192.0.2.2:2", "192.0.2.3:3"].map(|it| it.parse().unwrap());
    let ticket = RelayTicket::issue(&key, 100, [0; 8]);
    let register = |cookie: [u8; 16]| {
        let mut bytes = [&[1, 0, 0, 0][..], b"Rlay", &[5; 8], ticket.public(), &cookie].concat();
        bytes.extend_from_slice(&ticket.mac(&bytes));
        bytes
    };
    let now = instant(Duration::from_secs(1));
    let mut out = [0; 2_000];
    let (to, len) = relay.receive(now, 50, owner, &register([0; 16]), &mut out).unwrap();
    assert!(to == owner && len <= register([0; 16]).len() && out[0] == 2);
    let cookie: [u8; 16] = out[16..32].try_into().unwrap();
    assert!(relay.receive(now, 50, victim, &register(cookie), &mut out).is_some_and(|_| out[0] == 2), "its own cookie");
    assert_eq!(relay.channels(), 0);
    assert_eq!(relay.receive(now, 100, owner, &register(cookie), &mut out), None, "the ticket has expired");
    let (to, len) = relay.receive(now, 50, owner, &register(cookie), &mut out).unwrap();
    assert!(to == owner && len <= register(cookie).len() && out[0] == 3);
    let channel: [u8; 8] = out[8..16].try_into().unwrap();
    let wire = |address: std::net::SocketAddr| {
        let std::net::IpAddr::V4(ip) = address.ip() else { panic!() };
        [&ip.to_ipv6_mapped().octets()[..], &address.port().to_le_bytes()].concat()
    };
    let to_guest = |to| [&[6, 0, 0, 0][..], b"Rlay", &channel, &wire(to), b"hello"].concat();
    let to_owner = [&[4, 0, 0, 0][..], b"Rlay", &channel, b"hello"].concat();
    assert_eq!(relay.receive(now, 50, owner, &to_guest(guest), &mut out), None, "it was not heard");
    assert_eq!(relay.receive(now, 50, guest, &to_owner, &mut out).map(|(to, _)| to), Some(owner));
    assert_eq!(relay.receive(now, 50, owner, &to_guest(guest), &mut out).map(|(to, _)| to), Some(guest));
    assert_eq!(relay.receive(now, 50, owner, &to_guest(victim), &mut out), None);
    assert_eq!(relay.receive(now, 50, guest, &to_guest(guest), &mut out), None, "it is not the owner");
    let later = instant(Duration::from_secs(62));
    assert_eq!(relay.receive(later, 50, guest, &to_owner, &mut out), None, "the channel is over");
    for len in 0..40 {
        assert_eq!(relay.receive(now, 50, guest, &to_owner[..len.min(15)], &mut out), None);
    }
}

#[test]
fn one_name_gets_a_few_channels_and_a_channel_its_rate() {
    let key = GatewayKey::from_bytes(RELAY_KEY);
    let limits = RelayLimits { bytes_per_second: 10_000, ..RelayLimits::default() };
    let mut relay = Relay::new(vec![key.clone()], limits, [1; 32]);
    let owner = "192.0.2.1:1".parse().unwrap();
    let ticket = RelayTicket::issue(&key, 100, [7; 8]);
    let mut out = [0; 2_000];
    let now = instant(Duration::from_secs(1));
    let mut open = |relay: &mut Relay, instance: u8| {
        let register = |cookie: [u8; 16]| {
            let mut bytes = [&[1, 0, 0, 0][..], b"Rlay", &[instance; 8], ticket.public(), &cookie].concat();
            bytes.extend_from_slice(&ticket.mac(&bytes));
            bytes
        };
        relay.receive(now, 50, owner, &register([0; 16]), &mut out)?;
        let cookie = out[16..32].try_into().unwrap();
        relay.receive(now, 50, owner, &register(cookie), &mut out)?;
        Some(<[u8; 8]>::try_from(&out[8..16]).unwrap())
    };
    let channels: Vec<_> = (0..6).map(|instance| open(&mut relay, instance)).collect();
    assert_eq!(channels.iter().flatten().count(), 4);
    let same = open(&mut relay, 0);
    assert!(same.is_some() && same == channels[0], "the same instance has the same channel");
    let to_owner = [&[4, 0, 0, 0][..], b"Rlay", &channels[0].unwrap(), &[0; 966]].concat();
    let mut out = [0; 2_000];
    let guest = "192.0.2.2:2".parse().unwrap();
    let carried = (0..100).filter(|_| relay.receive(now, 50, guest, &to_owner, &mut out).is_some()).count();
    assert!((20..=21).contains(&carried), "{carried} kilobytes at once");
}
