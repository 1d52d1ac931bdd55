use super::*;
use crate::conditions::{Chance, Conditions, Outage, RateLimit};
use core::net::SocketAddr;
use ringshard_protocol::link::{Arrival, Link, Path};
use ringshard_protocol::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);
const DELAY: Duration = Duration::from_millis(20);
const CLEAN: Conditions = Conditions::none(DELAY);

fn address(last: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, last], 1))
}

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn link(network: &Network, last: u8) -> SimLink {
    SimLink::new(network.clone(), address(last))
}

fn post(link: &mut SimLink, to: u8, bytes: &[u8]) {
    link.reserve(Path::new(0, address(to)), bytes.len()).unwrap().copy_from_slice(bytes);
}

/// Everything that has arrived: sender, time, bytes.
fn received(link: &mut SimLink) -> Vec<(SocketAddr, Instant, Vec<u8>)> {
    let mut all = Vec::new();
    link.receive(usize::MAX, |arrival| {
        all.push((arrival.path.peer, arrival.arrived_at.unwrap(), arrival.bytes.to_vec()));
    });
    all
}

/// Advances the clock until nothing is in flight.
fn settle(network: &Network) {
    network.advance(Duration::from_secs(3600));
}

#[test]
fn a_datagram_arrives_after_the_delay_where_it_was_sent() {
    let network = Network::new(1, CLEAN);
    let [mut a, mut b, mut c] = [1, 2, 3].map(|last| link(&network, last));
    post(&mut a, 2, b"to b");
    post(&mut a, 3, b"to c");
    assert_eq!(network.next_arrival(), None, "nothing is sent before submit");
    a.submit();
    network.advance(DELAY - Duration::from_nanos(1));
    assert_eq!(received(&mut b), []);
    network.advance(Duration::from_nanos(1));
    assert_eq!(received(&mut b), [(address(1), at(20), b"to b".to_vec())]);
    assert_eq!(received(&mut c), [(address(1), at(20), b"to c".to_vec())]);
    assert_eq!((received(&mut a), received(&mut b)), (vec![], vec![]));
    assert_eq!((a.stats().datagrams_out, b.stats().datagrams_in, network.in_flight()), (2, 1, 0));
}

#[test]
fn the_clock_jumps_from_arrival_to_arrival() {
    let network = Network::new(1, CLEAN);
    let (a, mut b) = (address(1), link(&network, 2));
    network.send(a, address(2), b"first");
    network.advance(7 * MS);
    network.send(a, address(2), b"second");
    assert_eq!(network.next_arrival(), Some(at(20)));
    network.advance_to(at(20));
    assert_eq!(network.next_arrival(), Some(at(20)), "it waits to be received");
    assert_eq!(received(&mut b).len(), 1);
    assert_eq!(network.next_arrival(), Some(at(27)));
    network.advance_to(at(3));
    assert_eq!(network.now(), at(20), "time does not go back");
    network.advance_to(at(27));
    assert_eq!(received(&mut b), [(a, at(27), b"second".to_vec())]);
    assert_eq!(network.next_arrival(), None);
}

#[test]
fn a_receive_keeps_to_its_budget_and_the_receiver_may_send() {
    let network = Network::new(1, Conditions::none(Duration::ZERO));
    let mut a = link(&network, 1);
    for number in 0..5 {
        network.send(address(2), address(1), &[number]);
    }
    let mut seen = Vec::new();
    let echo = |arrival: Arrival<'_>| {
        seen.push(arrival.bytes[0]);
        if arrival.bytes[0] < 5 {
            network.send(address(2), address(1), &[arrival.bytes[0] + 5]);
        }
    };
    assert_eq!(a.receive(7, echo), 7);
    assert_eq!(received(&mut a).into_iter().map(|(.., bytes)| bytes[0]).collect::<Vec<_>>(), [7, 8, 9]);
    assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn each_direction_has_its_own_line() {
    // 100 bytes take a millisecond.
    let rate = Some(RateLimit { bytes_per_second: 100_000, queue_bytes: 12_000 });
    let network = Network::new(1, Conditions { rate, ..CLEAN });
    let [mut a, mut b, mut c] = [1, 2, 3].map(|last| link(&network, last));
    for _ in 0..3 {
        for (from, to) in [(1, 2), (2, 1), (1, 3), (3, 1)] {
            network.send(address(from), address(to), &[0; 100]);
        }
    }
    settle(&network);
    let times = |link: &mut SimLink| received(link).into_iter().map(|(_, at, _)| at).collect::<Vec<_>>();
    assert_eq!(times(&mut b), [at(21), at(22), at(23)]);
    assert_eq!(times(&mut c), [at(21), at(22), at(23)]);
    assert_eq!(times(&mut a), [at(21), at(21), at(22), at(22), at(23), at(23)]);
}

#[test]
fn everything_sent_to_an_address_shares_its_bottleneck() {
    let network = Network::new(1, CLEAN);
    let rate = Some(RateLimit { bytes_per_second: 100_000, queue_bytes: 1_200 });
    let bottleneck = Bottleneck::To(address(9));
    network.set_bottleneck(bottleneck, Conditions { rate, ..Conditions::none(5 * MS) });
    // One of the senders is further away.
    network.set_conditions_between(address(2), address(9), Conditions::none(2 * DELAY));
    let (mut shared, mut other) = (link(&network, 9), link(&network, 8));
    for _ in 0..10 {
        network.send(address(1), address(9), &[1; 100]);
        network.send(address(2), address(9), &[2; 100]);
        network.send(address(1), address(8), &[3; 100]);
    }
    settle(&network);
    let arrived = received(&mut shared);
    let times = |of: u8| arrived.iter().filter(move |&&(from, ..)| from == address(of)).map(|&(_, at, _)| at);
    // They take turns on the line; a datagram that finds 1,200 bytes in the queue is dropped.
    assert!(times(1).eq((0..6).map(|turn| at(5 + 20 + 2 * turn + 1))), "{arrived:?}");
    assert!(times(2).eq((0..6).map(|turn| at(5 + 40 + 2 * turn + 2))), "{arrived:?}");
    let stats = network.bottleneck_stats(bottleneck);
    assert_eq!((stats.entered, stats.queue_full), (20, 8));
    assert_eq!(network.stats_between(address(1), address(9)).entered, 6, "the bottleneck dropped the others");
    let arrived = received(&mut other);
    assert!(arrived.len() == 10 && arrived.iter().all(|&(_, time, _)| time == at(20)));
}

#[test]
fn everything_an_address_sends_shares_its_bottleneck() {
    let network = Network::new(1, CLEAN);
    let rate = Some(RateLimit { bytes_per_second: 100_000, queue_bytes: 12_000 });
    network.set_bottleneck(Bottleneck::From(address(1)), Conditions { rate, ..Conditions::none(Duration::ZERO) });
    let mut ends = [2, 3, 4].map(|last| link(&network, last));
    for to in [2, 3, 4] {
        network.send(address(1), address(to), &[0; 100]);
        network.send(address(9), address(to), &[0; 100]);
    }
    settle(&network);
    for (turn, end) in (1..).zip(&mut ends) {
        let arrived: Vec<_> = received(end).into_iter().map(|(from, at, _)| (from, at)).collect();
        assert_eq!(arrived, [(address(9), at(20)), (address(1), at(20 + turn))]);
    }
}

#[test]
fn conditions_change_for_one_direction_and_for_all() {
    let network = Network::new(1, CLEAN);
    let [mut a, mut b] = [1, 2].map(|last| link(&network, last));
    let mut exchange = || {
        network.send(address(1), address(2), b"there");
        network.send(address(2), address(1), b"back");
        settle(&network);
        (received(&mut b).len(), received(&mut a).len())
    };
    let dead = Conditions { loss: Chance::ALWAYS, ..CLEAN };
    assert_eq!(exchange(), (1, 1));
    network.set_conditions_between(address(1), address(2), dead);
    assert_eq!(exchange(), (0, 1));
    network.set_conditions(dead);
    assert_eq!(exchange(), (0, 0));
    network.set_conditions_between(address(2), address(1), CLEAN);
    assert_eq!(exchange(), (0, 1));
    network.set_conditions(CLEAN);
    assert_eq!(exchange(), (1, 1));
    assert_eq!(network.stats_between(address(1), address(2)).lost, 3);
    assert_eq!(network.stats_between(address(2), address(1)).lost, 1);
}

#[test]
fn datagrams_to_an_address_without_a_link_are_lost_and_counted() {
    let network = Network::new(1, CLEAN);
    let mut moves = link(&network, 1);
    let send = |to| network.send(address(9), address(to), &[to]);
    [1, 1, 2].into_iter().for_each(send);
    network.advance(DELAY);
    assert_eq!(network.unreachable(), 1, "address 2 has no socket yet");
    moves.rebind(address(2));
    assert_eq!((moves.local(), received(&mut moves).len()), (address(2), 0));
    assert_eq!(network.unreachable(), 3, "two had arrived and were left behind");
    [1, 2].into_iter().for_each(send);
    network.advance(DELAY);
    assert_eq!(received(&mut moves), [(address(9), at(40), vec![2])]);
    assert_eq!(network.unreachable(), 4);
    // A link that is back in time receives what was sent while it was away.
    moves.rebind(address(3));
    send(2);
    moves.rebind(address(2));
    network.advance(DELAY);
    assert_eq!(received(&mut moves).len(), 1);
    send(2);
    network.advance(DELAY);
    drop(moves);
    assert_eq!((network.unreachable(), network.in_flight(), network.next_arrival()), (5, 0, None));
}

#[test]
fn the_trace_of_a_run_follows_from_the_seed() {
    let conditions = Conditions {
        loss: Chance::per_mille(100),
        jitter: 30 * MS,
        duplication: Chance::per_mille(100),
        corruption: Chance::per_mille(100),
        outage: Some(Outage { from: at(100), to: at(150) }),
        ..CLEAN
    };
    let run = |seed| {
        let network = Network::new(seed, conditions);
        network.set_bottleneck(Bottleneck::To(address(2)), Conditions { loss: Chance::per_mille(50), ..CLEAN });
        network.start_trace();
        for number in 0..1_000u32 {
            network.send(address(1), address(2), &number.to_le_bytes());
            network.send(address(2), address(1), &number.to_le_bytes());
            network.advance(MS);
        }
        network.trace()
    };
    let first = run(1);
    assert!(first.len() > 1_500);
    assert!(first == run(1), "the same seed gave another run");
    assert!(first != run(2), "another seed gave the same run");
}

#[test]
fn directions_and_bottlenecks_draw_independently() {
    let faulty = Conditions { loss: Chance::per_mille(500), ..CLEAN };
    let network = Network::new(1, faulty);
    network.set_bottleneck(Bottleneck::From(address(3)), faulty);
    network.set_bottleneck(Bottleneck::From(address(4)), faulty);
    let mut outcomes = [(1, 2), (2, 1), (3, 9), (4, 9)].map(|(from, to)| {
        network.set_conditions_between(address(3), address(9), CLEAN);
        network.set_conditions_between(address(4), address(9), CLEAN);
        network.start_trace();
        (0..64u8).for_each(|number| network.send(address(from), address(to), &[number]));
        network.trace().iter().map(|entry| entry.bytes[0]).collect::<Vec<_>>()
    });
    outcomes.sort();
    assert!(outcomes.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn a_damaged_datagram_is_traced_and_arrives_with_one_bit_inverted() {
    let network = Network::new(1, Conditions { corruption: Chance::ALWAYS, ..CLEAN });
    network.start_trace();
    let mut end = link(&network, 1);
    network.send(address(2), address(1), &[0; 100]);
    network.advance(DELAY);
    let (_, _, bytes) = received(&mut end).pop().unwrap();
    assert_eq!(bytes.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
    assert_eq!(network.trace()[0].bytes, bytes);
}

#[test]
fn copies_by_bottleneck_and_direction_all_arrive() {
    let twice = Conditions { duplication: Chance::ALWAYS, ..Conditions::none(MS) };
    let network = Network::new(1, twice);
    network.set_bottleneck(Bottleneck::From(address(1)), twice);
    network.set_bottleneck(Bottleneck::To(address(2)), twice);
    let mut end = link(&network, 2);
    network.send(address(1), address(2), b"eight of me");
    network.advance(3 * MS);
    assert_eq!(received(&mut end).len(), 8);
}

#[test]
fn places_are_reused() {
    let network = Network::new(1, CLEAN);
    let [mut a, mut b] = [1, 2].map(|last| link(&network, last));
    for _ in 0..1_000 {
        post(&mut a, 2, &[0; 100]);
        a.submit();
        network.advance(MS);
        received(&mut b);
    }
    // As many as are in flight at once.
    assert_eq!(network.in_flight(), 19);
    assert!(network.places() <= 21);
}
