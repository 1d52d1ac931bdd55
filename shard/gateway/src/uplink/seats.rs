//! A client's places in the flows to its server.
//!
//! A client begins in one flow and usually stays there. It takes a place in another flow when it sends with a core and slot
//! that another client of its flow has. A client that moves its session to another carrier, and keeps the former one until
//! the new one works, does so: to the gateway it is two clients with one connection (PROTOCOL.md#routing).

use super::flow::{Flow, Foreign, Seat};
use super::packet::{ConnectionKey, FromClient};
use crate::client::Client;
use crate::clock::Nanos;
use crate::counters::Counters;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// The places. The client leaves them when this is dropped.
pub(crate) struct Seats {
    client: Rc<Client>,
    flows: Rc<[Rc<Flow>]>,
    counters: Arc<Counters>,
    /// The first is where the client began. There is at most one per flow.
    taken: RefCell<Vec<Seat>>,
}

impl Seats {
    /// A place in the flow with this index.
    ///
    /// # Panics
    /// If there is no such flow.
    pub(crate) fn take(client: Rc<Client>, flows: Rc<[Rc<Flow>]>, first: usize, counters: Arc<Counters>) -> Seats {
        let seat = flows[first].join(Rc::clone(&client));
        Seats { client, flows, counters, taken: RefCell::new(vec![seat]) }
    }

    /// Sends the client's datagram to the server, unless its connection or its handshake tag belongs to others in every
    /// flow.
    pub(crate) fn send(&self, packet: FromClient, datagram: &[u8], now: Nanos) {
        match (self.send_from(self.usual(packet), packet, datagram, now), packet) {
            (Ok(()), _) => {}
            (Err(Foreign::Key), FromClient::Encrypted(key)) => {
                let sent = self.room_for(key, now).map(|at| self.send_from(at, packet, datagram, now));
                if sent != Some(Ok(())) {
                    self.counters.foreign_id.add(1);
                }
            }
            (Err(_), _) => self.counters.foreign_tag.add(1),
        }
    }

    /// The client's address has changed.
    pub(crate) fn moved(&self) {
        self.taken.borrow().iter().for_each(|seat| seat.moved());
    }

    fn send_from(&self, at: usize, packet: FromClient, datagram: &[u8], now: Nanos) -> Result<(), Foreign> {
        self.taken.borrow()[at].send(packet, datagram, self.client.address(), now)
    }

    /// The place to send this from: where the client has the connection, otherwise the first.
    fn usual(&self, packet: FromClient) -> usize {
        let taken = self.taken.borrow();
        match packet {
            FromClient::Encrypted(key) if taken.len() > 1 => {
                taken.iter().position(|seat| seat.holds(key)).unwrap_or_default()
            }
            _ => 0,
        }
    }

    /// A place in a flow where the client gets this core and slot.
    fn room_for(&self, key: ConnectionKey, now: Nanos) -> Option<usize> {
        let mut taken = self.taken.borrow_mut();
        if let Some(at) = taken.iter().position(|seat| seat.may_claim(key, now)) {
            return Some(at);
        }
        let is_new = |flow: &&Rc<Flow>| taken.iter().all(|seat| !seat.is_in(flow));
        let flow = self.flows.iter().filter(is_new).find(|flow| flow.is_free(key, now))?;
        taken.push(flow.join(Rc::clone(&self.client)));
        Some(taken.len() - 1)
    }
}
