//! Datagrams between a QUIC connection and its client's port, the same for raw QUIC and for WebTransport.

use super::migrations::{Look, Migrations};
use crate::counters::Counters;
use crate::thread::Port;
use crate::uplink::packet::Misbehaved;
use bytes::Bytes;
use futures_util::FutureExt;
use quinn::{Connection, SendDatagramError};
use std::net::SocketAddr;
use std::time::Instant;

/// Datagrams that are taken at a time between two looks at the client's address.
const BATCH: usize = 64;
/// The first byte of each WebTransport datagram: the id of the session's stream, divided by 4, as a QUIC integer (RFC 9297,
/// section 2.1). The gateway serves one session per connection, on the client's first stream: 0.
const SESSION: u8 = 0;

/// Why datagrams no longer flow.
#[derive(Debug)]
pub(super) enum Ended {
    /// The connection has ended.
    Lost,
    /// The client sent what no correct client sends.
    Misbehaved(Misbehaved),
}

/// The datagrams of one client.
pub(super) struct Datagrams<'a> {
    pub(super) connection: &'a Connection,
    pub(super) port: &'a Port,
    pub(super) counters: &'a Counters,
    /// Whether each datagram begins with the number of its WebTransport session.
    pub(super) in_session: bool,
    /// Changes of the client's address.
    pub(super) migrations: &'a Migrations,
}

impl Datagrams<'_> {
    /// Carries datagrams from the client, until the connection ends or the client misbehaves.
    pub(super) async fn up(&self) -> Ended {
        loop {
            let mut next = self.connection.read_datagram().await;
            self.follow();
            for _ in 0..BATCH {
                match next.map_err(|_| Ended::Lost).and_then(|datagram| self.receive(&datagram)) {
                    Ok(()) => {}
                    Err(ended) => return ended,
                }
                match self.connection.read_datagram().now_or_never() {
                    Some(datagram) => next = datagram,
                    None => break,
                }
            }
        }
    }

    fn receive(&self, datagram: &[u8]) -> Result<(), Ended> {
        let inner = match datagram {
            inner if !self.in_session => inner,
            [SESSION, inner @ ..] => inner,
            _ => {
                self.counters.webtransport_foreign_session.add(1);
                return Ok(());
            }
        };
        self.port.received(inner).map_err(Ended::Misbehaved)
    }

    /// Tells the port when the client has moved to another address.
    fn follow(&self) {
        let (address, before) = (canonical(self.connection.remote_address()), self.port.address());
        if address == before {
            self.migrations.stays();
            return;
        }
        let look = || {
            self.port.seen_at(address);
            Look { challenges: self.connection.stats().frame_tx.path_challenge, round_trip: self.connection.rtt() }
        };
        if self.migrations.moves(before, address, Instant::now(), look) {
            self.port.moved(address);
        }
    }

    /// Carries datagrams to the client, until the connection ends.
    ///
    /// While the congestion window is closed, datagrams wait in the port's queue, which drops its oldest.
    pub(super) async fn down(&self) -> Ended {
        loop {
            self.port.arrived().await;
            while let Some(datagram) = self.port.take() {
                match self.connection.send_datagram_wait(self.framed(datagram)).await {
                    Ok(()) => {}
                    Err(SendDatagramError::ConnectionLost(_)) => return Ended::Lost,
                    // The server finds out what the path carries: a probe that is too large is lost.
                    Err(_) => self.counters.quic_too_large.add(1),
                }
            }
        }
    }

    fn framed(&self, datagram: Bytes) -> Bytes {
        if !self.in_session {
            return datagram;
        }
        let mut framed = Vec::with_capacity(1 + datagram.len());
        framed.push(SESSION);
        framed.extend_from_slice(&datagram);
        framed.into()
    }
}

/// An IPv4 address as such, where an IPv6 socket has it mapped.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
