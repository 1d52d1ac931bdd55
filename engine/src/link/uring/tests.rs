use super::*;
use crate::link::mmsg::MmsgLink;
use std::net::{SocketAddr, UdpSocket};

fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// Receives until `count` datagrams were seen or a second has passed.
fn collect(link: &mut impl Link, count: usize) -> Vec<Vec<u8>> {
    let mut seen = Vec::new();
    let give_up = link.now() + Duration::from_secs(1);
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
    if UringLink::probe().is_ok() {
        test(&mut |sockets| Box::new(UringLink::new(sockets).unwrap()));
    }
}

type Open<'a> = &'a mut dyn FnMut(Vec<Socket>) -> Box<dyn Carrier>;

/// A link behind a pointer, for the tests alone.
trait Carrier {
    fn send(&mut self, path: Path, bytes: &[u8]) -> bool;
    fn submit(&mut self);
    fn collect(&mut self, count: usize) -> Vec<Vec<u8>>;
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
        let path = Path { socket: 0, peer: here };
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
    if UringLink::probe().is_err() {
        return;
    }
    let socket = Socket::listen(loopback(), false).unwrap();
    let here = socket.local_addr().unwrap();
    let mut receiver = UringLink::new(vec![socket]).unwrap();
    let sender = UdpSocket::bind(loopback()).unwrap();
    let count = 3 * buffers::COUNT;
    for number in 0..count {
        sender.send_to(&[number as u8; 16], here).unwrap();
    }
    for _ in 0..count {
        // The kernel takes a few at a time; nothing is reaped, so the buffers run out.
        receiver.enter(1, Some((Duration::from_micros(10), Duration::ZERO)));
    }
    let seen = collect(&mut receiver, count);
    assert_eq!(seen.len(), count, "nothing is lost: what finds no buffer waits in the socket");
    assert!(Link::stats(&receiver).rearmed > 0, "the receive ended for want of buffers and was armed again");
}

#[test]
fn a_refused_send_costs_its_own_datagrams_alone() {
    over_both(|open| {
        let socket = Socket::listen(loopback(), false).unwrap();
        let good = Path { socket: 0, peer: socket.local_addr().unwrap() };
        let mut receiver = open(vec![socket]);
        let mut sender = open(vec![Socket::listen(loopback(), false).unwrap()]);
        // Port 0 cannot be sent to: EINVAL.
        let bad = Path { socket: 0, peer: loopback() };
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
    if UringLink::probe().is_err() {
        return;
    }
    for _ in 0..20 {
        let socket = Socket::listen(loopback(), false).unwrap();
        let path = Path { socket: 0, peer: socket.local_addr().unwrap() };
        let mut link = UringLink::new(vec![socket, Socket::listen(loopback(), false).unwrap()]).unwrap();
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
fn a_peer_that_cannot_be_sent_to_costs_no_other_peer_its_runs() {
    over_both(|open| {
        let socket = Socket::listen(loopback(), false).unwrap();
        let good = Path { socket: 0, peer: socket.local_addr().unwrap() };
        let mut receiver = open(vec![socket]);
        let mut sender = open(vec![Socket::listen(loopback(), false).unwrap()]);
        let bad = Path { socket: 0, peer: loopback() };
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
    if UringLink::probe().is_err() {
        return;
    }
    let socket = Socket::listen(loopback(), false).unwrap();
    let here = socket.local_addr().unwrap();
    let mut receiver = UringLink::new(vec![socket]).unwrap();
    let sender = UdpSocket::bind(loopback()).unwrap();
    for _ in 0..10 {
        sender.send_to(&[], here).unwrap();
        sender.send_to(&[1; 13], here).unwrap();
    }
    sender.send_to(&[2; 14], here).unwrap();
    assert_eq!(collect(&mut receiver, 1), [[2; 14]], "a header is the least that is let through");
    assert_eq!(Link::stats(&receiver).rearmed, 0);
}
