//! One entity in a client's sight.

/// Most entities in sight of a client, including those that are leaving it.
pub const SLOTS_MAX: usize = 256;
/// Snapshots after which it no longer matters since when an entity is in sight: all earlier ones are forgotten.
pub(super) const SINCE_MAX: u16 = 1 << 14;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sight {
    /// The slot has no entity.
    Free,
    /// In sight.
    Shown,
    /// Out of sight; the client may not know yet.
    Leaving,
}

/// An entity in sight. Thousands of clients have dozens of these, and all are visited every tick: four fit in a cache line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) sight: Sight,
    pub(super) generation: u8,
    pub(super) near: bool,
    /// Whether a snapshot has announced that it came into sight; or, if it is leaving, that it is gone.
    pub(super) announced: bool,
    pub(super) index: u16,
    /// Number of the first snapshot that may have contained it.
    pub(super) since: u16,
    /// Newest version that the client is known to have; 0 for none.
    pub(super) acked: u32,
    /// The low bits of the version that was sent last.
    pub(super) sent: u16,
    /// The low bits of the tick of the snapshot that contained it last.
    pub(super) sent_at: u16,
}

const _: () = assert!(size_of::<Slot>() == 16 && SLOTS_MAX == u8::MAX as usize + 1);

impl Slot {
    pub(super) const FREE: Slot = Slot {
        sight: Sight::Free,
        generation: 0,
        near: false,
        announced: false,
        index: 0,
        since: 0,
        acked: 0,
        sent: 0,
        sent_at: 0,
    };

    /// The entity leaves the sight; the client must be told.
    pub(super) fn leave(&mut self) {
        assert_eq!(self.sight, Sight::Shown, "only an entity in sight leaves it");
        (self.sight, self.announced) = (Sight::Leaving, false);
    }

    /// Another entity has replaced the one in sight at its index; or none has, if `generation` is 0. Returns whether the
    /// client may have another entity than is known here.
    pub(super) fn succeed(&mut self, generation: u8, number: u16) -> bool {
        if generation == 0 {
            self.leave();
            return false;
        }
        self.announced = false;
        // Snapshots in flight are about the former entity; the client may have received one of them or not.
        (self.since, self.generation, self.acked) = (number, generation, 0);
        true
    }

    /// Whether the client gets events about the entity: it is in sight, or the client was not told yet that it is not, or it
    /// was until it ceased to exist. `generation` is the one that is now at its index. Cores learn of an entity's end at
    /// different times, and its end is often what the event is about.
    #[inline]
    pub(super) fn is_heard(&self, generation: u8) -> bool {
        match self.sight {
            Sight::Free => false,
            Sight::Shown => true,
            Sight::Leaving => !self.announced || generation != self.generation,
        }
    }

    /// Keeps `since` comparable with the number of the next snapshot: sequence numbers wrap.
    pub(super) fn limit_since(&mut self, number: u16) {
        if number.wrapping_sub(self.since) > SINCE_MAX {
            self.since = number.wrapping_sub(SINCE_MAX);
        }
    }
}

/// A set of slots, one bit each.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct SlotSet([u64; SLOTS_MAX / 64]);

impl SlotSet {
    pub(super) const ALL: SlotSet = SlotSet([u64::MAX; SLOTS_MAX / 64]);

    pub(super) fn insert(&mut self, slot: usize) {
        self.0[slot / 64] |= 1 << (slot % 64);
    }

    pub(super) fn remove(&mut self, slot: usize) {
        self.0[slot / 64] &= !(1 << (slot % 64));
    }

    pub(super) fn contains(&self, slot: usize) -> bool {
        self.0[slot / 64] >> (slot % 64) & 1 != 0
    }
}
