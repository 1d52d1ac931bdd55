//! One client: what is in its sight, what it has acknowledged, and what it is sent next.
//!
//! | module | for |
//! |---|---|
//! | `block` | the entities in sight, in columns |
//! | `history` | the snapshots in flight, with their entries |
//! | `acknowledge` | what acknowledgments prove that the client has |
//! | `due` | which entities are due, and their priorities |
//! | `snapshot` | writing a snapshot |
//! | `digest` | comparing the client's digest with what it must see |
//! | `scratch` | working memory that all viewers share |
//! | `owners` | the owner blocks in flight |
//! | `ring` | values by number, in little memory |
//!
//! For each entity in sight the viewer knows the newest version that the client has acknowledged, and when it last sent one.
//! What is due is sent at the rates of the pacing; if more is due than fits the budget, what has waited longest and is
//! nearest goes first. Entries are never retransmitted: a later snapshot repeats the changes of a lost one, from the same
//! baseline.

mod acknowledge;
mod block;
mod digest;
mod due;
mod history;
mod owners;
mod ring;
mod scratch;
mod snapshot;

pub use block::SLOTS_MAX;
pub use digest::DigestResult;
pub use scratch::Scratch;
pub use snapshot::PlayerReport;

use crate::world::interest::Reach;
use block::{Slots, bits};
use history::History;
use owners::Owners;
use ringshard_prefetch::prefetch;
use ringshard_world::{EntityId, Fields};
use std::mem::offset_of;
use std::ops::Range;

/// Ticks for the first acknowledgment, before the round-trip time was measured: a quarter of a second.
const RTT_TICKS_FIRST: u32 = 15;

/// How a client looks around.
#[derive(Clone, Copy, Debug)]
pub struct Gaze {
    /// The body of the client's player.
    pub body: Option<EntityId>,
    /// Decides which of many equally near entities are in sight: different for each client.
    pub turn: u32,
    /// How far its last interest query had to search.
    pub reach: Reach,
}

/// One client's view, as the server knows it. What every snapshot reads and writes comes first.
#[derive(Debug)]
#[repr(C)]
pub struct Viewer<O> {
    /// How the client looks around.
    pub gaze: Gaze,
    /// Tick of the last snapshot.
    last_snapshot_at: u32,
    /// Smoothed round-trip time, in eighths of a tick.
    rtt_eighths: u32,
    /// Smoothed deviation of that time, in eighths of a tick.
    jitter_eighths: u32,
    /// The newest snapshot that was acknowledged.
    acknowledged: Option<u16>,
    /// Whether the last snapshot had no room for all that was due.
    crowded: bool,
    /// The entities in sight.
    slots: Slots,
    history: History,
    /// The owner blocks of the last snapshots.
    owners: Owners<O>,
}

impl<O: Fields> Viewer<O> {
    /// The bytes that every snapshot reads or writes: all but the rings, of which it needs a few places.
    pub(crate) const FRONT: [Range<usize>; 2] = [
        0..offset_of!(Viewer<O>, history) + History::FRONT,
        offset_of!(Viewer<O>, owners)..offset_of!(Viewer<O>, owners) + Owners::<O>::FRONT,
    ];

    /// A client that sees nothing yet; its first snapshot has number `first`. Owner blocks are differences from `blank`.
    pub fn new(blank: O, turn: u32, first: u16) -> Self {
        Viewer {
            gaze: Gaze { body: None, turn, reach: Reach::default() },
            slots: Slots::new(),
            crowded: false,
            history: History::new(first),
            rtt_eighths: RTT_TICKS_FIRST * 8,
            jitter_eighths: 0,
            last_snapshot_at: 0,
            acknowledged: None,
            owners: Owners::new(blank),
        }
    }

    /// The number of the next snapshot.
    pub fn next_number(&self) -> u16 {
        self.history.next()
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
        self.slots.blocks().iter().flat_map(|block| bits(block.shown).map(|lane| block.indices[lane]))
    }

    /// Whether the client has this entity in sight, or does not know yet that it has not.
    pub fn has(&self, id: EntityId) -> bool {
        self.slots.has(id.index, id.generation)
    }

    /// The number of entities in sight.
    pub fn shown_len(&self) -> usize {
        self.slots.blocks().iter().map(|block| block.shown.count_ones() as usize).sum()
    }

    /// Updates which of the entities in sight are near.
    pub fn set_near(&mut self, near: impl Fn(u16) -> bool) {
        for block in self.slots.blocks_mut() {
            let set = bits(block.shown).fold(0, |set, lane| set | u64::from(near(block.indices[lane])) << lane);
            block.near = block.near & !block.shown | set;
        }
    }

    /// The entity at `index` enters the client's sight. If there is no free slot it is ignored: the next look tries again.
    ///
    /// # Panics
    /// When it is in sight already.
    pub fn enter(&mut self, index: u16, generation: u8) {
        self.slots.enter(index, generation, self.history.next());
    }

    /// The entity at `index` leaves the client's sight.
    pub fn leave(&mut self, index: u16) {
        self.slots.leave(index);
    }

    /// Prefetches what [`Self::snapshot`] reads beside the front: thousands of viewers do not stay in the processor's cache.
    /// `acknowledged` is the snapshot that the client says it has, if that is not taken yet.
    #[inline]
    pub fn prefetch(&self, acknowledged: Option<u16>) {
        self.slots.blocks().iter().skip(1).for_each(prefetch);
        self.history.prefetch();
        self.owners.prefetch(self.history.next(), acknowledged.or(self.acknowledged));
    }

    /// Prefetches what [`Self::acknowledge`] reads last, after [`Self::prefetch`] has fetched what it reads first.
    #[inline]
    pub fn prefetch_acknowledged(&self, newest: u16) {
        self.history.prefetch_entries(newest);
    }

    /// Ticks after which an update that was not acknowledged is repeated.
    fn repeat_after(&self) -> u32 {
        self.rtt_eighths.div_ceil(8) * 5 / 4 + 2
    }
}
