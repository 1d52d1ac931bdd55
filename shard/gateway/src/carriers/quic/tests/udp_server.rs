//! What stands for a server where a test looks at single datagrams.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

pub struct UdpServer {
    socket: UdpSocket,
    pub address: SocketAddr,
}

/// A Connect with this tag.
pub fn connect(tag: u8) -> Vec<u8> {
    let mut datagram = vec![0; 144];
    datagram[6..14].fill(tag);
    datagram
}

/// An encrypted datagram of a connection on core 0, with this slot.
pub fn encrypted(slot: u8, bytes: usize) -> Vec<u8> {
    let mut datagram = vec![0xee; bytes];
    datagram[..6].copy_from_slice(&[0, 1, slot, 0, 0, 1]);
    datagram
}

impl UdpServer {
    pub fn start() -> UdpServer {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = socket.local_addr().unwrap();
        UdpServer { socket, address }
    }

    /// The next datagram, and where an answer goes.
    pub async fn next(&self) -> (Vec<u8>, SocketAddr) {
        loop {
            match self.try_next() {
                Some(datagram) => return datagram,
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    }

    /// A datagram that has arrived.
    pub fn try_next(&self) -> Option<(Vec<u8>, SocketAddr)> {
        let mut buffer = [0; 2_048];
        let (length, from) = self.socket.recv_from(&mut buffer).ok()?;
        Some((buffer[..length].to_vec(), from))
    }

    /// The tag of the next datagram, which must be a Connect.
    pub async fn next_connect(&self) -> u8 {
        let (datagram, _) = self.next().await;
        assert_eq!(datagram, connect(datagram[6]), "a Connect arrives as it was sent");
        datagram[6]
    }

    pub fn send(&self, datagram: &[u8], to: SocketAddr) {
        self.socket.send_to(datagram, to).unwrap();
    }
}
