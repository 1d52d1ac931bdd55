//! One client: what is in its sight, what it has acknowledged, and what it is sent next.
//!
//! | module | for |
//! |---|---|
//! | `slot` | one entity in sight |
//! | `history` | the snapshots in flight, with their entries |
//! | `acknowledge` | what acknowledgments prove that the client has |
//! | `priority` | which entities are due, and their priorities |
//! | `snapshot` | writing a snapshot |
//! | `digest` | comparing the client's digest with what it must see |
//! | `scratch` | working memory that all viewers share |
//! | `owners` | the owner blocks in flight |
//!
//! For each entity in sight the viewer knows the newest version that the client has acknowledged, and when it last sent one.
//! What is due is sent at the rates of the pacing; if more is due than fits the budget, what has waited longest and is
//! nearest goes first. Entries are never retransmitted: a later snapshot repeats the changes of a lost one, from the same
//! baseline.

mod acknowledge;
mod digest;
mod history;
mod owners;
mod priority;
mod scratch;
mod slot;
mod snapshot;

pub use digest::DigestResult;
pub use scratch::Scratch;
pub use slot::SLOTS_MAX;
pub use snapshot::PlayerReport;

use crate::world::interest::Reach;
use crate::world::replication::happenings::Happenings;
use crate::world::replication::replica::Replica;
use history::History;
use owners::Owners;
use ringshard_prefetch::prefetch;
use ringshard_world::{EntityId, Fields};
use slot::{Sight, Slot, SlotSet};

/// Ticks for the first acknowledgment, before the round-trip time was measured: a quarter of a second.
const RTT_TICKS_FIRST: u32 = 15;

/// One client's view, as the server knows it.
#[derive(Debug)]
pub struct Viewer<O> {
    /// The body of the client's player.
    pub body: Option<EntityId>,
    /// Decides which of many equally near entities are in sight: different for each client.
    pub turn: u32,
    /// How far its last interest query had to search.
    pub reach: Reach,
    /// The entities in sight, and free slots.
    slots: Vec<Slot>,
    /// The free slots.
    free: Vec<u8>,
    /// Slots of which the client may have another version than is known here, until it acknowledges a newer one.
    uncertain: SlotSet,
    /// Slots that are to be sent in full, whatever the client has.
    in_full: SlotSet,
    /// Whether the last snapshot had no room for all that was due.
    crowded: bool,
    /// Number of the next snapshot.
    number: u16,
    /// How many snapshots were sent, as far as numbers can tell: at most [`acknowledge::BEHIND_MAX`].
    sent: u16,
    history: History,
    /// Smoothed round-trip time, in eighths of a tick.
    rtt_eighths: u32,
    /// Smoothed deviation of that time, in eighths of a tick.
    jitter_eighths: u32,
    /// Tick of the last snapshot.
    last_snapshot_at: u32,
    /// The newest snapshot that was acknowledged.
    acknowledged: Option<u16>,
    /// The owner blocks of the last snapshots.
    owners: Owners<O>,
}

impl<O: Fields> Viewer<O> {
    /// A client that sees nothing yet; its first snapshot has number `first`. Owner blocks are differences from `blank`.
    pub fn new(blank: O, turn: u32, first: u16) -> Self {
        Viewer {
            body: None,
            turn,
            reach: Reach::default(),
            slots: Vec::with_capacity(SLOTS_MAX),
            free: Vec::with_capacity(SLOTS_MAX),
            uncertain: SlotSet::default(),
            in_full: SlotSet::default(),
            crowded: false,
            number: first,
            sent: 0,
            history: History::new(),
            rtt_eighths: RTT_TICKS_FIRST * 8,
            jitter_eighths: 0,
            last_snapshot_at: 0,
            acknowledged: None,
            owners: Owners::new(blank),
        }
    }

    /// The number of the next snapshot.
    pub fn next_number(&self) -> u16 {
        self.number
    }

    /// The newest snapshot that the client is known to have.
    pub fn acknowledged(&self) -> Option<u16> {
        self.acknowledged
    }

    /// The tick of a snapshot that the client has acknowledged lately.
    pub fn tick_of(&self, number: u16) -> Option<u32> {
        self.history.tick_of(number)
    }

    /// Smoothed time from a snapshot to its acknowledgment, in ticks.
    pub fn round_trip_ticks(&self) -> f64 {
        f64::from(self.rtt_eighths) / 8.0
    }

    /// Smoothed deviation of that time, in ticks.
    pub fn jitter_ticks(&self) -> f64 {
        f64::from(self.jitter_eighths) / 8.0
    }

    /// The indices of the entities in sight.
    pub fn shown(&self) -> impl Iterator<Item = u16> + '_ {
        self.slots.iter().filter(|slot| slot.sight == Sight::Shown).map(|slot| slot.index)
    }

    /// Whether the client has this entity in sight, or does not know yet that it has not.
    pub fn has(&self, id: EntityId) -> bool {
        let is_it = |slot: &&Slot| (slot.index, slot.generation) == (id.index, id.generation);
        self.slots.iter().filter(is_it).any(|slot| slot.sight != Sight::Free)
    }

    /// The entities of which the client gets the events of this tick, as far as there are any.
    pub fn heard<'a, S: Fields>(
        &'a self,
        happenings: &'a Happenings,
        replica: &'a Replica<S>,
    ) -> impl Iterator<Item = EntityId> + 'a {
        let concerned = self.slots.iter().filter(|slot| happenings.concern(slot.index));
        let heard = concerned.filter(|slot| slot.is_heard(replica.generation(slot.index)));
        heard.map(|slot| EntityId { index: slot.index, generation: slot.generation })
    }

    /// The number of entities in sight.
    pub fn shown_len(&self) -> usize {
        self.slots.iter().filter(|slot| slot.sight == Sight::Shown).count()
    }

    /// Updates which of the entities in sight are near.
    pub fn set_near(&mut self, near: impl Fn(u16) -> bool) {
        for slot in self.slots.iter_mut().filter(|slot| slot.sight == Sight::Shown) {
            slot.near = near(slot.index);
        }
    }

    /// The entity at `index` enters the client's sight. If there is no free slot it is ignored: the next look tries again.
    ///
    /// # Panics
    /// When it is in sight already.
    pub fn enter(&mut self, index: u16, generation: u8) {
        // An entity that is still leaving keeps its slot: the client may have it or not.
        let leaving = self.slots.iter().position(|slot| slot.sight != Sight::Free && slot.index == index);
        let Some(at) = leaving.or_else(|| self.free_slot()) else { return };
        let expected = if leaving.is_some() { Sight::Leaving } else { Sight::Free };
        assert_eq!(self.slots[at].sight, expected, "entity {index} enters once");
        self.slots[at] = Slot { sight: Sight::Shown, near: true, generation, index, since: self.number, ..Slot::FREE };
        self.in_full.remove(at);
        match leaving {
            Some(_) => self.uncertain.insert(at),
            None => self.uncertain.remove(at),
        }
    }

    fn free_slot(&mut self) -> Option<usize> {
        if let Some(at) = self.free.pop() {
            return Some(at.into());
        }
        if self.slots.len() == SLOTS_MAX {
            return None;
        }
        self.slots.push(Slot::FREE);
        Some(self.slots.len() - 1)
    }

    /// The entity at `index` leaves the client's sight.
    pub fn leave(&mut self, index: u16) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.sight == Sight::Shown && slot.index == index) {
            slot.leave();
        }
    }

    /// Prefetches what [`Self::prefetch`] reads.
    #[inline]
    pub fn prefetch_head(&self) {
        prefetch(&self.slots);
        prefetch(&self.number);
        prefetch(&self.history);
        prefetch(&self.owners);
    }

    /// Prefetches what [`Self::snapshot`] reads: thousands of viewers do not stay in the processor's cache. `acknowledged` is
    /// the snapshot that the client says it has, if that is not taken yet.
    #[inline]
    pub fn prefetch(&self, acknowledged: Option<u16>) {
        // A cache line holds four slots.
        self.slots.iter().step_by(4).for_each(prefetch);
        self.history.prefetch(self.number);
        self.owners.prefetch(self.number, acknowledged.or(self.acknowledged));
        if let Some(acknowledged) = acknowledged {
            self.history.prefetch_sent(acknowledged);
        }
    }

    /// Ticks after which an update that was not acknowledged is repeated.
    fn repeat_after(&self) -> u32 {
        self.rtt_eighths.div_ceil(8) * 5 / 4 + 2
    }
}
