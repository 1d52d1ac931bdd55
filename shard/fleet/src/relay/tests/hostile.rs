//! Forged and repeated datagrams.

use super::net::{Net, relay_key};
use crate::model::{Name, Quality};
use crate::relay::wire::{self, Answer, Carry, Direction, Hops, LinkReport, Message, Probe};
use crate::relay::{ExitId, Outbox, Own, Relay, RelayKey, Target};
use crate::topology::PlaceId;
use std::time::Duration;

fn node(text: &str) -> PlaceId {
    PlaceId::of_node(&text.parse::<Name>().unwrap())
}

/// A network that has recorded a second of play.
fn recorded() -> (Net, Vec<(usize, Vec<u8>)>) {
    let mut net = Net::new(3, 3, 9);
    net.run(Duration::from_secs(1), false);
    net.tape = Some(Vec::new());
    net.run(Duration::from_secs(1), true);
    let tape = net.tape.take().unwrap();
    (net, tape)
}

#[test]
fn what_is_repeated_reaches_no_host_and_no_client_again() {
    let (mut net, tape) = recorded();
    net.run(Duration::from_millis(200), false);
    let sums = |net: &Net| {
        let counters = net.nodes.iter().map(|node| node.relay.counters());
        counters.fold([0; 3], |[hosts, clients, answers], one| {
            [hosts + one.to_hosts, clients + one.delivered, answers + one.probes_answered]
        })
    };
    let before = sums(&net);
    for (to, bytes) in &tape {
        net.inject(*to, bytes);
    }
    assert_eq!(sums(&net), before, "nothing counted a second time");
    let replayed: u64 = net.nodes.iter().map(|node| node.relay.counters().replayed).sum();
    let unclaimed: u64 = net.nodes.iter().map(|node| node.relay.counters().answers_unclaimed).sum();
    assert!(replayed > 100 && unclaimed > 10, "{replayed} {unclaimed}");
}

/// After a minute of silence, neither end knows the clients any more.
#[test]
fn what_is_repeated_after_a_client_was_forgotten_opens_no_socket_and_reaches_no_host() {
    let (mut net, tape) = recorded();
    net.run(Duration::from_secs(70), false);
    assert!(net.nodes.iter().all(|node| node.relay.shown().clients + node.relay.shown().exits == 0));
    let sums = |net: &Net| {
        let counters = net.nodes.iter().map(|node| node.relay.counters());
        counters.fold([0; 2], |[ends, replayed], one| [ends + one.to_hosts + one.delivered, replayed + one.replayed])
    };
    let [ends, replayed] = sums(&net);
    for (to, bytes) in &tape {
        net.inject(*to, bytes);
    }
    assert_eq!(sums(&net)[0], ends, "nothing counted a second time");
    assert!(sums(&net)[1] > replayed + 60, "the last node has refused them");
    assert!(net.nodes.iter().all(|node| node.relay.shown().exits == 0));
    net.run(Duration::from_secs(2), true);
    assert!(net.clients.iter().all(|client| client.echoes > 60 && client.repeated == 0), "the clients come back");
}

/// A datagram without content would be sent to hosts and clients without one.
#[test]
fn what_carries_nothing_or_more_than_nodes_carry_is_malformed_in_both_directions() {
    let (mut net, _) = recorded();
    let mut counted = |to: usize, direction: Direction, len: usize| {
        let (hops, flow) = (Hops::new(&[node("n9"), node(&format!("n{to}"))]).unwrap(), 77);
        let host = PlaceId::of_host(&"h".parse::<Name>().unwrap());
        let datagram = vec![9; len];
        let carry = Carry { direction, run: 1_000, number: 1, flow, host, hops, datagram: &datagram };
        let mut bytes = Vec::new();
        carry.write(&relay_key(), &[], &mut bytes);
        let before = net.nodes[to].relay.counters().clone();
        net.inject(to, &bytes);
        let after = net.nodes[to].relay.counters();
        [after.malformed_node - before.malformed_node, after.unknown_node - before.unknown_node]
    };
    for (to, direction) in [(1, Direction::ToHost), (0, Direction::ToClient)] {
        for len in [0, 1_410, 60_000] {
            assert_eq!(counted(to, direction, len), [1, 0], "{len} bytes");
        }
        for len in [1, 1_409] {
            assert_eq!(counted(to, direction, len), [0, 1], "{len} bytes are right, but the node is unknown");
        }
    }
}

#[test]
fn an_empty_datagram_of_a_host_goes_to_nobody_and_is_counted() {
    let (mut net, _) = recorded();
    let mut outbox = Outbox::default();
    net.nodes[1].relay.from_host(Duration::from_secs(2), ExitId(1), &[], &mut outbox);
    assert!(outbox.acts.is_empty());
    assert_eq!(net.nodes[1].relay.counters().malformed, 1);
}

#[test]
fn what_is_changed_by_a_bit_or_signed_by_another_is_refused_and_counted() {
    let (mut net, tape) = recorded();
    let before = net.nodes[1].relay.counters().clone();
    let mine: Vec<_> = tape.iter().filter(|(to, _)| *to == 1).map(|(_, bytes)| bytes).take(40).collect();
    for (at, bytes) in mine.iter().enumerate() {
        let mut changed = (*bytes).clone();
        let bit = at * 37 % (changed.len() * 8);
        changed[bit / 8] ^= 1 << (bit % 8);
        net.inject(1, &changed);
        net.inject(1, &bytes[..bytes.len() - 1]);
    }
    let mut alien = Vec::new();
    Probe { run: 1, number: 1, from: node("n0"), to: node("n1") }.write(&RelayKey::from_bytes([1; 32]), &mut alien);
    net.inject(1, &alien);
    let after = net.nodes[1].relay.counters();
    assert_eq!(after.forged, before.forged + 81);
    assert_eq!((after.to_hosts, after.probes_answered), (before.to_hosts, before.probes_answered));
}

#[test]
fn runs_that_have_ended_and_nodes_that_nobody_knows_are_refused() {
    let (mut net, _) = recorded();
    let mut send = |run: u64, hops: [&str; 2]| {
        let hops = Hops::new(&hops.map(node)).unwrap();
        let host = PlaceId::of_host(&"h".parse::<Name>().unwrap());
        let datagram = [0, 1, 0, 0, 0, 3, 9, 9, 9, 9, 9, 9, 9, 9, 0, 0];
        let carry = Carry { direction: Direction::ToHost, run, number: 1, flow: 77, host, hops, datagram: &datagram };
        let mut bytes = Vec::new();
        carry.write(&relay_key(), &[], &mut bytes);
        let before = net.nodes[1].relay.counters().clone();
        net.inject(1, &bytes);
        let after = net.nodes[1].relay.counters();
        [after.stale_run - before.stale_run, after.unknown_node - before.unknown_node, after.to_hosts - before.to_hosts]
    };
    assert_eq!(send(999, ["n0", "n1"]), [1, 0, 0], "an earlier run of the edge");
    assert_eq!(send(1_000, ["n9", "n1"]), [0, 1, 0], "no node of the fleet");
    assert_eq!(send(1_000, ["n0", "n2"]), [0, 1, 0], "it is for another node");
    assert_eq!(send(1_000, ["n0", "n1"]), [0, 0, 1], "this one is right");
}

#[test]
fn the_second_step_of_mtu_discovery_passes_and_nothing_longer_nor_anything_that_no_client_sends() {
    let (mut net, _) = recorded();
    let mut counted = |len: usize, flags: u8| {
        let before = net.nodes[0].relay.counters().clone();
        let mut datagram = vec![0, 1, 0, 0, 0, flags];
        datagram.resize(len.max(6), 9);
        datagram.truncate(len);
        net.inject_client(&datagram);
        let after = net.nodes[0].relay.counters();
        [
            after.client_datagrams - before.client_datagrams,
            after.too_long - before.too_long,
            after.malformed - before.malformed,
        ]
    };
    for len in [14, 1_328, 1_408, 1_409] {
        assert_eq!(counted(len, 3), [1, 0, 0], "{len} bytes");
    }
    for len in [1_410, 1_472] {
        assert_eq!(counted(len, 3), [0, 1, 0], "{len} bytes");
    }
    for (len, flags) in [(0, 3), (13, 3), (1_473, 3), (100, 2), (100, 0x80), (100, 0), (143, 0)] {
        assert_eq!(counted(len, flags), [0, 0, 1], "{len} bytes, flags {flags}");
    }
}

/// After a restart of an edge, others still tell of its links as they were.
#[test]
fn of_its_own_links_a_node_believes_nobody() {
    let host: Name = "h".parse().unwrap();
    let own = Own { id: node("n0"), run: 1, doors: vec![host.clone()], exits: false, clients_max: 9 };
    let mut edge = Relay::new(own, relay_key(), None, 5);
    let target = Target { name: "n1".parse().unwrap(), address: ([10, 0, 0, 1], 3600).into() };
    edge.set_places(Duration::ZERO, vec![target], Vec::new());
    let (now, mut outbox) = (Duration::from_millis(100), Outbox::default());
    edge.advance(now, &mut outbox);
    let Ok(Message::Probe(probe)) = wire::read(&relay_key(), &outbox.bytes) else { panic!("it probes the relay") };
    let quality = Quality { up: true, round_trip_ms: 1, loss_percent: 0 };
    let links = [(node("n0"), node("n7")), (node("n7"), PlaceId::of_host(&host))];
    let links = links.map(|(from, to)| LinkReport { from, to, quality }).to_vec();
    let (number, asked_run) = (probe.number, probe.run);
    let answer = Answer { run: 2, number, from: node("n1"), to: node("n0"), asked_run, links };
    let mut bytes = Vec::new();
    answer.write(&relay_key(), &mut bytes);
    edge.from_node(now, &bytes, &mut outbox);
    edge.advance(now, &mut outbox);
    assert_eq!(edge.counters().answers_unclaimed, 0);
    assert!(edge.shown().routes.is_empty(), "it has not reached that node itself");
}
