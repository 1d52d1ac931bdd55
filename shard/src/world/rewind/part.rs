//! The samples of a part of the world at one tick: the entities that one core owns. The core takes them once, and all cores
//! keep them.

use super::sample::{NO_HITBOX, Sample};
use std::collections::VecDeque;
use std::sync::Arc;

/// Ticks that are kept.
pub const REWIND_TICKS_MAX: usize = 64;
pub(super) const WORD: usize = u64::BITS as usize;
/// Most parts that a pool has: what every core's history keeps, and as many again for each of three cores that have stopped at
/// different times and keep older ones.
const POOL_MAX: usize = 4 * REWIND_TICKS_MAX;

/// The entities that one core owns, at one tick. Rows are their indices less the first index of the part.
#[derive(Debug)]
pub struct Part {
    /// Which rows have a sample, one bit each. The samples of other rows are of an earlier tick.
    pub(super) living: Box<[u64]>,
    pub(super) samples: Box<[Sample]>,
}

impl Part {
    pub(super) fn new(rows: usize) -> Self {
        Part { living: vec![0; rows.div_ceil(WORD)].into(), samples: vec![Sample::NONE; rows].into() }
    }

    /// Heap memory of a part in an `Arc`.
    pub(super) const fn bytes(rows: usize) -> usize {
        2 * size_of::<usize>() + size_of::<Part>() + rows * size_of::<Sample>() + rows.div_ceil(WORD) * size_of::<u64>()
    }

    /// Replaces all samples: row and sample of each entity. A sample of generation 0 is none.
    ///
    /// # Panics
    /// When a row or a hitbox is out of range; `hitboxes` is the length of the table.
    pub fn record(&mut self, samples: impl Iterator<Item = (u16, Sample)>, hitboxes: usize) {
        self.living.fill(0);
        for (row, sample) in samples {
            let at = usize::from(row);
            assert!(at < self.samples.len(), "the part has no row {row}");
            let hitbox = sample.hitbox;
            assert!(hitbox == NO_HITBOX || usize::from(hitbox) < hitboxes, "there is no hitbox {hitbox}");
            if sample.generation != 0 {
                self.samples[at] = sample;
                self.living[at / WORD] |= 1 << (at % WORD);
            }
        }
    }

    #[inline]
    pub(in crate::world) fn get(&self, row: usize) -> Option<&Sample> {
        let word = self.living.get(row / WORD)?;
        (word >> (row % WORD) & 1 != 0).then(|| &self.samples[row])
    }
}

/// The parts of one core. A part that no history keeps any more is used again, so that nothing is allocated once every history
/// is full.
#[derive(Debug)]
pub struct PartPool {
    rows: usize,
    /// The one used longest ago at the front.
    parts: VecDeque<Arc<Part>>,
}

impl PartPool {
    /// A pool of parts of `rows` entities, without any part.
    pub fn new(rows: usize) -> Self {
        PartPool { rows, parts: VecDeque::with_capacity(POOL_MAX) }
    }

    /// The part of this tick, which `record` fills. None if other cores keep all parts, because they have stopped: they have
    /// no use for another one.
    pub fn take(&mut self, record: impl FnOnce(&mut Part)) -> Option<Arc<Part>> {
        let free = self.parts.iter_mut().position(|part| Arc::get_mut(part).is_some());
        let mut part = match free {
            Some(at) => self.parts.remove(at).expect("it is there"),
            None if self.parts.len() < POOL_MAX => Arc::new(Part::new(self.rows)),
            None => return None,
        };
        record(Arc::get_mut(&mut part).expect("nobody else has it"));
        self.parts.push_back(part.clone());
        Some(part)
    }
}
