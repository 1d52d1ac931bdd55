//! The connections of a core: found by slot, checked by generation.

use super::budget::Budget;
use super::life::SessionId;
use super::migration::Candidate;
use super::resumption::Token;
use super::staging::StageIndex;
use super::timers::Timers;
use crate::connection::Connection;
use crate::crypto::Csprng;
use crate::crypto::noise::ResumeKey;
use crate::limits::HALF_OPEN_TIMEOUT;
use crate::link::Path;
use crate::time::{Duration, Instant};
use crate::wire::{Accepted, ConnectionId, DisconnectReason};
use core::net::SocketAddr;
use rand_chacha::rand_core::Rng;
use ringshard_prefetch::prefetch;
use std::collections::{HashMap, VecDeque};

/// How long after its end datagrams of a connection are taken for late ones.
const LATE_FOR: Duration = Duration::from_secs(3);

/// How far a connection has come.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// Accepted; the client has yet to prove that it holds the keys, until then. Its Connect may come again. The session
    /// it names goes on as soon as it has.
    HalfOpen { reply: Box<[u8; Accepted::BYTES]>, until: Instant, resumes: Option<ResumeKey> },
    /// Both ends hold the keys.
    Established,
    /// The client is told at the next flush; then it is gone.
    Closing(DisconnectReason),
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) path: Path,
    /// What it has used up of what it may send.
    pub(super) budget: Budget,
    /// When its handshake was done.
    pub(super) born: Instant,
    /// Where it may have moved to.
    pub(super) candidate: Option<Box<Candidate>>,
    /// The address that its handshake came from.
    pub(super) born_at: SocketAddr,
    /// The ephemeral key of its handshake: a Connect that comes again makes no second connection.
    pub(super) client_key: [u8; 32],
    pub(super) phase: Phase,
    /// The datagram being composed for it.
    pub(super) staged: Option<StageIndex>,
    /// It stands in the queue of those that have something to say.
    pub(super) is_active: bool,
    /// The session that it carries; None until its client has proved its keys.
    pub(super) session_id: Option<SessionId>,
    /// What its session was named by before it went on with it.
    pub(super) alias: Option<Token>,
    /// When its client's integrity is checked next.
    pub(super) challenge_at: Instant,
    /// Datagrams given up as lost that the endpoint has counted.
    pub(super) lost_counted: u64,
    pub(super) session: Connection,
}

impl Entry {
    pub(super) fn is_half_open(&self) -> bool {
        matches!(self.phase, Phase::HalfOpen { .. })
    }

    /// Whether nothing is going on with it but unreliable messages.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.phase, Phase::Established) && self.session.is_quiet()
    }

    /// Datagrams given up as lost since the last call.
    pub(super) fn newly_lost(&mut self) -> u64 {
        let lost = self.session.packets_lost();
        lost - std::mem::replace(&mut self.lost_counted, lost)
    }

    pub(super) fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing(_))
    }

    /// When it wants to be looked at next.
    fn deadline(&self) -> Instant {
        match self.phase {
            Phase::HalfOpen { until, .. } => until,
            Phase::Closing(_) => Instant::NEVER,
            Phase::Established => {
                let candidate = self.candidate.as_ref().map_or(Instant::NEVER, |candidate| candidate.deadline());
                self.session.deadline().min(candidate).min(self.challenge_at)
            }
        }
    }

    /// Nothing more goes into the datagram `index`: it is being sealed.
    #[inline]
    pub(super) fn close_staged(&mut self, index: StageIndex) {
        if self.staged == Some(index) {
            self.staged = None;
        }
    }
}

/// How long a client that was let in keeps a slot that others want, although it has yet to prove its keys.
const HALF_OPEN_GRACE: Duration = Duration::from_secs(1);

/// Clients of a core that may have yet to prove their keys: a quarter of all, where that is enough for a second of joins.
fn half_open_max(capacity: usize) -> usize {
    (capacity / 4).max(1024).min(capacity)
}

fn is_half_open(slots: &[Slot], id: ConnectionId) -> bool {
    let slot = &slots[usize::from(id.slot())];
    slot.generation == id.generation() && slot.connection.as_ref().is_some_and(Entry::is_half_open)
}

#[derive(Debug)]
struct Slot {
    generation: u8,
    /// What the connection was called before its client moved; 0 when it never did.
    former_generation: u8,
    connection: Option<Entry>,
    /// The slot's last connection that ended in order.
    ended: Ended,
}

/// A connection that has ended in order: both its names, and when it ended. Without one, both names are 0.
#[derive(Clone, Copy, Default, Debug)]
struct Ended {
    generation: u8,
    former_generation: u8,
    at: Instant,
}

impl Slot {
    #[inline]
    fn has_id(&self, generation: u8) -> bool {
        generation == self.generation || generation == self.former_generation && generation != 0
    }
}

#[derive(Debug)]
pub(super) struct Table {
    core: u8,
    capacity: usize,
    /// Generation that a slot's first connection gets: drawn at boot, so that a restarted server knows its own.
    first_generation: u8,
    slots: Vec<Slot>,
    timers: Timers,
    free: VecDeque<u16>,
    /// Connections whose clients have yet to prove their keys, oldest first; those that have done so since, or are gone,
    /// may still stand among them.
    half_open: VecDeque<ConnectionId>,
    half_open_count: usize,
    by_client: HashMap<(SocketAddr, [u8; 32]), ConnectionId>,
}

impl Table {
    pub(super) fn new(core: u8, capacity: usize, now: Instant, random: &mut Csprng) -> Self {
        Table {
            core,
            capacity,
            first_generation: (random.next_u32() % 255 + 1) as u8,
            slots: Vec::with_capacity(capacity),
            timers: Timers::new(now),
            free: VecDeque::with_capacity(capacity),
            half_open: VecDeque::with_capacity(2 * half_open_max(capacity)),
            half_open_count: 0,
            by_client: HashMap::with_capacity(capacity),
        }
    }

    #[inline]
    pub(super) fn get(&self, id: ConnectionId) -> Option<&Entry> {
        let slot = self.slots.get(usize::from(id.slot()))?;
        slot.connection.as_ref().filter(|_| slot.has_id(id.generation()) && id.core() == self.core)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Entry> {
        let slot = self.slots.get_mut(usize::from(id.slot()))?;
        let called = slot.has_id(id.generation());
        slot.connection.as_mut().filter(|_| called && id.core() == self.core)
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
            self.slots.push(Slot {
                generation: self.first_generation,
                former_generation: 0,
                connection: None,
                ended: Ended::default(),
            });
        }
        let slot = *self.free.front()?;
        Some(ConnectionId::new(self.core, self.slots[usize::from(slot)].generation, slot))
    }

    /// Takes in the connection that was made for the id of [`Self::vacancy`].
    pub(super) fn insert(&mut self, now: Instant, connection: Entry) {
        let id = connection.session.id();
        assert!(self.vacancy() == Some(id), "a connection goes where its id says");
        self.free.pop_front();
        self.by_client.insert((connection.born_at, connection.client_key), id);
        self.half_open_count += 1;
        if self.half_open.len() == self.half_open.capacity() {
            let Table { slots, half_open, .. } = self;
            half_open.retain(|id| is_half_open(slots, *id));
        }
        self.half_open.push_back(id);
        self.slots[usize::from(id.slot())].connection = Some(connection);
        self.await_proof(now, id);
    }

    /// Gives the client time, from `now` on, to prove its keys: its Accepted was just sent.
    pub(super) fn await_proof(&mut self, now: Instant, id: ConnectionId) {
        if let Some(Entry { phase: Phase::HalfOpen { until, .. }, .. }) = self.get_mut(id) {
            *until = now + HALF_OPEN_TIMEOUT;
        }
        self.schedule(id);
    }

    /// The client has proved its keys: what was kept for a repeated Connect is no longer needed. Gives the key of
    /// the session that it goes on with.
    pub(super) fn confirm(&mut self, id: ConnectionId) -> Option<ResumeKey> {
        let phase = std::mem::replace(&mut self.get_mut(id)?.phase, Phase::Established);
        self.half_open_count -= usize::from(matches!(phase, Phase::HalfOpen { .. }));
        self.schedule(id);
        match phase {
            Phase::HalfOpen { resumes, .. } => resumes,
            _ => None,
        }
    }

    /// Notes when the connection wants to be looked at next.
    #[inline]
    pub(super) fn schedule(&mut self, id: ConnectionId) {
        if let Some(connection) = self.get(id) {
            let deadline = connection.deadline();
            self.timers.schedule(id.slot(), deadline);
        }
    }

    /// A connection whose time has come. It must be scheduled anew.
    pub(super) fn expired(&mut self, now: Instant) -> Option<ConnectionId> {
        loop {
            let slot = self.timers.expired(now)?;
            if let Some(id) = self.occupant(slot.into()) {
                return Some(id);
            }
        }
    }

    /// When [`Self::expired`] may give something.
    pub(super) fn next_deadline(&self) -> Instant {
        self.timers.next()
    }

    /// Gives the connection a new name, its slot's next; the one it has goes on to be known.
    pub(super) fn rename(&mut self, id: ConnectionId) -> Option<ConnectionId> {
        self.get(id)?;
        let slot = &mut self.slots[usize::from(id.slot())];
        slot.former_generation = slot.generation;
        slot.generation = slot.generation % 255 + 1;
        Some(ConnectionId::new(self.core, slot.generation, id.slot()))
    }

    /// Removes a connection that ends in order. Its datagrams that are still on their way are late, not a stranger's.
    pub(super) fn retire(&mut self, now: Instant, id: ConnectionId) -> Option<Entry> {
        let Slot { generation, former_generation, .. } = *self.slots.get(usize::from(id.slot()))?;
        let connection = self.remove(id)?;
        self.slots[usize::from(id.slot())].ended = Ended { generation, former_generation, at: now };
        Some(connection)
    }

    /// Whether the connection of this name ended in order a moment ago.
    pub(super) fn has_just_ended(&self, now: Instant, id: ConnectionId) -> bool {
        let Some(Slot { ended, .. }) = self.slots.get(usize::from(id.slot())) else { return false };
        let called = id.generation() == ended.generation || id.generation() == ended.former_generation;
        called && id.generation() != 0 && id.core() == self.core && now.since(ended.at) < LATE_FOR
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Entry> {
        self.get(id)?;
        let slot = &mut self.slots[usize::from(id.slot())];
        let connection = slot.connection.take()?;
        self.half_open_count -= usize::from(connection.is_half_open());
        slot.generation = slot.generation % 255 + 1;
        slot.former_generation = 0;
        self.free.push_back(id.slot());
        self.by_client.remove(&(connection.born_at, connection.client_key));
        Some(connection)
    }

    /// Whether every slot has its connection.
    pub(super) fn is_full(&self) -> bool {
        self.len() == self.capacity
    }

    /// Whether so many clients have yet to prove their keys that the next must take the place of one. Where only a slot is
    /// missing, one that was let in just now keeps its own: its proof may be on the way.
    pub(super) fn is_crowded(&mut self, now: Instant) -> bool {
        if self.half_open_count >= half_open_max(self.capacity) {
            return true;
        }
        let has_waited = |born: Instant| now.since(born) >= HALF_OPEN_GRACE;
        self.is_full() && self.oldest_half_open().is_some_and(|id| self.get(id).is_some_and(|it| has_waited(it.born)))
    }

    /// The connection that has waited longest for its client to prove its keys.
    fn oldest_half_open(&mut self) -> Option<ConnectionId> {
        while let Some(&id) = self.half_open.front() {
            if is_half_open(&self.slots, id) {
                return Some(id);
            }
            self.half_open.pop_front();
        }
        None
    }

    /// Gives up the connection that has waited longest for its client to prove its keys; false when there is none.
    pub(super) fn displace_half_open(&mut self) -> bool {
        self.oldest_half_open().is_some_and(|id| self.remove(id).is_some())
    }

    /// Slots that have ever been used: 0 to this are the ones to sweep.
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn occupant(&self, slot: usize) -> Option<ConnectionId> {
        let Slot { generation, connection, .. } = self.slots.get(slot)?;
        connection.as_ref().map(|_| ConnectionId::new(self.core, *generation, slot as u16))
    }
}
