//! A non-blocking UDP socket that is connected to the server. Every error of it is a lost datagram.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

ringshard_protocol::counters! {
    /// What a driver's socket did.
    SocketStats {
        /// Datagrams received.
        datagrams_in,
        /// Datagrams sent.
        datagrams_out,
        /// Receives that failed, mostly because an ICMP error came: no server listens, or no route leads there.
        receive_failed,
        /// Datagrams that the operating system refused to send.
        send_failed,
        /// Of those: its send buffer was full.
        send_queue_full,
    }
}

/// What a receive gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Received {
    /// A datagram of so many bytes.
    Datagram(usize),
    /// An error, which is consumed. A datagram may wait behind it.
    Failed,
    /// Nothing waits.
    Nothing,
}

#[derive(Debug)]
pub(crate) struct Socket {
    socket: UdpSocket,
    pub(crate) stats: SocketStats,
}

impl Socket {
    /// A socket with a port of its own that hears `server` alone.
    pub(crate) fn open(server: SocketAddr) -> io::Result<Self> {
        let any: SocketAddr = match server {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any)?;
        socket.connect(server)?;
        socket.set_nonblocking(true)?;
        Ok(Socket { socket, stats: SocketStats::default() })
    }

    /// Takes the place of another socket, whose counts go on.
    pub(crate) fn reopen(&mut self, server: SocketAddr) -> io::Result<()> {
        *self = Socket { stats: self.stats, ..Socket::open(server)? };
        Ok(())
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Received {
        match self.socket.recv(buffer) {
            Ok(len) => {
                self.stats.datagrams_in += 1;
                Received::Datagram(len)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Received::Nothing,
            Err(_) => {
                self.stats.receive_failed += 1;
                Received::Failed
            }
        }
    }

    /// Sends a datagram; false when the send buffer is full, and the next one should wait.
    pub(crate) fn send(&mut self, datagram: &[u8]) -> bool {
        let sent = match self.socket.send(datagram) {
            // The error is about a datagram before this one, which was not sent for it.
            Err(error) if is_icmp(&error) => self.socket.send(datagram),
            sent => sent,
        };
        match sent {
            Ok(_) => self.stats.datagrams_out += 1,
            Err(error) => {
                self.stats.send_failed += 1;
                if error.kind() == ErrorKind::WouldBlock {
                    self.stats.send_queue_full += 1;
                    return false;
                }
            }
        }
        true
    }

    /// Waits until a datagram waits in the socket, or an error comes, for `timeout` at most. `buffer` has room for a datagram.
    pub(crate) fn wait(&mut self, timeout: Duration, buffer: &mut [u8]) {
        if timeout.is_zero() {
            return;
        }
        let can_block = self.socket.set_read_timeout(Some(timeout)).and_then(|()| self.socket.set_nonblocking(false));
        match can_block.map(|()| self.socket.peek(buffer)) {
            Ok(Ok(_)) => {}
            Ok(Err(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Ok(Err(_)) => self.stats.receive_failed += 1,
            Err(_) => std::thread::sleep(timeout),
        }
        // Should this fail, the timeout still bounds each receive.
        let _ = self.socket.set_nonblocking(true);
    }
}

/// Whether the operating system reports an ICMP error: ECONNREFUSED, or what Windows says instead.
fn is_icmp(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset)
}
