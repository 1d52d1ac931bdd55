//! The entries of a tick's snapshots. Each is encoded once: the difference of an entity from one version has the same bytes
//! for every client that has that version.

use super::replica::Replica;
use ringshard_prefetch::prefetch;
use ringshard_world::Fields;
use ringshard_world::codec::{NoRoom, Writer};
use ringshard_world::limits::BASELINE_AGE_MAX;
use ringshard_world::messages::{ENTRY_BYTES_MAX, write_difference, write_full};

/// Entries of one entity: in full, and from a baseline of each age.
const AGES: usize = BASELINE_AGE_MAX as usize + 1;
/// The entity has no entries yet.
const NONE: u32 = u32::MAX;

/// Where in the arena an entry begins, and its length in the lowest bits.
type Place = u32;
/// The entry is not encoded yet.
const EMPTY: Place = Place::MAX;
const LEN_BITS: u32 = 9;
const LEN_MAX: u32 = (1 << LEN_BITS) - 1;
/// Bytes of most entries, at most. The arena has at least so many bytes behind the last one.
const SHORT: usize = 32;

const _: () = assert!(ENTRY_BYTES_MAX <= LEN_MAX as usize);

/// The entries of one entity, by age. The younger half, which nearly all clients need, is one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct EntrySet([Place; AGES]);

/// The entries of one tick.
#[derive(Debug)]
pub struct Encoder {
    /// It never shrinks: clearing it for every entry would take a while.
    arena: Vec<u8>,
    /// How much of the arena has entries.
    used: usize,
    /// The number of each entity's set, or [`NONE`].
    set_of: Vec<u32>,
    sets: Vec<EntrySet>,
    /// The entity of each set.
    owners: Vec<u16>,
    /// Entries encoded since the start.
    pub encoded: u64,
    /// Entries used in snapshots since the start.
    pub taken: u64,
}

impl Encoder {
    /// An encoder for a world of at most `entities` entities.
    pub fn new(entities: usize) -> Self {
        Encoder {
            arena: Vec::new(),
            used: 0,
            set_of: vec![NONE; entities],
            sets: Vec::new(),
            owners: Vec::new(),
            encoded: 0,
            taken: 0,
        }
    }

    /// Forgets all entries: a tick has passed.
    pub fn clear(&mut self) {
        assert_eq!(self.owners.len(), self.sets.len(), "each set has an owner");
        for &owner in &self.owners {
            self.set_of[usize::from(owner)] = NONE;
        }
        self.owners.clear();
        self.sets.clear();
        self.used = 0;
    }

    /// Forgets the entries of an entity, which has changed.
    #[inline]
    pub fn forget(&mut self, index: u16) {
        let set = &mut self.set_of[usize::from(index)];
        if *set != NONE {
            self.sets[*set as usize] = EntrySet([EMPTY; AGES]);
        }
    }

    /// Prefetches what [`Self::write`] reads first.
    #[inline]
    pub fn prefetch(&self, index: u16) {
        if let Some(set) = self.sets.get(self.set_of[usize::from(index)] as usize) {
            prefetch(&set.0[0]);
        }
    }

    /// Prefetches the entry itself, or what it is encoded from.
    #[inline]
    pub fn prefetch_entry<S: Fields>(&self, replica: &Replica<S>, index: u16, age: u8) {
        let set = self.sets.get(self.set_of[usize::from(index)] as usize);
        match set.map_or(EMPTY, |set| set.0[usize::from(age)]) {
            EMPTY => replica.prefetch_baseline(index, age),
            place => _ = self.arena.get((place >> LEN_BITS) as usize).map(prefetch),
        }
    }

    /// Writes the entry of the entity at `index`, as the difference from the version `age` versions back; for 0, in full.
    ///
    /// # Errors
    /// [`NoRoom`]; nothing was written.
    #[inline]
    pub fn write<S: Fields>(
        &mut self,
        replica: &Replica<S>,
        index: u16,
        age: u8,
        writer: &mut Writer<'_>,
    ) -> Result<(), NoRoom> {
        self.taken += 1;
        let set = self.set(index);
        debug_assert_eq!(self.owners[set], index, "a set has the entries of its owner");
        let place = match self.sets[set].0[usize::from(age)] {
            EMPTY => self.encode(replica, index, age, set),
            place => place,
        };
        let (offset, len) = (place >> LEN_BITS, place & LEN_MAX);
        let bytes = &self.arena[offset as usize..];
        // Nearly every entry is this short. A copy of fixed size is a few instructions.
        match bytes.first_chunk() {
            Some(bytes) if len as usize <= SHORT => writer.start_of::<SHORT>(bytes, len as usize),
            _ => writer.raw(&bytes[..len as usize]),
        }
    }

    fn set(&mut self, index: u16) -> usize {
        let set = &mut self.set_of[usize::from(index)];
        if *set == NONE {
            *set = self.sets.len() as u32;
            self.sets.push(EntrySet([EMPTY; AGES]));
            self.owners.push(index);
        }
        *set as usize
    }

    #[cold]
    #[inline(never)]
    fn encode<S: Fields>(&mut self, replica: &Replica<S>, index: u16, age: u8, set: usize) -> Place {
        let at = self.used;
        assert!(at < (EMPTY >> LEN_BITS) as usize, "the entries of a tick fit the arena");
        assert!(self.sets[set].0[usize::from(age)] == EMPTY, "an entry is encoded once");
        let end = at + ENTRY_BYTES_MAX + SHORT;
        if self.arena.len() < end {
            self.arena.resize(end.max(2 * at), 0);
        }
        let mut writer = Writer::new(&mut self.arena[at..]);
        let entity = replica.versioned(index);
        let written = if age == 0 {
            write_full(entity, replica.blank(), &mut writer)
        } else {
            let base = replica.version(index).wrapping_sub(u16::from(age));
            let state = replica.state_at(index, base).expect("the baseline is kept");
            write_difference(entity, base.into(), state, &mut writer)
        };
        written.expect("an entry has at most ENTRY_BYTES_MAX bytes");
        let len = writer.used();
        self.used += len;
        let place = (at as Place) << LEN_BITS | len as Place;
        self.sets[set].0[usize::from(age)] = place;
        self.encoded += 1;
        place
    }
}
