use super::*;
use crate::mmsg::MmsgLink;
use std::net::{SocketAddr, UdpSocket};

fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// Receives until `count` datagrams were seen or until the timeout, which only a failing test reaches.
fn collect(link: &mut impl Link, count: usize) -> Vec<Vec<u8>> {
    let mut seen = Vec::new();
    let give_up = link.now() + Duration::from_secs(30);
    loop {
        link.receive(64, |arrival| seen.extend(arrival.datagrams().map(|datagram| datagram.to_vec())));
        if seen.len() >= count || link.now() >= give_up {
            break;
        }
        let until = link.now() + Duration::from_millis(20);
        link.park(Wait { until, gather: Duration::ZERO, enough: 1 });
    }
    seen
}

/// Runs the same test over both links that use sockets.
fn over_both(test: fn(Open<'_>)) {
    test(&mut |sockets| Box::new(MmsgLink::new(sockets).unwrap()));
    if Ring::open().is_ok() {
        test(&mut |sockets| Box::new(UringLink::new(Ring::open().unwrap(), sockets).unwrap()));
    }
}

type Open<'a> = &'a mut dyn FnMut(Vec<Socket>) -> Box<dyn Carrier>;

/// A link as a trait object.
trait Carrier {
    fn send(&mut self, path: Path, bytes: &[u8]) -> bool;
    fn submit(&mut self);
    fn collect(&mut self, count: usize) -> Vec<Vec<u8>>;
    fn paths(&mut self, count: usize) -> Vec<Path>;
    fn turn(&mut self, budget: usize, deliver: &mut dyn FnMut(Arrival<'_>));
    fn stats(&self) -> LinkStats;
}

impl<L: Link> Carrier for L {
    fn send(&mut self, path: Path, bytes: &[u8]) -> bool {
        self.reserve(path, bytes.len()).map(|room| room.copy_from_slice(bytes)).is_some()
    }
    fn submit(&mut self) {
        Link::submit(self);
    }
    fn collect(&mut self, count: usize) -> Vec<Vec<u8>> {
        collect(self, count)
    }
    /// The paths of `count` arrivals.
    fn paths(&mut self, count: usize) -> Vec<Path> {
        let mut paths = Vec::new();
        let give_up = self.now() + Duration::from_secs(30);
        while paths.len() < count && self.now() < give_up {
            self.turn(64, &mut |arrival| paths.push(arrival.path));
        }
        paths
    }
    /// Receives, and waits a little.
    fn turn(&mut self, budget: usize, deliver: &mut dyn FnMut(Arrival<'_>)) {
        self.receive(budget, deliver);
        let until = self.now() + Duration::from_millis(1);
        self.park(Wait { until, gather: Duration::ZERO, enough: 1 });
    }
    fn stats(&self) -> LinkStats {
        Link::stats(self)
    }
}

#[test]
fn datagrams_arrive_whole_and_runs_are_split_again() {
    over_both(|open| {
        let socket = Socket::listen(loopback(), false).unwrap();
        let here = socket.local_addr().unwrap();
        let mut receiver = open(vec![socket]);
        let mut sender = open(vec![Socket::listen(loopback(), false).unwrap()]);
        let path = Path::new(0, here);
        let sent: Vec<Vec<u8>> =
            (0..200u8).map(|number| vec![number; if number % 50 == 49 { 1200 } else { 112 }]).collect();
        for datagram in &sent {
            assert!(sender.send(path, datagram));
        }
        sender.submit();
        assert_eq!(receiver.collect(200), sent);
        sender.collect(0);
    });
}

#[test]
fn a_receive_survives_running_out_of_buffers() {
    if Ring::open().is_err() {
        return;
    }
    let socket = Socket::listen(loopback(), false).unwrap();
    let here = socket.local_addr().unwrap();
    let mut receiver = UringLink::new(Ring::open().unwrap(), vec![socket]).unwrap();
    let sender = UdpSocket::bind(loopback()).unwrap();
    let count = 3 * buffers::COUNT;
    for number in 0..count {
        sender.send_to(&[number as u8; 16], here).unwrap();
    }
    for _ in 0..count {
        // The kernel receives a few at a time. Nothing is reaped, so the buffers run out.
        receiver.enter(1, Some((Duration::from_micros(10), Duration::ZERO)));
    }
    let seen = collect(&mut receiver, count);
    assert_eq!(seen.len(), count, "nothing is lost: what finds no buffer waits in the socket");
    assert!(Link::stats(&receiver).rearmed > 0, "the receive ended for want of buffers and was armed again");
}

#[test]
fn a_refused_send_loses_only_its_own_datagrams() {
    over_both(|open| {
        let socket = Socket::listen(loopback(), false).unwrap();
        let good = Path::new(0, socket.local_addr().unwrap());
        let mut receiver = open(vec![socket]);
        let mut sender = open(vec![Socket::listen(loopback(), false).unwrap()]);
        // Port 0 cannot be sent to: EINVAL.
        let bad = Path::new(0, loopback());
        for path in [good, bad, good] {
            assert!(sender.send(path, &[1; 64]));
        }
        sender.submit();
        assert_eq!(receiver.collect(2).len(), 2);
        sender.collect(0);
        assert_eq!(sender.stats().send_failed, 1);
        assert_eq!(sender.stats().datagrams_out, 2);
    });
}

#[test]
fn drops_with_receives_and_sends_in_flight() {
    if Ring::open().is_err() {
        return;
    }
    for _ in 0..20 {
        let socket = Socket::listen(loopback(), false).unwrap();
        let path = Path::new(0, socket.local_addr().unwrap());
        let mut link =
            UringLink::new(Ring::open().unwrap(), vec![socket, Socket::listen(loopback(), false).unwrap()]).unwrap();
        for _ in 0..500 {
            assert!(Link::reserve(&mut link, path, 1200).is_some());
        }
        Link::submit(&mut link);
        assert!(Link::reserve(&mut link, path, 100).is_some());
        drop(link);
    }
}

#[test]
fn steering_follows_the_connection_id_and_not_the_address() {
    let first = Socket::listen(loopback(), true).unwrap();
    let here = first.local_addr().unwrap();
    let mut sockets = vec![first];
    sockets.extend((1..4).map(|_| Socket::listen(here, true).unwrap()));
    sockets[0].steer_by_connection_id().unwrap();
    let mut links: Vec<_> = sockets.into_iter().map(|socket| MmsgLink::new(vec![socket]).unwrap()).collect();
    for core in 0..4u8 {
        for _ in 0..8 {
            let sender = UdpSocket::bind(loopback()).unwrap();
            sender.send_to(&[core, 1, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0], here).unwrap();
        }
    }
    for (core, link) in links.iter_mut().enumerate() {
        let seen = collect(link, 8);
        assert_eq!(seen.len(), 8);
        assert!(seen.iter().all(|datagram| usize::from(datagram[0]) == core));
    }
}

#[test]
fn an_unreachable_peer_stops_no_runs_to_other_peers() {
    over_both(|open| {
        let socket = Socket::listen(loopback(), false).unwrap();
        let good = Path::new(0, socket.local_addr().unwrap());
        let mut receiver = open(vec![socket]);
        let mut sender = open(vec![Socket::listen(loopback(), false).unwrap()]);
        let bad = Path::new(0, loopback());
        for path in [bad, bad, good, good, good] {
            assert!(sender.send(path, &[1; 64]));
            sender.submit();
        }
        for path in [bad, bad, good, good, good] {
            assert!(sender.send(path, &[2; 64]));
        }
        sender.submit();
        assert_eq!(receiver.collect(6).len(), 6);
        sender.collect(0);
        let stats = sender.stats();
        assert_eq!((stats.send_failed, stats.segmentation_stopped), (4, 0));
        assert_eq!((stats.datagrams_out, stats.sends), (6, 4), "the last three left as one run");
    });
}

#[test]
fn empty_datagrams_do_not_end_a_receive() {
    if Ring::open().is_err() {
        return;
    }
    let socket = Socket::listen(loopback(), false).unwrap();
    let here = socket.local_addr().unwrap();
    let mut receiver = UringLink::new(Ring::open().unwrap(), vec![socket]).unwrap();
    let sender = UdpSocket::bind(loopback()).unwrap();
    for _ in 0..10 {
        sender.send_to(&[], here).unwrap();
        sender.send_to(&[1; 13], here).unwrap();
    }
    sender.send_to(&[2; 14], here).unwrap();
    assert_eq!(collect(&mut receiver, 1), [[2; 14]], "a header is the least that is let through");
    assert_eq!(Link::stats(&receiver).rearmed, 0);
}

#[test]
fn an_answer_leaves_from_the_destination_address_of_the_request() {
    over_both(|open| {
        for wildcard in ["0.0.0.0:0", "[::]:0"] {
            let Ok(socket) = Socket::listen(wildcard.parse().unwrap(), false) else { continue };
            let port = socket.local_addr().unwrap().port();
            let mut link = open(vec![socket]);
            // All of 127.0.0.0/8 belongs to this host; by default, answers leave from 127.0.0.1.
            for host in [1, 2, 3] {
                let client = UdpSocket::bind(loopback()).unwrap();
                client.connect(SocketAddr::from(([127, 0, 0, host], port))).unwrap();
                client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                client.send(&[7; 20]).unwrap();
                let paths = link.paths(1);
                assert_eq!(paths[0].local, Some([127, 0, 0, host].into()), "{wildcard}");
                for _ in 0..3 {
                    assert!(link.send(paths[0], &[host; 30]));
                }
                link.submit();
                for _ in 0..3 {
                    let mut answer = [0; 64];
                    assert_eq!(client.recv(&mut answer).expect("a connected socket hears one address alone"), 30);
                }
            }
            link.collect(0);
            assert_eq!(link.stats().send_failed, 0);
        }
    });
}

#[test]
fn a_socket_with_one_address_does_not_report_it() {
    over_both(|open| {
        let socket = Socket::listen(loopback(), false).unwrap();
        let here = socket.local_addr().unwrap();
        let mut link = open(vec![socket]);
        UdpSocket::bind(loopback()).unwrap().send_to(&[7; 20], here).unwrap();
        assert_eq!(link.paths(1)[0].local, None);
    });
}

#[test]
fn a_refused_run_leaves_one_by_one_and_stops_runs_to_its_destination_only() {
    over_both(|open| {
        let [refused, other] = [[127, 0, 0, 1], [127, 0, 0, 2]].map(|host| {
            let socket = Socket::listen((host, 0).into(), false).unwrap();
            let here = socket.local_addr().unwrap();
            (open(vec![socket]), here)
        });
        let ((mut at_refused, refused), (mut at_other, other)) = (refused, other);
        let sockets = [(); 2].map(|()| Socket::listen(([0, 0, 0, 0], 0).into(), false).unwrap());
        sockets[0].refuse_runs_for_test();
        let mut sender = open(sockets.into());
        let mut exchange = |socket: u32, to: SocketAddr, receiver: &mut Box<dyn Carrier>| {
            let before = sender.stats().sends;
            for number in 0..40 {
                assert!(sender.send(Path::new(socket, to), &[number; 100]));
            }
            sender.submit();
            let mut seen: Vec<u8> = receiver.collect(40).iter().map(|datagram| datagram[0]).collect();
            seen.sort_unstable();
            assert!(seen.iter().copied().eq(0..40), "nothing is lost or doubled: {seen:?}");
            sender.collect(0);
            (sender.stats().sends - before, sender.stats())
        };
        let (sends, stats) = exchange(0, refused, &mut at_refused);
        assert_eq!((sends, stats.segmentation_refused, stats.segmentation_stopped), (40, 1, 1));
        let (sends, stats) = exchange(1, other, &mut at_other);
        assert_eq!((sends, stats.segmentation_refused), (1, 1), "another destination keeps its runs");
        let (sends, stats) = exchange(1, refused, &mut at_refused);
        assert_eq!((sends, stats.segmentation_refused), (40, 1), "no run is tried there for a while");
        assert_eq!((stats.datagrams_out, stats.send_failed), (120, 0));
    });
}

#[test]
fn every_overloaded_socket_is_read_in_its_turn() {
    const SOCKETS: usize = 64;
    const BUDGET: usize = 64;
    /// No socket is empty after a turn, even if it gets the whole budget.
    const WAITING: u64 = 2 * BUDGET as u64 + 32;
    /// Turns in which each socket could be read once, times four.
    const GAP_MAX: usize = 4 * SOCKETS * 32 / BUDGET;
    over_both(|open| {
        let sockets: Vec<_> = (0..SOCKETS).map(|_| Socket::listen(loopback(), false).unwrap()).collect();
        let addresses: Vec<_> = sockets.iter().map(|socket| socket.local_addr().unwrap()).collect();
        let mut link = open(sockets);
        let sender = UdpSocket::bind(loopback()).unwrap();
        let (mut waiting, mut read_at) = ([0u64; SOCKETS], [0; SOCKETS]);
        for turn in 0..10 * GAP_MAX {
            // All sockets together always have more datagrams than there are buffers.
            for (waiting, address) in waiting.iter_mut().zip(&addresses) {
                while *waiting < WAITING {
                    sender.send_to(&[7; 20], address).unwrap();
                    *waiting += 1;
                }
            }
            link.turn(BUDGET, &mut |arrival| {
                let socket = arrival.path.socket as usize;
                waiting[socket] -= arrival.count() as u64;
                read_at[socket] = turn;
            });
            for (socket, read_at) in read_at.iter().enumerate() {
                assert!(turn - read_at <= GAP_MAX, "in turn {turn}, socket {socket} was last read in turn {read_at}");
            }
        }
    });
}
