use super::*;
use crate::conditions::{Chance, RateLimit};
use crate::sim::{Network, SimLink};
use core::net::SocketAddr;
use ringshard_protocol::time::Duration;

const MS: Duration = Duration::from_millis(1);
const DELAY: Duration = Duration::from_millis(20);

fn address(last: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, last], 1))
}

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn spec(text: &str) -> NetworkSpec {
    text.parse().unwrap()
}

/// A network without faults and delays, with one link under conditions and one without.
fn ends(spec: NetworkSpec, held_max: usize) -> (Network, ConditionedLink<SimLink>, SimLink) {
    let network = Network::new(1, Conditions::none(Duration::ZERO));
    let link = SimLink::new(network.clone(), address(1));
    let peer = SimLink::new(network.clone(), address(2));
    (network, ConditionedLink::new(link, spec, held_max), peer)
}

fn post(link: &mut impl Link, to: u8, bytes: &[u8]) {
    link.reserve(Path::new(0, address(to)), bytes.len()).unwrap().copy_from_slice(bytes);
}

fn received(link: &mut impl Link) -> Vec<(Instant, Vec<u8>)> {
    let mut all = Vec::new();
    link.receive(usize::MAX, |arrival| all.push((arrival.arrived_at.unwrap(), arrival.bytes.to_vec())));
    all
}

#[test]
fn both_directions_are_delayed() {
    let (network, mut link, mut peer) = ends(spec("delay=20ms"), 100);
    post(&mut link, 2, b"out");
    post(&mut peer, 1, b"in");
    link.submit();
    peer.submit();
    assert_eq!(received(&mut link), [], "it arrived, and is on its way yet");
    assert_eq!(link.held(), 2);
    network.advance(DELAY - Duration::from_nanos(1));
    link.submit();
    assert_eq!((received(&mut peer), received(&mut link)), (vec![], vec![]));
    network.advance(Duration::from_nanos(1));
    link.submit();
    assert_eq!(received(&mut peer), [(at(20), b"out".to_vec())]);
    assert_eq!(received(&mut link), [(at(20), b"in".to_vec())]);
    assert_eq!(link.held(), 0);
    assert_eq!((link.stats().datagrams_out, link.stats().datagrams_in), (1, 1));
    assert_eq!((link.conditioned_stats().outward.entered, link.conditioned_stats().inward.entered), (1, 1));
}

#[test]
fn a_receive_keeps_to_its_budget() {
    let (network, mut link, _peer) = ends(spec("delay=1ms"), 100);
    for number in 0..5 {
        network.send(address(2), address(1), &[number]);
    }
    network.send(address(2), address(1), &[]);
    assert_eq!(link.receive(100, |_| panic!("nothing is due")), 0);
    network.advance(MS);
    let mut taken = Vec::new();
    for expected in [4, 2, 0] {
        let count = link.receive(4, |arrival| taken.extend(arrival.datagrams().map(|datagram| datagram.to_vec())));
        assert_eq!(count, expected);
    }
    assert_eq!(taken, [&[0][..], &[1], &[2], &[3], &[4], &[]], "an empty datagram is one, too");
}

#[test]
fn each_direction_has_its_own_faults_and_counts() {
    let conditions = "loss=20%,duplicate=10%,corrupt=5%,seed=3";
    let (network, mut link, mut peer) = ends(spec(conditions), 100_000);
    for _ in 0..10_000 {
        post(&mut link, 2, &[0; 50]);
        link.park(Wait { until: at(0), gather: Duration::ZERO, enough: 1 });
        network.send(address(2), address(1), &[0; 50]);
    }
    let ConditionedStats { outward, inward, not_held } = link.conditioned_stats();
    assert_eq!(inward, ImpairmentStats::default(), "nothing was received yet");
    let (out, back) = (received(&mut peer), received(&mut link));
    let inward = link.conditioned_stats().inward;
    assert_ne!(outward, inward, "the sockets draw independently");
    for (stats, arrived) in [(outward, &out), (inward, &back)] {
        assert!((1_850..2_150).contains(&stats.lost), "{stats:?}");
        assert!((700..900).contains(&stats.duplicated), "{stats:?}");
        assert_eq!(arrived.len() as u64, stats.entered - stats.lost + stats.duplicated);
        let damaged = arrived.iter().filter(|(_, bytes)| bytes.iter().any(|&byte| byte != 0)).count();
        assert_eq!(damaged as u64, stats.corrupted);
        assert!((370..510).contains(&damaged), "{stats:?}");
    }
    assert_eq!(not_held, 0);
}

#[test]
fn datagrams_beyond_the_maximum_are_dropped_and_counted() {
    let (network, mut link, mut peer) = ends(spec("delay=20ms"), 10);
    for number in 0..15 {
        post(&mut link, 2, &[number]);
    }
    for number in 0..13 {
        network.send(address(2), address(1), &[number]);
    }
    link.submit();
    assert_eq!((received(&mut link).len(), link.held(), link.conditioned_stats().not_held), (0, 20, 5 + 3));
    network.advance(DELAY);
    link.submit();
    assert_eq!((received(&mut peer).len(), received(&mut link).len(), link.held()), (10, 10, 0));
    // Those places are free again.
    post(&mut link, 2, b"more");
    link.submit();
    assert_eq!((link.held(), link.conditioned_stats().not_held), (1, 8));
}

#[test]
fn a_submit_frees_reserved_memory() {
    let (_network, mut link, _peer) = ends(spec("loss=100%"), 1);
    let path = Path::new(0, address(2));
    let mut reserve_all = || {
        let mut count = 0;
        while link.reserve(path, 1).is_some() {
            count += 1;
        }
        link.submit();
        count
    };
    assert_eq!((reserve_all(), reserve_all()), (RESERVED_MAX, RESERVED_MAX));
}

#[test]
fn an_outage_counts_from_the_creation_of_the_link() {
    let network = Network::new(1, Conditions::none(Duration::ZERO));
    network.advance(Duration::from_secs(100));
    let link = SimLink::new(network.clone(), address(1));
    let mut link = ConditionedLink::new(link, spec("outage=1s+2s"), 10);
    let mut peer = SimLink::new(network.clone(), address(2));
    let mut passes = Vec::new();
    for _ in 0..4 {
        post(&mut link, 2, b"?");
        link.submit();
        passes.push(!received(&mut peer).is_empty());
        network.advance(Duration::from_secs(1));
    }
    assert_eq!(passes, [true, false, false, true]);
}

#[test]
fn each_socket_is_its_own_path() {
    // 100 bytes take a millisecond.
    let rate = Some(RateLimit { bytes_per_second: 100_000, queue_bytes: 12_000 });
    let conditions = Conditions { rate, ..Conditions::none(Duration::ZERO) };
    let (_network, mut link, _peer) = ends(NetworkSpec { conditions, seed: 1 }, 10);
    for _ in 0..2 {
        for socket in [0, 3] {
            link.outward.enter(Path::new(socket, address(2)), at(0), &[0; 100]);
        }
    }
    let mut sockets = |now| {
        std::iter::from_fn(|| {
            let place = link.outward.transit.pop_due(now)?;
            Some(link.outward.transit.get(place).envelope.socket)
        })
        .collect::<Vec<_>>()
    };
    assert_eq!((sockets(at(1)), sockets(at(2))), (vec![0, 3], vec![0, 3]));
    let faulty = Conditions { loss: Chance::per_mille(500), ..Conditions::none(Duration::ZERO) };
    let (_network, mut link, _peer) = ends(NetworkSpec { conditions: faulty, seed: 1 }, 10_000);
    for socket in 0..2 {
        (0..200).for_each(|ms| link.outward.enter(Path::new(socket, address(2)), at(ms), b"?"));
    }
    let [first, second] = &link.outward.impairments[..] else { panic!("there are two sockets") };
    assert_ne!(first.stats(), second.stats(), "the sockets draw independently");
}

/// A link that records what it was asked.
#[derive(Default)]
struct Asked {
    now: Instant,
    arrived_at: Option<Instant>,
    waits: Vec<Wait>,
    /// Datagrams that it takes between two submits.
    room: usize,
    reserved: Vec<u8>,
    sent: Vec<u8>,
}

impl Link for Asked {
    fn now(&mut self) -> Instant {
        self.now
    }

    fn receive(&mut self, _budget: usize, mut deliver: impl FnMut(Arrival<'_>)) -> usize {
        let path = Path::new(0, address(2));
        let (arrived_at, bytes) = (self.arrived_at, &mut [1, 1, 2, 2, 3]);
        deliver(Arrival { path, arrived_at, segment_bytes: 2, bytes, following: None });
        3
    }

    fn reserve(&mut self, _path: Path, _len: usize) -> Option<&mut [u8]> {
        if self.reserved.len() == self.room {
            return None;
        }
        self.reserved.push(0);
        self.reserved.last_mut().map(std::slice::from_mut)
    }

    fn submit(&mut self) {
        self.sent.append(&mut self.reserved);
    }

    fn park(&mut self, wait: Wait) {
        self.submit();
        self.waits.push(wait);
    }

    fn stats(&self) -> LinkStats {
        LinkStats { waits: self.waits.len() as u64, ..LinkStats::default() }
    }
}

#[test]
fn a_wait_ends_when_the_next_datagram_is_due_in_either_direction() {
    let mut link = ConditionedLink::new(Asked { room: 10, ..Asked::default() }, spec("delay=20ms"), 10);
    let wait = Wait { until: at(50), gather: 5 * MS, enough: 3 };
    link.park(wait);
    assert_eq!(link.link.waits.pop(), Some(wait), "nothing is on its way");

    post(&mut link, 2, &[9]);
    link.park(wait);
    assert_eq!(link.link.waits.pop(), Some(Wait { until: at(20), ..wait }));
    link.link.now = at(18);
    link.park(wait);
    assert_eq!(link.link.waits.pop(), Some(Wait { until: at(20), gather: 2 * MS, enough: 3 }));
    link.park(Wait { until: at(19), ..wait });
    assert_eq!(link.link.waits.pop(), Some(Wait { until: at(19), gather: MS, enough: 3 }));

    link.link.now = at(20);
    assert_eq!(link.receive(10, |_| panic!("nothing is due")), 0);
    link.park(wait);
    assert_eq!(link.link.sent, [9]);
    assert_eq!(link.link.waits.pop(), Some(Wait { until: at(40), ..wait }));
    assert_eq!(link.stats().waits, 0, "those of the link underneath");
}

#[test]
fn merged_arrivals_are_split() {
    let mut link = ConditionedLink::new(Asked::default(), spec("delay=20ms"), 10);
    assert_eq!(link.receive(10, |_| panic!("nothing is due")), 0);
    link.link.now = at(20);
    let mut all = Vec::new();
    link.receive(3, |arrival| all.push((arrival.arrived_at, arrival.segment_bytes, arrival.bytes.to_vec())));
    let due = Some(at(20));
    assert_eq!(all, [(due, 2, vec![1, 1]), (due, 2, vec![2, 2]), (due, 1, vec![3])]);
}

#[test]
fn the_delay_counts_from_the_arrival_and_not_from_the_receive() {
    let asked = Asked { arrived_at: Some(at(7)), now: at(10), ..Asked::default() };
    let mut link = ConditionedLink::new(asked, spec("delay=20ms"), 10);
    assert_eq!(link.receive(10, |_| panic!("nothing is due")), 0);
    link.link.now = at(27);
    assert_eq!(link.receive(3, |arrival| assert_eq!(arrival.arrived_at, Some(at(27)))), 3);
}

#[test]
fn datagrams_without_room_are_sent_later() {
    let mut link = ConditionedLink::new(Asked { room: 2, ..Asked::default() }, spec("delay=1ms"), 100);
    for number in 0..5 {
        post(&mut link, 2, &[number]);
    }
    link.submit();
    link.link.now = at(1);
    link.submit();
    assert_eq!(link.link.sent, [0, 1, 2, 3, 4], "submitting made room");
    post(&mut link, 2, &[5]);
    link.submit();
    (link.link.now, link.link.room) = (at(2), 0);
    link.submit();
    assert_eq!((link.link.sent.len(), link.held()), (5, 1));
    link.park(Wait { until: at(9), gather: Duration::ZERO, enough: 1 });
    assert_eq!(link.link.waits, [Wait { until: at(2), gather: Duration::ZERO, enough: 1 }], "it is overdue");
    link.link.room = 1;
    link.submit();
    assert_eq!((link.link.sent.last(), link.held()), (Some(&5), 0));
}
