//! The entities in a client's sight, in blocks of 64: a column for each of their properties, and a bit set for each question
//! with two answers. A block is walked in order, and 64 entities are compared in a few instructions.

use smallvec::SmallVec;

/// Most entities in sight of a client, including those that are leaving it.
pub const SLOTS_MAX: usize = 256;
/// Snapshots after which it no longer matters since when an entity is in sight: all earlier ones are forgotten.
pub(super) const SINCE_MAX: u16 = 1 << 14;
/// Slots of a block.
pub(super) const LANES: usize = 64;

const _: () = assert!(LANES == u64::BITS as usize && SLOTS_MAX == u8::MAX as usize + 1);

/// 64 slots, each for one entity in sight. A slot is free if it is in neither of the first two sets.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct Block {
    pub(super) indices: [u16; LANES],
    /// Newest version that the client is known to have; 0 for none.
    pub(super) acked: [u16; LANES],
    /// The version that was sent last.
    pub(super) sent: [u16; LANES],
    /// The low bits of the tick of the snapshot that contained it last.
    pub(super) sent_at: [u16; LANES],
    pub(super) generations: [u8; LANES],
    /// In sight.
    pub(super) shown: u64,
    /// Out of sight; the client may not know yet.
    pub(super) leaving: u64,
    pub(super) near: u64,
    /// A snapshot has announced that it came into sight; or, if it is leaving, that it is gone.
    pub(super) announced: u64,
    /// The client may have another version than is known here, until it acknowledges a newer one.
    pub(super) uncertain: u64,
    /// To be sent in full, whatever the client has.
    pub(super) in_full: u64,
    /// Number of the first snapshot that may have contained it.
    pub(super) since: [u16; LANES],
}

const _: () = assert!(size_of::<Block>() == 768);

impl Block {
    const FREE: Block = Block {
        indices: [0; LANES],
        acked: [0; LANES],
        sent: [0; LANES],
        sent_at: [0; LANES],
        generations: [0; LANES],
        shown: 0,
        leaving: 0,
        near: 0,
        announced: 0,
        uncertain: 0,
        in_full: 0,
        since: [0; LANES],
    };

    /// The slots that have an entity.
    #[inline]
    pub(super) fn in_use(&self) -> u64 {
        self.shown | self.leaving
    }

    /// The slots of `among` that have the entity at `index`.
    fn find(&self, index: u16, among: u64) -> Option<usize> {
        bits(among).find(|&lane| self.indices[lane] == index)
    }

    /// Puts an entity into a slot. `since` is the number of the next snapshot.
    fn put(&mut self, lane: usize, index: u16, generation: u8, since: u16) {
        let bit = 1 << lane;
        (self.shown, self.leaving, self.near) = (self.shown | bit, self.leaving & !bit, self.near | bit);
        (self.announced, self.in_full) = (self.announced & !bit, self.in_full & !bit);
        (self.indices[lane], self.generations[lane], self.since[lane]) = (index, generation, since);
        (self.acked[lane], self.sent[lane], self.sent_at[lane]) = (0, 0, 0);
    }

    /// The entity of a slot leaves the sight; the client must be told.
    pub(super) fn leave(&mut self, lane: usize) {
        let bit = 1 << lane;
        assert!(self.shown & bit != 0, "only an entity in sight leaves it");
        self.shown &= !bit;
        self.leaving |= bit;
        self.announced &= !bit;
    }

    /// Another entity has replaced the one in sight at its index; or none has, if `generation` is 0.
    pub(super) fn succeed(&mut self, lane: usize, generation: u8, number: u16) {
        if generation == 0 {
            return self.leave(lane);
        }
        let bit = 1 << lane;
        self.announced &= !bit;
        // Snapshots in flight are about the former entity; the client may have received one of them or not.
        self.uncertain |= bit;
        (self.since[lane], self.generations[lane], self.acked[lane]) = (number, generation, 0);
    }

    /// The client knows that the entity is gone.
    pub(super) fn free(&mut self, lane: usize) {
        self.leaving &= !(1 << lane);
    }

    /// The slots of `among` whose clients get events about the entity: it is in sight, or the client was not told yet that it
    /// is not, or it was until it ceased to exist. `generation` gives the one that is now at an index. Cores learn of an
    /// entity's end at different times, and its end is often what the event is about.
    pub(super) fn heard(&self, among: u64, generation: impl Fn(u16) -> u8) -> impl Iterator<Item = usize> {
        bits(among & self.in_use()).filter(move |&lane| {
            let is_told = self.leaving & self.announced & 1 << lane != 0;
            !is_told || generation(self.indices[lane]) != self.generations[lane]
        })
    }

    /// Keeps `since` comparable with the number of the next snapshot: sequence numbers wrap.
    fn limit_since(&mut self, number: u16) {
        for since in &mut self.since {
            if number.wrapping_sub(*since) > SINCE_MAX {
                *since = number.wrapping_sub(SINCE_MAX);
            }
        }
    }
}

/// All entities in a client's sight. Most clients need one block.
#[derive(Debug)]
pub(super) struct Slots(SmallVec<[Block; 1]>);

impl Slots {
    pub(super) fn new() -> Slots {
        Slots(SmallVec::from_buf([Block::FREE]))
    }

    #[inline]
    pub(super) fn blocks(&self) -> &[Block] {
        &self.0
    }

    #[inline]
    pub(super) fn blocks_mut(&mut self) -> &mut [Block] {
        &mut self.0
    }

    /// The block of a slot, and its place in it.
    #[inline]
    pub(super) fn at(&mut self, slot: u8) -> (&mut Block, usize) {
        let slot = usize::from(slot);
        (&mut self.0[slot / LANES], slot % LANES)
    }

    /// Whether there is a slot for this entity.
    pub(super) fn has(&self, index: u16, generation: u8) -> bool {
        self.0.iter().any(|block| {
            bits(block.in_use()).any(|lane| (block.indices[lane], block.generations[lane]) == (index, generation))
        })
    }

    /// The entity at `index` enters the sight. If there is no free slot it is ignored.
    ///
    /// # Panics
    /// When it is in sight already.
    pub(super) fn enter(&mut self, index: u16, generation: u8, number: u16) {
        assert!(self.0.iter().all(|block| block.find(index, block.shown).is_none()), "entity {index} enters once");
        // An entity that is still leaving keeps its slot: the client may have it or not.
        let leaving = self.0.iter_mut().find_map(|block| block.find(index, block.leaving).map(|lane| (block, lane)));
        if let Some((block, lane)) = leaving {
            block.put(lane, index, generation, number);
            block.uncertain |= 1 << lane;
            return;
        }
        if self.0.iter().all(|block| block.in_use() == u64::MAX) {
            if self.0.len() == SLOTS_MAX / LANES {
                return;
            }
            self.0.push(Block::FREE);
        }
        let block = self.0.iter_mut().find(|block| block.in_use() != u64::MAX).expect("a slot is free");
        let lane = block.in_use().trailing_ones() as usize;
        block.put(lane, index, generation, number);
        block.uncertain &= !(1 << lane);
    }

    /// The entity at `index` leaves the sight, if it is in it.
    pub(super) fn leave(&mut self, index: u16) {
        let shown = self.0.iter_mut().find_map(|block| block.find(index, block.shown).map(|lane| (block, lane)));
        if let Some((block, lane)) = shown {
            block.leave(lane);
        }
    }

    /// It is unknown whether a snapshot of `tick` has arrived, and what it contained: at most the entities that were sent
    /// then or later.
    pub(super) fn doubt(&mut self, tick: u32) {
        for block in &mut self.0 {
            let may_be_in_it = |lane: usize| (block.sent_at[lane].wrapping_sub(tick as u16) as i16) >= 0;
            block.uncertain |= bits(block.in_use()).fold(0, |set, lane| set | u64::from(may_be_in_it(lane)) << lane);
        }
    }

    /// A snapshot with this number follows. Must be called at least once per [`SINCE_MAX`] snapshots.
    pub(super) fn limit_since(&mut self, number: u16) {
        self.0.iter_mut().for_each(|block| block.limit_since(number));
    }
}

/// The numbers of the bits that are set, in ascending order.
#[inline]
pub(super) fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (set != 0).then(|| set.trailing_zeros() as usize)?;
        set &= set - 1;
        Some(bit)
    })
}
