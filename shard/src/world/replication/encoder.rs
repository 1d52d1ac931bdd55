//! Each entry is encoded once: what has changed of an entity since some version of it is the same bytes for every client
//! that has that version.

use super::replica::Replica;
use ringshard_prefetch::prefetch;
use ringshard_world::codec::Writer;
use ringshard_world::limits::BASELINE_AGE_MAX;
use ringshard_world::messages::{ENTRY_BYTES_MAX, write_difference, write_full};

/// Entries of one entity: in full, and from a baseline of each age.
const AGES: usize = BASELINE_AGE_MAX as usize + 1;
const NONE: u32 = u32::MAX;

/// Where in the arena an entry stands: its length in two bytes, then its bytes.
type Place = u32;
const EMPTY: Place = Place::MAX;
const LENGTH_BYTES: usize = 2;

/// Of one entity, by age. The younger half, which nearly all clients want, is one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Row([Place; AGES]);

/// The entries of one tick.
#[derive(Debug)]
pub struct Encoder {
    arena: Vec<u8>,
    /// Each entity's row, if it has one.
    row_of: Vec<u32>,
    rows: Vec<Row>,
    /// Whose rows they are.
    owners: Vec<u16>,
    /// Entries encoded, ever.
    pub encoded: u64,
    /// Entries taken from those, ever.
    pub taken: u64,
}

impl Encoder {
    /// For a world of at most `entities` entities.
    pub fn new(entities: usize) -> Self {
        Encoder {
            arena: Vec::new(),
            row_of: vec![NONE; entities],
            rows: Vec::new(),
            owners: Vec::new(),
            encoded: 0,
            taken: 0,
        }
    }

    /// Forgets everything: a tick has passed.
    pub fn clear(&mut self) {
        for &owner in &self.owners {
            self.row_of[usize::from(owner)] = NONE;
        }
        self.owners.clear();
        self.rows.clear();
        self.arena.clear();
    }

    /// Forgets what was encoded of an entity, which has changed.
    #[inline]
    pub fn forget(&mut self, index: u16) {
        let row = &mut self.row_of[usize::from(index)];
        if *row != NONE {
            self.rows[*row as usize] = Row([EMPTY; AGES]);
        }
    }

    /// Asks the processor for what [`Self::entry`] needs first.
    #[inline]
    pub fn prefetch(&self, index: u16) {
        if let Some(row) = self.rows.get(self.row_of[usize::from(index)] as usize) {
            prefetch(&row.0[0]);
        }
    }

    /// Asks the processor for the entry itself, if there is one.
    #[inline]
    pub fn prefetch_entry(&self, index: u16, age: usize) {
        if let Some(row) = self.rows.get(self.row_of[usize::from(index)] as usize)
            && let Some(bytes) = self.arena.get(row.0[age] as usize)
        {
            prefetch(bytes);
        }
    }

    /// The entry of the entity at `index` for who has its version of `age` versions back, or, for 0, in full.
    #[inline]
    pub fn entry(&mut self, replica: &Replica, index: u16, age: u8) -> &[u8] {
        self.taken += 1;
        let row = self.row(index);
        let place = match self.rows[row].0[usize::from(age)] {
            EMPTY => self.encode(replica, index, age, row),
            place => place,
        };
        let bytes = &self.arena[place as usize..];
        let (len, bytes) = bytes.split_first_chunk().expect("a length stands there");
        &bytes[..usize::from(u16::from_le_bytes(*len))]
    }

    fn row(&mut self, index: u16) -> usize {
        let row = &mut self.row_of[usize::from(index)];
        if *row == NONE {
            *row = self.rows.len() as u32;
            self.rows.push(Row([EMPTY; AGES]));
            self.owners.push(index);
        }
        *row as usize
    }

    fn encode(&mut self, replica: &Replica, index: u16, age: u8, row: usize) -> Place {
        let at = self.arena.len();
        let from = at + LENGTH_BYTES;
        self.arena.resize(from + ENTRY_BYTES_MAX, 0);
        let mut writer = Writer::new(&mut self.arena[from..]);
        let entity = replica.versioned(index);
        let written = if age == 0 {
            write_full(entity, replica.variables_set(index), &mut writer)
        } else {
            let base = entity.version.wrapping_sub(u32::from(age));
            let state = replica.state_at(index, base).expect("a baseline is kept");
            write_difference(entity, base, state, replica.variables_set_since(index, base), &mut writer)
        };
        written.expect("an entry has a largest size");
        let len = writer.used();
        self.arena.truncate(from + len);
        self.arena[at..from].copy_from_slice(&(len as u16).to_le_bytes());
        self.rows[row].0[usize::from(age)] = at as Place;
        self.encoded += 1;
        at as Place
    }
}
