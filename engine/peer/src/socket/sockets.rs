//! The UDP sockets of a host: one for IPv4, one for IPv6. A family that this host lacks has none.

use crate::address::is_of_a_host;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// How long one of two sockets is waited for before the other is looked at: the standard library waits for one alone.
const SLICE: Duration = Duration::from_millis(2);

/// Destinations by which the system chooses the address of this host where no better one is known. Nothing is sent there
/// (RFC 5737, RFC 3849).
const SOMEWHERE: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)), 9),
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9),
];

/// A socket, and the address of this host that it sends from.
#[derive(Debug)]
struct Bound {
    socket: UdpSocket,
    host: SocketAddr,
}

/// The sockets, that of IPv6 first. There is at least one.
#[derive(Debug)]
pub(super) struct Sockets {
    all: Vec<Bound>,
    /// The one that is looked at first, so that a flood at one does not silence the other.
    first: usize,
}

impl Sockets {
    /// Opens a socket with this port, 0 for any, for each family in which this host is online. Its address is that from which
    /// the system sends to the first of `toward`, or to the internet.
    pub(super) fn open(port: u16, toward: &[SocketAddr]) -> io::Result<Self> {
        let (mut all, mut offline) = (Vec::new(), None);
        for somewhere in SOMEWHERE {
            let toward = toward.iter().copied().find(|to| to.is_ipv6() == somewhere.is_ipv6()).unwrap_or(somewhere);
            match host_ip(toward) {
                Ok(ip) => all.push(bind(ip, port)?),
                Err(error) => offline = Some(error),
            }
        }
        match offline {
            Some(error) if all.is_empty() => Err(error),
            _ => Ok(Sockets { all, first: 0 }),
        }
    }

    /// The addresses of this host, with the ports of the sockets.
    pub(super) fn host(&self) -> Vec<SocketAddr> {
        self.all.iter().map(|bound| bound.host).collect()
    }

    /// Receives a datagram, if one has arrived: its size and sender. [`ErrorKind::WouldBlock`] if none has.
    pub(super) fn receive(&mut self, datagram: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.first = (self.first + 1) % self.all.len();
        let (before, from_first) = self.all.split_at(self.first);
        for bound in from_first.iter().chain(before) {
            match bound.socket.recv_from(datagram) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                received => return received,
            }
        }
        Err(ErrorKind::WouldBlock.into())
    }

    /// Sends a datagram from the socket of its destination's family. Does not block.
    pub(super) fn send(&self, to: SocketAddr, datagram: &[u8]) -> io::Result<usize> {
        let bound = self.all.iter().find(|bound| bound.host.is_ipv4() == to.is_ipv4());
        bound.ok_or(ErrorKind::AddrNotAvailable)?.socket.send_to(datagram, to)
    }

    /// Waits until a datagram has arrived, for `timeout` at most.
    pub(super) fn wait(&self, timeout: Duration) {
        let until = Instant::now() + timeout;
        let slice = if self.all.len() == 1 { timeout } else { SLICE };
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let [others @ .., last] = &self.all[..] else { return };
            if left.is_zero() || others.iter().any(|bound| has_datagram(&bound.socket)) {
                return;
            }
            if wait_for(&last.socket, left.min(slice)) {
                return;
            }
        }
    }
}

fn wait_for(socket: &UdpSocket, timeout: Duration) -> bool {
    let can_block = socket.set_read_timeout(Some(timeout)).and_then(|()| socket.set_nonblocking(false));
    let arrived = match can_block {
        Ok(()) => has_datagram(socket),
        Err(_) => {
            std::thread::sleep(timeout);
            false
        }
    };
    // Should this fail, the timeout still bounds each receive.
    let _ = socket.set_nonblocking(true);
    arrived
}

/// Whether there is something to receive: a datagram, or an error.
fn has_datagram(socket: &UdpSocket) -> bool {
    let peeked = socket.peek_from(&mut [0]);
    !matches!(peeked, Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

/// The address from which the system sends to `toward`.
fn host_ip(toward: SocketAddr) -> io::Result<IpAddr> {
    let probe = UdpSocket::bind((unspecified(toward.is_ipv6()), 0))?;
    probe.connect(toward)?;
    let host = probe.local_addr()?;
    if is_of_a_host(host) { Ok(host.ip()) } else { Err(ErrorKind::AddrNotAvailable.into()) }
}

/// A socket for all addresses of one family, and for no other: the port of the other family may belong to another program.
fn bind(host: IpAddr, port: u16) -> io::Result<Bound> {
    let address = SocketAddr::new(unspecified(host.is_ipv6()), port);
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if host.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    let socket = UdpSocket::from(socket);
    let port = socket.local_addr()?.port();
    Ok(Bound { socket, host: SocketAddr::new(host, port) })
}

fn unspecified(is_ipv6: bool) -> IpAddr {
    if is_ipv6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: [&str; 2] = ["127.0.0.1:9", "[::1]:9"];

    fn on_loopback() -> Sockets {
        Sockets::open(0, &LOOPBACK.map(|it| it.parse().unwrap())).unwrap()
    }

    #[test]
    fn each_family_has_a_socket_of_its_own_and_datagrams_of_both_arrive() {
        let (mut one, other) = (on_loopback(), on_loopback());
        let mut senders = Vec::new();
        for to in one.host() {
            other.send(to, &[7]).unwrap();
            one.wait(Duration::from_secs(5));
            let (len, from) = one.receive(&mut [0; 10]).expect("it has arrived");
            assert_eq!((len, from.is_ipv6()), (1, to.is_ipv6()));
            senders.push(from);
        }
        assert_eq!(senders, other.host());
        assert_eq!(one.receive(&mut [0; 10]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let start = Instant::now();
        one.wait(Duration::from_millis(20));
        assert!(start.elapsed() >= Duration::from_millis(20), "nothing came");
    }

    #[test]
    fn a_port_that_another_program_has_in_one_family_is_an_error() {
        let taken = UdpSocket::bind("0.0.0.0:0").unwrap();
        let error = Sockets::open(taken.local_addr().unwrap().port(), &[LOOPBACK[0].parse().unwrap()]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }
}
