//! What a carrier holds of a client.

use super::Thread;
use crate::client::{Client, Going, add};
use crate::limits::Place;
use crate::uplink::Seats;
use crate::uplink::packet::{self, Misbehaved};
use bytes::Bytes;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};

/// A client's place in its thread. The client leaves when this is dropped.
///
/// One task may wait for [`Port::arrived`], and one for [`Port::wait_closed`]; the same task may wait for both.
pub struct Port {
    thread: Rc<Thread>,
    client: Rc<Client>,
    seats: Seats,
    /// Gives back the place that the limits count.
    _place: Place,
}

impl Port {
    pub(crate) fn new(thread: Rc<Thread>, client: Rc<Client>, seats: Seats, place: Place) -> Port {
        Port { thread, client, seats, _place: place }
    }

    /// Takes a datagram from the client and sends it to the server.
    ///
    /// A datagram beyond the client's budget, or of somebody else's connection, is dropped and counted.
    ///
    /// # Errors
    /// No correct client sends this: the carrier should close the connection.
    pub fn received(&self, datagram: &[u8]) -> Result<(), Misbehaved> {
        let counters = self.thread.counters();
        let kind = packet::from_client(datagram).inspect_err(|_| counters.misbehaved.add(1))?;
        let now = self.thread.now();
        add(&self.client.tally.datagrams_up, 1);
        add(&self.client.tally.bytes_up, datagram.len() as u64);
        if !self.client.charge(datagram.len(), now) {
            add(&self.client.tally.dropped, 1);
            counters.over_budget.add(1);
            return Ok(());
        }
        self.seats.send(kind, datagram, now);
        Ok(())
    }

    /// Charges a frame of the carrier without a datagram of its own, such as a ping with this payload, as a datagram. Returns
    /// whether the client may send it: otherwise the carrier answers nothing.
    pub(crate) fn frame_received(&self, bytes: usize) -> bool {
        let fits = self.client.charge_frame(bytes, self.thread.now());
        if !fits {
            self.thread.counters().over_budget.add(1);
        }
        fits
    }

    /// Resolves when datagrams wait for the client.
    pub async fn arrived(&self) {
        poll_fn(|context| self.poll_arrived(context)).await;
    }

    /// Like [`Port::arrived`], for a carrier that polls. It registers the context's task.
    pub fn poll_arrived(&self, context: &Context<'_>) -> Poll<()> {
        self.client.poll_arrived(context)
    }

    /// Shows the datagrams that wait for the client, oldest first, until `each` returns false. [`Port::take`] takes them.
    pub(crate) fn show_waiting(&self, each: impl FnMut(&Bytes) -> bool) {
        self.client.show_waiting(each);
    }

    /// Whether the client has taken nothing of what waits for it for a while. A carrier that can should read nothing from it,
    /// until the client takes something or the thread wants it gone.
    pub fn is_held_up(&self) -> bool {
        self.client.is_held_up(self.thread.now())
    }

    /// The next datagram for the client.
    pub fn take(&self) -> Option<Bytes> {
        self.client.take(self.thread.now())
    }

    /// The client's address has changed. The server is told with the client's next datagrams.
    pub fn moved(&self, address: SocketAddr) {
        self.seen_at(address);
        self.client.set_address(address);
        self.seats.moved();
        self.thread.counters().moved.add(1);
    }

    /// The client's packets come from another address, which may be forged. It is asked to go if that one is denied.
    pub fn seen_at(&self, address: SocketAddr) {
        if self.thread.limits().denies(address.ip()) {
            self.thread.close(&self.client, Going::Denied);
        }
    }

    /// Resolves when the thread wants the client gone: the carrier closes the connection with a going-away code.
    pub fn wait_closed(&self) -> impl Future<Output = Going> + '_ {
        poll_fn(|context| self.poll_closed(context))
    }

    /// Like [`Port::wait_closed`], for a carrier that polls. It registers the context's task.
    pub fn poll_closed(&self, context: &Context<'_>) -> Poll<Going> {
        self.client.poll_closed(context)
    }

    /// Gives the admin port the carrier's figures of this connection, such as the round trip. It calls `details` whenever
    /// somebody asks.
    pub fn set_details(&self, details: impl Fn() -> serde_json::Value + 'static) {
        self.client.set_details(Box::new(details));
    }

    /// Counts a message that carries no datagram. The carrier closes the connection.
    pub(crate) fn count_malformed(&self) {
        self.thread.counters().websocket_malformed.add(1);
    }

    /// The client's true address.
    pub fn address(&self) -> SocketAddr {
        self.client.address()
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.thread.left(&self.client);
    }
}
