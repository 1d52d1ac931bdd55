//! The sockets of a client: one to its server and, while the session moves, one to another server.

use crate::socket::{Received, Socket, SocketStats};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Longest wait while two sockets can have something: only one is waited for.
const WAIT_OF_TWO: Duration = Duration::from_millis(2);

/// A server's address, and the socket that hears it alone.
#[derive(Debug)]
struct Way {
    /// What the protocol's client calls it.
    place: u32,
    address: SocketAddr,
    socket: Socket,
}

/// The way to the server and, while the session moves, to another one.
#[derive(Debug)]
pub(crate) struct Route {
    current: Way,
    /// The server that the session moves to, or came from.
    other: Option<Way>,
    /// Places that were given out.
    places: u32,
}

impl Route {
    /// The way to the first server.
    pub(crate) fn new(address: SocketAddr, socket: Socket) -> Self {
        Route { current: Way { place: 0, address, socket }, other: None, places: 0 }
    }

    /// The server's address.
    pub(crate) fn server(&self) -> SocketAddr {
        self.current.address
    }

    /// The socket to the server.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.current.socket.local_addr()
    }

    /// What the sockets did so far.
    pub(crate) fn stats(&self) -> &SocketStats {
        &self.current.socket.stats
    }

    /// Opens a way to another server; gives its place.
    ///
    /// # Errors
    /// The system's error: this host has no route there.
    pub(crate) fn open(&mut self, address: SocketAddr) -> io::Result<u32> {
        let socket = Socket::open(address)?;
        self.places += 1;
        self.other = Some(Way { place: self.places, address, socket });
        Ok(self.places)
    }

    /// The session has moved to this place, or back to it.
    pub(crate) fn go_to(&mut self, place: u32) {
        if let Some(other) = self.other.as_mut().filter(|other| other.place == place) {
            // The counts are of the client, not of a socket.
            std::mem::swap(&mut other.socket.stats, &mut self.current.socket.stats);
            std::mem::swap(&mut self.current, other);
        }
    }

    /// The session is at the server, and does not move.
    pub(crate) fn settle(&mut self) {
        if let Some(other) = self.other.take() {
            self.current.socket.stats.add(&other.socket.stats);
        }
    }

    /// Takes a new socket to the server.
    pub(crate) fn reopen(&mut self) -> io::Result<()> {
        self.current.socket.reopen(self.current.address)
    }

    /// Receives from the server, then from the other one.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Received {
        match (self.current.socket.receive(buffer), &mut self.other) {
            (Received::Nothing, Some(other)) => other.socket.receive(buffer),
            (received, _) => received,
        }
    }

    /// Sends a datagram to a place; false when the send buffer is full, and the next one should wait.
    pub(crate) fn send(&mut self, place: u32, datagram: &[u8]) -> bool {
        match &mut self.other {
            Some(other) if other.place == place => other.socket.send(datagram),
            _ => self.current.socket.send(datagram),
        }
    }

    /// Waits until a datagram waits, for `timeout` at most.
    pub(crate) fn wait(&mut self, timeout: Duration, buffer: &mut [u8]) {
        let timeout = if self.other.is_some() { timeout.min(WAIT_OF_TWO) } else { timeout };
        self.current.socket.wait(timeout, buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, UdpSocket};

    fn server() -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    fn heard(server: &UdpSocket) -> Vec<u8> {
        let mut buffer = [0; 100];
        let len = server.recv(&mut buffer).unwrap();
        buffer[..len].to_vec()
    }

    #[test]
    fn datagrams_go_to_their_place_before_and_after_the_session_has_moved() {
        let ((first, address), (second, other)) = (server(), server());
        let mut route = Route::new(address, Socket::open(address).unwrap());
        let place = route.open(other).unwrap();
        assert!(route.send(0, b"to the first") && route.send(place, b"to the second"));
        assert_eq!((heard(&first), heard(&second)), (b"to the first".to_vec(), b"to the second".to_vec()));
        // Only the server that was named is heard.
        route.go_to(place + 1);
        assert_eq!(route.server(), address);
        route.go_to(place);
        assert_eq!(route.server(), other);
        assert!(route.send(place, b"here") && route.send(0, b"there"));
        assert_eq!((heard(&first), heard(&second)), (b"there".to_vec(), b"here".to_vec()));
        route.go_to(0);
        assert_eq!(route.server(), address);
        route.go_to(place);
        route.settle();
        assert_eq!(route.stats().datagrams_out, 4, "the counts of both sockets");
        second.send_to(b"answer", route.local_addr().unwrap()).unwrap();
        let mut buffer = [0; 100];
        route.wait(Duration::from_secs(5), &mut buffer);
        assert_eq!(route.receive(&mut buffer), Received::Datagram(6));
    }
}
