//! The connections of a core: found by slot, checked by generation (PROTOCOL.md#connection-id).

use super::entry::{Entry, Phase};
use super::sender::Sender;
use super::timers::Timers;
use crate::connection::Connection;
use crate::crypto::Csprng;
use crate::crypto::noise::ResumeKey;
use crate::limits::HALF_OPEN_TIMEOUT;
use crate::time::{Duration, Instant};
use crate::wire::ConnectionId;
use core::mem::offset_of;
use core::net::SocketAddr;
use rand_chacha::rand_core::Rng;
use ringshard_prefetch::prefetch_part;
use std::collections::{HashMap, VecDeque};

/// How long after the end of a connection its datagrams count as late.
const LATE_FOR: Duration = Duration::from_secs(3);

/// How long a half-open connection keeps a slot that other clients want.
const HALF_OPEN_GRACE: Duration = Duration::from_secs(1);

/// Half-open connections of a core: a quarter of all, but at least a second of joins.
fn half_open_max(capacity: usize) -> usize {
    (capacity / 4).max(1024).min(capacity)
}

/// The generation after this one: 1 to 255. 0 belongs to no connection.
fn next_generation(generation: u8) -> u8 {
    generation % 255 + 1
}

fn is_half_open(slots: &[Slot], id: ConnectionId) -> bool {
    let slot = &slots[usize::from(id.slot())];
    slot.generation == id.generation() && slot.entry.as_ref().is_some_and(Entry::is_half_open)
}

/// A multiple of cache lines: neighbours share none.
#[derive(Debug)]
#[repr(C, align(64))]
struct Slot {
    generation: u8,
    /// The generation before the client moved; 0 if it never did.
    former_generation: u8,
    entry: Option<Entry>,
    /// The last connection of the slot that ended in order.
    ended: Ended,
}

/// A connection that ended in order: its two generations and when it ended. Both are 0 if there was none.
#[derive(Clone, Copy, Default, Debug)]
struct Ended {
    generation: u8,
    former_generation: u8,
    at: Instant,
}

/// Where the connection lies in its slot.
const CONNECTION_AT: usize = offset_of!(Slot, entry) + offset_of!(Entry, connection);
const _: () = assert!(size_of::<Option<Entry>>() == size_of::<Entry>(), "an entry begins where its option begins");

impl Slot {
    #[inline]
    fn has_generation(&self, generation: u8) -> bool {
        generation == self.generation || generation == self.former_generation && generation != 0
    }
}

#[derive(Debug)]
pub(super) struct Table {
    core: u8,
    capacity: usize,
    /// Generation of the first connection in each slot. It is drawn at boot, so that a restarted server rejects the
    /// connections of the one before.
    first_generation: u8,
    slots: Vec<Slot>,
    timers: Timers,
    free: VecDeque<u16>,
    /// Half-open connections, oldest first. It may also hold connections that are established or gone by now.
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
        slot.entry.as_ref().filter(|_| slot.has_generation(id.generation()) && id.core() == self.core)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Entry> {
        let slot = self.slots.get_mut(usize::from(id.slot()))?;
        let named = slot.has_generation(id.generation());
        slot.entry.as_mut().filter(|_| named && id.core() == self.core)
    }

    /// Prefetches what the next datagram of a connection needs. It reads nothing, so the id may be wrong.
    #[inline]
    pub(super) fn prefetch_to_receive(&self, id: ConnectionId) {
        if let Some(slot) = self.slots.get(usize::from(id.slot())) {
            prefetch_part(slot, 0..CONNECTION_AT + Connection::SEAL_KEY_AT);
        }
    }

    /// Prefetches what sealing a datagram needs.
    #[inline]
    pub(super) fn prefetch_to_seal(&self, id: ConnectionId) {
        if let Some(slot) = self.slots.get(usize::from(id.slot())) {
            prefetch_part(slot, 0..CONNECTION_AT + Connection::FRONT_BYTES);
            prefetch_part(slot, CONNECTION_AT + Connection::SEAL_KEY_AT..CONNECTION_AT + Connection::KEYS_END);
        }
    }

    /// The connection of the client with this ephemeral key at this address. An attacker who sends a copied Connect
    /// from another address gets a connection of its own, without the keys.
    pub(super) fn of_client(&self, peer: SocketAddr, client_key: &[u8; 32]) -> Option<ConnectionId> {
        self.by_client.get(&(peer, *client_key)).copied()
    }

    /// The id of the next connection; None if the core is full.
    pub(super) fn next_id(&mut self) -> Option<ConnectionId> {
        if self.free.is_empty() && self.slots.len() < self.capacity {
            self.free.push_back(self.slots.len() as u16);
            self.slots.push(Slot {
                generation: self.first_generation,
                former_generation: 0,
                entry: None,
                ended: Ended::default(),
            });
        }
        let slot = *self.free.front()?;
        Some(ConnectionId::new(self.core, self.slots[usize::from(slot)].generation, slot))
    }

    /// Adds a half-open connection, which was made for the id of [`Self::next_id`].
    pub(super) fn insert(&mut self, now: Instant, entry: Entry) {
        let id = entry.connection.id();
        assert!(self.next_id() == Some(id), "a connection goes where its id says");
        assert!(entry.is_half_open(), "a client has yet to prove its keys");
        self.free.pop_front();
        self.by_client.insert((entry.handshake_peer, entry.client_key), id);
        self.half_open_count += 1;
        if self.half_open.len() == self.half_open.capacity() {
            let Table { slots, half_open, .. } = self;
            half_open.retain(|id| is_half_open(slots, *id));
        }
        self.half_open.push_back(id);
        let slot = &mut self.slots[usize::from(id.slot())];
        assert!(slot.entry.is_none(), "a free slot is empty");
        slot.entry = Some(entry);
        assert!(self.half_open_count <= self.len(), "every half-open connection has a slot");
        assert!(self.by_client.len() == self.len(), "every connection is found by its client's key");
        self.restart_half_open_timeout(now, id);
    }

    /// Gives the client the full time from `now` on to prove its keys: the server has just sent its Accepted.
    pub(super) fn restart_half_open_timeout(&mut self, now: Instant, id: ConnectionId) {
        if let Some(Entry { phase: Phase::HalfOpen(half_open), .. }) = self.get_mut(id) {
            half_open.until = now + HALF_OPEN_TIMEOUT;
        }
        self.schedule(id);
    }

    /// The client has proved its keys. Returns the key of the session that it resumes.
    pub(super) fn establish(&mut self, id: ConnectionId) -> Option<ResumeKey> {
        let phase = std::mem::replace(&mut self.get_mut(id)?.phase, Phase::Established);
        let Phase::HalfOpen(half_open) = phase else { panic!("a connection is established once") };
        assert!(self.half_open_count > 0, "a half-open connection was counted");
        self.half_open_count -= 1;
        self.schedule(id);
        half_open.resumes
    }

    /// Moves the connection to its validated path.
    pub(super) fn set_path(&mut self, id: ConnectionId, sender: Sender) -> Option<&mut Entry> {
        let entry = self.get_mut(id)?;
        assert!(entry.path != sender.path, "a candidate path is not the connection's own");
        entry.candidate = None;
        (entry.path, entry.origin) = (sender.path, sender.origin);
        Some(entry)
    }

    /// Schedules the connection's timer for its deadline.
    #[inline]
    pub(super) fn schedule(&mut self, id: ConnectionId) {
        if let Some(entry) = self.get(id) {
            let deadline = entry.deadline();
            self.timers.schedule(id.slot(), deadline);
        }
    }

    /// A connection whose timer has expired. The caller must schedule it again.
    pub(super) fn expired(&mut self, now: Instant) -> Option<ConnectionId> {
        loop {
            let slot = self.timers.expired(now)?;
            if let Some(id) = self.id_in_slot(slot.into()) {
                return Some(id);
            }
        }
    }

    /// When [`Self::expired`] may next return a connection.
    pub(super) fn next_deadline(&self) -> Instant {
        self.timers.next()
    }

    /// Gives the connection the next generation of its slot. Its former id stays valid.
    pub(super) fn rename(&mut self, id: ConnectionId) -> Option<ConnectionId> {
        self.get(id)?;
        let slot = &mut self.slots[usize::from(id.slot())];
        slot.former_generation = slot.generation;
        slot.generation = next_generation(slot.generation);
        assert!(slot.generation != slot.former_generation, "the two ids differ");
        Some(ConnectionId::new(self.core, slot.generation, id.slot()))
    }

    /// Removes a connection that ends in order: its datagrams that still arrive count as late, not as unknown.
    pub(super) fn remove_in_order(&mut self, now: Instant, id: ConnectionId) -> Option<Entry> {
        let Slot { generation, former_generation, .. } = *self.slots.get(usize::from(id.slot()))?;
        let entry = self.remove(id)?;
        self.slots[usize::from(id.slot())].ended = Ended { generation, former_generation, at: now };
        Some(entry)
    }

    /// Whether the connection with this id ended in order a moment ago.
    pub(super) fn has_just_ended(&self, now: Instant, id: ConnectionId) -> bool {
        let Some(Slot { ended, .. }) = self.slots.get(usize::from(id.slot())) else { return false };
        let named = id.generation() == ended.generation || id.generation() == ended.former_generation;
        named && id.generation() != 0 && id.core() == self.core && now.since(ended.at) < LATE_FOR
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Entry> {
        self.get(id)?;
        let slot = &mut self.slots[usize::from(id.slot())];
        let entry = slot.entry.take()?;
        slot.generation = next_generation(slot.generation);
        slot.former_generation = 0;
        if entry.is_half_open() {
            assert!(self.half_open_count > 0, "a half-open connection was counted");
            self.half_open_count -= 1;
        }
        self.free.push_back(id.slot());
        let found = self.by_client.remove(&(entry.handshake_peer, entry.client_key));
        assert!(found.is_some(), "every connection is found by its client's key");
        assert!(self.free.len() <= self.slots.len(), "a slot is freed once");
        Some(entry)
    }

    /// Whether every slot is taken.
    pub(super) fn is_full(&self) -> bool {
        self.len() == self.capacity
    }

    /// Whether the next client must displace a half-open connection, because there are too many of them, or because all
    /// slots are taken. In the second case a connection that was accepted just now is safe: its proof may be on the
    /// way.
    pub(super) fn must_displace(&mut self, now: Instant) -> bool {
        if self.half_open_count >= half_open_max(self.capacity) {
            return true;
        }
        let has_waited = |entry: &Entry| now.since(entry.accepted_at) >= HALF_OPEN_GRACE;
        self.is_full() && self.oldest_half_open().is_some_and(|id| self.get(id).is_some_and(has_waited))
    }

    /// The connection that has been half-open longest.
    fn oldest_half_open(&mut self) -> Option<ConnectionId> {
        while let Some(&id) = self.half_open.front() {
            if is_half_open(&self.slots, id) {
                return Some(id);
            }
            self.half_open.pop_front();
        }
        assert!(self.half_open_count == 0, "every half-open connection is in the list");
        None
    }

    /// Removes the connection that has been half-open longest; false if there is none.
    pub(super) fn displace_half_open(&mut self) -> bool {
        self.oldest_half_open().is_some_and(|id| self.remove(id).is_some())
    }

    /// Number of slots ever used. Connections are in slots 0 to this, exclusive.
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The id of the connection in this slot.
    pub(super) fn id_in_slot(&self, slot: usize) -> Option<ConnectionId> {
        let Slot { generation, entry, .. } = self.slots.get(slot)?;
        entry.as_ref().map(|_| ConnectionId::new(self.core, *generation, slot as u16))
    }
}
