//! The entries of a tick's snapshots. Each is encoded once: the difference of an entity from one version has the same bytes
//! for every client that has that version.

use super::replica::Replica;
use ringshard_prefetch::prefetch;
use ringshard_world::Fields;
use ringshard_world::codec::Writer;
use ringshard_world::limits::BASELINE_AGE_MAX;
use ringshard_world::messages::{ENTRY_BYTES_MAX, write_difference, write_full};

/// Entries of one entity: in full, and from a baseline of each age.
const AGES: usize = BASELINE_AGE_MAX as usize + 1;
/// The entity has no entries yet.
const NONE: u32 = u32::MAX;

/// Where in the arena an entry begins: its length in two bytes, then its bytes.
type Offset = u32;
/// The entry is not encoded yet.
const EMPTY: Offset = Offset::MAX;
const LENGTH_BYTES: usize = 2;

/// The entries of one entity, by age. The younger half, which nearly all clients need, is one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct EntrySet([Offset; AGES]);

/// The entries of one tick.
#[derive(Debug)]
pub struct Encoder {
    arena: Vec<u8>,
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
        self.arena.clear();
    }

    /// Forgets the entries of an entity, which has changed.
    #[inline]
    pub fn forget(&mut self, index: u16) {
        let set = &mut self.set_of[usize::from(index)];
        if *set != NONE {
            self.sets[*set as usize] = EntrySet([EMPTY; AGES]);
        }
    }

    /// Prefetches what [`Self::entry`] reads first.
    #[inline]
    pub fn prefetch(&self, index: u16) {
        if let Some(set) = self.sets.get(self.set_of[usize::from(index)] as usize) {
            prefetch(&set.0[0]);
        }
    }

    /// Prefetches the entry itself, if it is encoded.
    #[inline]
    pub fn prefetch_entry(&self, index: u16, age: usize) {
        if let Some(set) = self.sets.get(self.set_of[usize::from(index)] as usize)
            && let Some(bytes) = self.arena.get(set.0[age] as usize)
        {
            prefetch(bytes);
        }
    }

    /// The entry of the entity at `index`, as the difference from the version `age` versions back; for 0, in full.
    #[inline]
    pub fn entry<S: Fields>(&mut self, replica: &Replica<S>, index: u16, age: u8) -> &[u8] {
        self.taken += 1;
        let set = self.set(index);
        debug_assert_eq!(self.owners[set], index, "a set has the entries of its owner");
        let offset = match self.sets[set].0[usize::from(age)] {
            EMPTY => self.encode(replica, index, age, set),
            offset => offset,
        };
        let bytes = &self.arena[offset as usize..];
        let (len, bytes) = bytes.split_first_chunk().expect("an entry begins with its length");
        &bytes[..usize::from(u16::from_le_bytes(*len))]
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

    fn encode<S: Fields>(&mut self, replica: &Replica<S>, index: u16, age: u8, set: usize) -> Offset {
        let at = self.arena.len();
        assert!(at < EMPTY as usize && self.sets[set].0[usize::from(age)] == EMPTY, "an entry is encoded once");
        let from = at + LENGTH_BYTES;
        self.arena.resize(from + ENTRY_BYTES_MAX, 0);
        let mut writer = Writer::new(&mut self.arena[from..]);
        let entity = replica.versioned(index);
        let written = if age == 0 {
            write_full(entity, replica.blank(), &mut writer)
        } else {
            let base = entity.version.wrapping_sub(u32::from(age));
            let state = replica.state_at(index, base).expect("the baseline is kept");
            write_difference(entity, base, state, &mut writer)
        };
        written.expect("an entry has at most ENTRY_BYTES_MAX bytes");
        let len = writer.used();
        self.arena.truncate(from + len);
        self.arena[at..from].copy_from_slice(&(len as u16).to_le_bytes());
        self.sets[set].0[usize::from(age)] = at as Offset;
        self.encoded += 1;
        at as Offset
    }
}
