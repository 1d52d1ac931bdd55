//! Datagrams between a QUIC connection and its client's port, the same for raw QUIC and for WebTransport.

use super::Quic;
use super::codes::{GOING, LEFT, MISBEHAVED};
use super::counted::Count;
use super::statistics;
use crate::client::Going;
use crate::thread::Port;
use crate::uplink::packet::Misbehaved;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::{FutureExt, LocalBoxFuture};
use futures_util::stream::FuturesUnordered;
use quinn::{Connection, SendDatagramError, VarInt};
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

/// The first byte of each WebTransport datagram: the id of the session's stream, divided by 4, as a QUIC integer (RFC 9297,
/// section 2.1). The gateway serves one session per connection, on the client's first stream: 0.
const SESSION: u8 = 0;

/// Why datagrams no longer flow.
#[derive(Debug)]
pub(super) enum Ended {
    /// The connection has ended.
    Lost,
    /// The client has ended its session.
    Left,
    /// The client sent what no correct client sends.
    Misbehaved(Misbehaved),
    /// The thread wants the client gone.
    Going(Going),
}

/// Runs futures side by side until one of them ends. Unlike `select!`, it polls only those that were woken: most wake-ups are
/// for one datagram.
async fn first_of<const N: usize>(futures: [LocalBoxFuture<'_, Ended>; N]) -> Ended {
    FuturesUnordered::from_iter(futures).next().await.expect("there is a future")
}

/// The datagrams of one client.
pub(super) struct Datagrams<'a> {
    pub(super) quic: &'a Quic,
    pub(super) connection: &'a Connection,
    pub(super) port: &'a Port,
    /// Whether each datagram begins with the number of its WebTransport session.
    pub(super) in_session: bool,
    /// Changes of the client's address.
    pub(super) migrations: &'a Rc<Cell<u64>>,
}

impl Datagrams<'_> {
    /// Carries datagrams both ways until they end, or until `left` resolves. Returns the code and the reason to close the
    /// connection with, unless it has ended.
    pub(super) async fn carry(&self, bulk_streams: &Count, left: impl Future<Output = ()>) -> Option<(VarInt, String)> {
        let (shown, seen, open) = (self.connection.clone(), Rc::clone(self.migrations), Rc::clone(bulk_streams));
        self.port.set_details(move || statistics::of(&shown, seen.get(), open.get()));
        self.take_directly();
        let ended = first_of([
            self.up().boxed_local(),
            self.down().boxed_local(),
            self.port.wait_closed().map(Ended::Going).boxed_local(),
            left.map(|()| Ended::Left).boxed_local(),
        ]);
        match ended.await {
            Ended::Lost => None,
            Ended::Left => Some((LEFT, String::new())),
            Ended::Misbehaved(misbehaved) => Some((MISBEHAVED, misbehaved.to_string())),
            Ended::Going(going) => Some((GOING, going.reason().to_owned())),
        }
    }

    /// Carries datagrams from the client, until the connection ends or the client misbehaves.
    async fn up(&self) -> Ended {
        loop {
            let Ok(datagram) = self.connection.read_datagram().await else { return Ended::Lost };
            self.follow();
            if let Err(misbehaved) = self.receive(&datagram) {
                return Ended::Misbehaved(misbehaved);
            }
        }
    }

    fn receive(&self, datagram: &[u8]) -> Result<(), Misbehaved> {
        match datagram {
            inner if !self.in_session => self.port.received(inner),
            [SESSION, inner @ ..] => self.port.received(inner),
            _ => {
                self.quic.thread.counters().webtransport_foreign_session.add(1);
                Ok(())
            }
        }
    }

    /// Tells the port when QUIC has moved the connection to another address.
    fn follow(&self) {
        let address = canonical(self.connection.remote_address());
        if address != self.port.address() {
            self.migrations.set(self.migrations.get() + 1);
            self.port.moved(address);
        }
    }

    /// Has the connection take datagrams as they arrive from the server, as long as it has room.
    fn take_directly(&self) {
        let (connection, in_session) = (self.connection.clone(), self.in_session);
        let counters = Arc::clone(self.quic.thread.counters());
        self.port.set_direct(move |datagram| {
            let has_room = connection.datagram_send_buffer_space() > datagram.len();
            if has_room && let Err(SendDatagramError::TooLarge) = connection.send_datagram(framed(datagram, in_session))
            {
                counters.quic_too_large.add(1);
            }
            has_room
        });
    }

    /// Carries datagrams to the client that the connection had no room for, until the connection ends.
    ///
    /// While the congestion window is closed, datagrams wait in the port's queue, which drops its oldest.
    pub(super) async fn down(&self) -> Ended {
        loop {
            self.port.arrived().await;
            while let Some(datagram) = self.port.take() {
                match self.connection.send_datagram_wait(framed(&datagram, self.in_session)).await {
                    Ok(()) => {}
                    Err(SendDatagramError::ConnectionLost(_)) => return Ended::Lost,
                    // The server finds out what the path carries: a probe that is too large is lost.
                    Err(_) => self.quic.thread.counters().quic_too_large.add(1),
                }
            }
        }
    }
}

/// A datagram as the connection sends it.
fn framed(datagram: &[u8], in_session: bool) -> Bytes {
    if !in_session {
        return Bytes::copy_from_slice(datagram);
    }
    let mut framed = Vec::with_capacity(1 + datagram.len());
    framed.push(SESSION);
    framed.extend_from_slice(datagram);
    framed.into()
}

/// An IPv4 address as such, where an IPv6 socket has it mapped.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
