//! The connections of a core: found by slot, checked by generation.

use super::staging::StageIndex;
use crate::crypto::Csprng;
use crate::limits::HALF_OPEN_TIMEOUT;
use crate::link::Path;
use crate::prefetch::prefetch;
use crate::session::Session;
use crate::time::Instant;
use crate::wire::{Accepted, ConnectionId, DisconnectReason};
use core::net::SocketAddr;
use rand_chacha::rand_core::Rng;
use std::collections::{HashMap, VecDeque};

/// How far a connection has come.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// Accepted; the client has yet to prove that it holds the keys. Its Connect may come again.
    HalfOpen { reply: Box<[u8; Accepted::BYTES]> },
    /// Both ends hold the keys.
    Established,
    /// The client is told at the next flush; then it is gone.
    Closing(DisconnectReason),
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) path: Path,
    /// The ephemeral key of its handshake: a Connect that comes again makes no second connection.
    pub(super) client_key: [u8; 32],
    pub(super) phase: Phase,
    /// The datagram being composed for it.
    pub(super) staged: Option<StageIndex>,
    pub(super) session: Session,
}

impl Connection {
    pub(super) fn is_half_open(&self) -> bool {
        matches!(self.phase, Phase::HalfOpen { .. })
    }

    pub(super) fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing(_))
    }

    /// Nothing more goes into the datagram `index`: it is being sealed.
    #[inline]
    pub(super) fn close_staged(&mut self, index: StageIndex) {
        if self.staged == Some(index) {
            self.staged = None;
        }
    }
}

#[derive(Debug)]
struct Slot {
    generation: u8,
    connection: Option<Connection>,
}

#[derive(Debug)]
pub(super) struct Table {
    core: u8,
    capacity: usize,
    /// Generation that a slot's first connection gets: drawn at boot, so that a restarted server knows its own.
    first_generation: u8,
    slots: Vec<Slot>,
    /// When to look at each slot, apart from the slots: the sweep reads nothing else.
    deadlines: Vec<Instant>,
    free: VecDeque<u16>,
    by_client: HashMap<(SocketAddr, [u8; 32]), ConnectionId>,
}

impl Table {
    pub(super) fn new(core: u8, capacity: usize, random: &mut Csprng) -> Self {
        Table {
            core,
            capacity,
            first_generation: (random.next_u32() % 255 + 1) as u8,
            slots: Vec::with_capacity(capacity),
            deadlines: Vec::with_capacity(capacity),
            free: VecDeque::with_capacity(capacity),
            by_client: HashMap::with_capacity(capacity),
        }
    }

    #[inline]
    pub(super) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        let slot = self.slots.get(usize::from(id.slot()))?;
        slot.connection.as_ref().filter(|_| slot.generation == id.generation() && id.core() == self.core)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let slot = self.slots.get_mut(usize::from(id.slot()))?;
        slot.connection.as_mut().filter(|_| slot.generation == id.generation() && id.core() == self.core)
    }

    /// Asks the processor for a connection, without looking at it: whether it is the right one shows when it is used.
    #[inline]
    pub(super) fn prefetch(&self, id: ConnectionId) {
        if let Some(slot) = self.slots.get(usize::from(id.slot())) {
            prefetch(slot);
        }
    }

    /// The connection of the client with this ephemeral key at this address. Whoever copies its Connect and sends it from
    /// elsewhere gets a connection of its own, which it cannot use.
    pub(super) fn of_client(&self, peer: SocketAddr, client_key: &[u8; 32]) -> Option<ConnectionId> {
        self.by_client.get(&(peer, *client_key)).copied()
    }

    /// The id that the next connection gets; None when the core is full.
    pub(super) fn vacancy(&mut self) -> Option<ConnectionId> {
        if self.free.is_empty() && self.slots.len() < self.capacity {
            self.free.push_back(self.slots.len() as u16);
            self.slots.push(Slot { generation: self.first_generation, connection: None });
            self.deadlines.push(Instant::NEVER);
        }
        let slot = *self.free.front()?;
        Some(ConnectionId::new(self.core, self.slots[usize::from(slot)].generation, slot))
    }

    /// Takes in the connection that was made for the id of [`Self::vacancy`].
    pub(super) fn insert(&mut self, now: Instant, connection: Connection) {
        let id = connection.session.id();
        assert!(self.vacancy() == Some(id), "a connection goes where its id says");
        self.free.pop_front();
        self.by_client.insert((connection.path.peer, connection.client_key), id);
        self.slots[usize::from(id.slot())].connection = Some(connection);
        self.await_proof(now, id);
    }

    /// Gives the client time, from `now` on, to prove its keys: its Accepted was just sent.
    pub(super) fn await_proof(&mut self, now: Instant, id: ConnectionId) {
        self.deadlines[usize::from(id.slot())] = now + HALF_OPEN_TIMEOUT;
    }

    /// The client has proved its keys: what was kept for a repeated Connect is no longer needed.
    pub(super) fn confirm(&mut self, id: ConnectionId) {
        let Some(connection) = self.get_mut(id) else { return };
        connection.phase = Phase::Established;
        self.schedule(id);
    }

    /// Notes when the connection's heartbeat wants to be looked at next.
    pub(super) fn schedule(&mut self, id: ConnectionId) {
        if let Some(connection) = self.get(id) {
            self.deadlines[usize::from(id.slot())] = connection.session.heartbeat.deadline();
        }
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Connection> {
        self.get(id)?;
        let slot = &mut self.slots[usize::from(id.slot())];
        let connection = slot.connection.take()?;
        slot.generation = slot.generation % 255 + 1;
        self.deadlines[usize::from(id.slot())] = Instant::NEVER;
        self.free.push_back(id.slot());
        self.by_client.remove(&(connection.path.peer, connection.client_key));
        Some(connection)
    }

    /// Slots that have ever been used: 0 to this are the ones to sweep.
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn deadline(&self, slot: usize) -> Instant {
        self.deadlines[slot]
    }

    pub(super) fn occupant(&self, slot: usize) -> Option<ConnectionId> {
        let Slot { generation, connection } = &self.slots[slot];
        connection.as_ref().map(|_| ConnectionId::new(self.core, *generation, slot as u16))
    }
}
