//! One socket to one server, with the clients that use it.

use crate::client::Client;
use crate::clock::{Clock, Nanos};
use crate::counters::Counters;
use crate::uplink::flush::{Flush, Flusher};
use crate::uplink::outbox::Outbox;
use crate::uplink::packet::{self, ConnectionKey, FromClient, FromServer};
use crate::uplink::routes::{Member, Routes, Upstream};
use crate::uplink::socket::{ReceiveBuffers, UplinkSocket};
use bytes::{Bytes, BytesMut};
use ringshard_protocol::gateway::{Forwarded, GatewayKey};
use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

/// Datagrams from servers are copied into chunks of this size, which clients' queues share.
const CHUNK_BYTES: usize = 64 << 10;
/// Larger encrypted datagrams do not tell their client's address: the path to the server may not carry 48 bytes more.
const FORWARDED_DATAGRAM_BYTES_MAX: usize = 1_152;
/// Receive calls before other tasks of the thread get their turn.
const RECEIVES_MAX: usize = 16;

/// The flow.
pub(crate) struct Flow {
    socket: UplinkSocket,
    routes: RefCell<Routes>,
    members: RefCell<Members>,
    outbox: RefCell<Outbox>,
    /// Whether the flusher has this flow.
    is_due: Cell<bool>,
    /// The present chunk, and the one before it, whose memory is used again once no client has a part of it.
    chunks: RefCell<[BytesMut; 2]>,
    round: Cell<u64>,
    key: Option<GatewayKey>,
    flusher: Rc<Flusher>,
    counters: Arc<Counters>,
}

/// The clients of a flow, by number.
#[derive(Default)]
struct Members {
    clients: Vec<Option<Rc<Client>>>,
    free: Vec<Member>,
}

/// A client's place in a flow. It ends when this is dropped.
pub(super) struct Seat {
    flow: Rc<Flow>,
    member: Member,
}

/// Why a datagram was not sent: another client has its connection or its handshake tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Foreign {
    Key,
    Tag,
}

impl Flow {
    /// A flow to `server`. With a key, it tells the server clients' true addresses.
    ///
    /// # Errors
    /// The system's error.
    pub(crate) fn open(
        server: SocketAddr,
        key: Option<GatewayKey>,
        flusher: Rc<Flusher>,
        counters: Arc<Counters>,
    ) -> io::Result<Rc<Flow>> {
        Ok(Rc::new(Flow {
            socket: UplinkSocket::connect(server)?,
            routes: RefCell::default(),
            members: RefCell::default(),
            outbox: RefCell::default(),
            is_due: Cell::new(false),
            chunks: RefCell::default(),
            round: Cell::new(0),
            key,
            flusher,
            counters,
        }))
    }

    /// Whether a client without a place here that claims this core and slot gets them.
    pub(super) fn is_free(&self, key: ConnectionKey, now: Nanos) -> bool {
        self.routes.borrow().is_free(None, key, now)
    }

    /// Takes a client in.
    pub(super) fn join(self: &Rc<Self>, client: Rc<Client>) -> Seat {
        Seat { flow: Rc::clone(self), member: self.members.borrow_mut().insert(client) }
    }

    /// Receives, forever. The thread runs this as a task.
    pub(crate) async fn run(self: Rc<Self>, clock: Rc<Clock>, buffers: Rc<RefCell<ReceiveBuffers>>) {
        loop {
            if self.socket.readable().await.is_err() {
                self.counters.receive_failed.add(1);
            }
            self.receive_all(clock.now(), &mut buffers.borrow_mut());
            tokio::task::yield_now().await;
        }
    }

    /// Receives what has arrived, within bounds.
    fn receive_all(&self, now: Nanos, buffers: &mut ReceiveBuffers) {
        self.round.set(self.round.get() + 1);
        for _ in 0..RECEIVES_MAX {
            match self.socket.receive(buffers, |run, size| self.deliver(run, size, now)) {
                Ok(()) => self.counters.receives.add(1),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.counters.receive_failed.add(1),
            }
        }
    }

    /// Gives each datagram of a run to its client. One for a stalled client costs a look at its header.
    fn deliver(&self, run: &[u8], size: usize, now: Nanos) {
        for datagram in run.chunks(size) {
            let Some(packet) = packet::from_server(datagram) else {
                self.counters.malformed_down.add(1);
                continue;
            };
            let Some(client) = self.addressee(packet, now) else {
                self.counters.unclaimed.add(1);
                continue;
            };
            if client.is_stalled(now) {
                client.refuse();
                self.counters.stalled.add(1);
                continue;
            }
            self.counters.datagrams_down.add(1);
            self.counters.bytes_down.add(datagram.len() as u64);
            let dropped = client.deliver(self.copy(datagram), self.round.get(), now);
            self.counters.queue_full.add(dropped.queue as u64);
            self.counters.memory_full.add(dropped.memory as u64);
        }
    }

    fn addressee(&self, packet: FromServer, now: Nanos) -> Option<Rc<Client>> {
        let mut routes = self.routes.borrow_mut();
        let member = match packet {
            FromServer::Answer(tag) => routes.answered(tag, now),
            FromServer::Accepted(tag, key) => routes.accepted(tag, key, now),
            FromServer::Encrypted(key) => routes.arrived(key, now),
        }?;
        Some(self.members.borrow().get(member))
    }

    /// Copies a datagram into the present chunk, so that it does not hold a receive buffer.
    fn copy(&self, datagram: &[u8]) -> Bytes {
        let [chunk, former] = &mut *self.chunks.borrow_mut();
        if chunk.capacity() < datagram.len() {
            std::mem::swap(chunk, former);
            if !chunk.try_reclaim(CHUNK_BYTES) {
                *chunk = BytesMut::with_capacity(CHUNK_BYTES);
            }
        }
        chunk.extend_from_slice(datagram);
        chunk.split().freeze()
    }

    fn send(self: &Rc<Self>, head: &[u8], body: &[u8]) {
        self.outbox
            .borrow_mut()
            .push(head, body, self.socket.segments_max(), &mut |run, size| self.transmit(run, size));
        if !self.is_due.replace(true) {
            self.flusher.add(Rc::clone(self) as Rc<dyn Flush>);
        }
    }

    fn transmit(&self, run: &[u8], size: usize) {
        self.counters.sends.add(1);
        self.counters.send_failed.add(self.socket.send(run, size) as u64);
    }
}

impl Flush for Flow {
    fn flush(&self) {
        self.is_due.set(false);
        self.outbox.borrow_mut().flush(&mut |run, size| self.transmit(run, size));
    }
}

impl Seat {
    /// Sends a client's datagram to the server.
    ///
    /// # Errors
    /// Its connection or its handshake tag belongs to another client of this flow. It is not sent.
    pub(super) fn send(
        &self,
        packet: FromClient,
        datagram: &[u8],
        address: SocketAddr,
        now: Nanos,
    ) -> Result<(), Foreign> {
        let flow = &self.flow;
        let upstream = {
            let mut routes = flow.routes.borrow_mut();
            match packet {
                FromClient::Connect(tag) => routes.connect(self.member, tag, now),
                FromClient::Encrypted(key) => routes.encrypted(self.member, key, now),
            }
        };
        let announces = match upstream {
            Upstream::ForeignKey => return Err(Foreign::Key),
            Upstream::ForeignTag => return Err(Foreign::Tag),
            Upstream::Announced => true,
            Upstream::Plain => false,
        };
        match flow.key.as_ref().filter(|_| announces) {
            // As it is, it would hide the client's address: the server would take the gateway's for it.
            Some(_) if datagram.len() > FORWARDED_DATAGRAM_BYTES_MAX => {
                flow.counters.too_long_to_forward.add(1);
                return Ok(());
            }
            Some(key) => {
                let head = Forwarded::head(key, address, datagram).expect("the datagram fits and is none of a gateway");
                flow.counters.forwarded.add(1);
                flow.send(&head, datagram);
                if let FromClient::Encrypted(key) = packet {
                    flow.routes.borrow_mut().told(self.member, key, now);
                }
            }
            None => flow.send(&[], datagram),
        }
        flow.counters.datagrams_up.add(1);
        flow.counters.bytes_up.add(datagram.len() as u64);
        Ok(())
    }

    /// Whether the client has this core and slot here.
    pub(super) fn holds(&self, key: ConnectionKey) -> bool {
        self.flow.routes.borrow().owner(key) == Some(self.member)
    }

    /// Whether the client gets this core and slot here if it claims them.
    pub(super) fn may_claim(&self, key: ConnectionKey, now: Nanos) -> bool {
        self.flow.routes.borrow().is_free(Some(self.member), key, now)
    }

    /// Whether it is a place in this flow.
    pub(super) fn is_in(&self, flow: &Rc<Flow>) -> bool {
        Rc::ptr_eq(&self.flow, flow)
    }

    /// The client's address has changed.
    pub(super) fn moved(&self) {
        self.flow.routes.borrow_mut().moved(self.member);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.flow.routes.borrow_mut().leave(self.member);
        self.flow.members.borrow_mut().remove(self.member);
    }
}

impl Members {
    fn insert(&mut self, client: Rc<Client>) -> Member {
        match self.free.pop() {
            Some(member) => {
                self.clients[member as usize] = Some(client);
                member
            }
            None => {
                self.clients.push(Some(client));
                u32::try_from(self.clients.len() - 1).expect("a flow has fewer than 2^32 clients")
            }
        }
    }

    /// # Panics
    /// If the member has left. Routes forget members that leave.
    fn get(&self, member: Member) -> Rc<Client> {
        Rc::clone(self.clients[member as usize].as_ref().expect("routes name only members"))
    }

    fn remove(&mut self, member: Member) {
        self.clients[member as usize] = None;
        self.free.push(member);
    }
}

#[cfg(test)]
mod tests;
