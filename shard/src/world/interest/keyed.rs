//! Lists of numbers, each below its key in one `u64`, so that sorting them sorts by key.

use super::boxes::{Boxes, FAN};

/// Bits of a number, below its key.
pub(super) const NUMBER_BITS: u32 = 16;

/// The order of numbers with the same key: a permutation that depends on the turn.
#[derive(Clone, Copy)]
pub(super) struct Ties {
    first: u16,
    factor: u16,
    /// The inverse of the factor, modulo 2^16.
    inverse: u16,
}

impl Ties {
    pub(super) fn new(turn: u32) -> Self {
        let mixed = u64::from(turn).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (first, factor) = ((mixed >> 48) as u16, (mixed >> 32) as u16 | 1);
        // An odd number is its own inverse modulo 8; each of Newton's steps doubles the number of correct bits.
        let inverse =
            (0..3).fold(factor, |inverse, _| inverse.wrapping_mul(2u16.wrapping_sub(factor.wrapping_mul(inverse))));
        assert!(factor.wrapping_mul(inverse) == 1, "a permutation can be inverted");
        Ties { first, factor, inverse }
    }

    /// The key, above the permuted number.
    #[inline]
    pub(super) fn above(self, key: u64, number: u16) -> u64 {
        key << NUMBER_BITS | u64::from(number.wrapping_sub(self.first).wrapping_mul(self.factor))
    }

    /// The number below the key.
    #[inline]
    pub(super) fn number(self, keyed: u64) -> u16 {
        (keyed as u16).wrapping_mul(self.inverse).wrapping_add(self.first)
    }
}

/// A list with a fixed capacity.
pub(super) struct List {
    /// One element more than the capacity: [`List::add`] writes before it decides.
    keys: Box<[u64]>,
    len: usize,
}

impl List {
    pub(super) fn new(capacity: usize) -> Self {
        List { keys: vec![0; capacity + 1].into(), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// Keeps the `count` least; returns the greatest key of these.
    pub(super) fn keep_least(&mut self, count: usize) -> u64 {
        assert!((1..=self.len).contains(&count), "a list has its {count} least elements");
        self.filled().select_nth_unstable(count - 1);
        self.len = count;
        key(self.keys[count - 1])
    }

    pub(super) fn filled(&mut self) -> &mut [u64] {
        &mut self.keys[..self.len]
    }

    /// Adds the candidates that are wanted. All are written: a branch on each would be unpredictable.
    #[inline]
    pub(super) fn add(&mut self, candidates: impl Iterator<Item = (u64, bool)>) {
        let mut len = self.len;
        for (keyed, wanted) in candidates {
            self.keys[len] = keyed;
            len += usize::from(wanted);
        }
        assert!(len < self.keys.len(), "a list has room for its elements");
        self.len = len;
    }

    /// Adds those of the sixteen boxes with number `number` in which an entity may have a key below `limit`.
    #[inline]
    pub(super) fn add_boxes(&mut self, boxes: &Boxes, number: usize, from: [i32; 3], limit: u64, ties: Ties) {
        let squares = boxes.distances(from).into_iter().zip(&boxes.seen);
        self.add(squares.zip(number * FAN..).map(|((square, seen), number)| {
            (ties.above(seen.key(square), number as u16), square < seen.beyond(limit))
        }));
    }
}

/// The key above a number.
pub(super) fn key(keyed: u64) -> u64 {
    keyed >> NUMBER_BITS
}

/// The least key in a list.
pub(super) fn least_key(keyed: &[u64]) -> u64 {
    keyed.iter().min().map_or(u64::MAX, |&keyed| key(keyed))
}

/// The `count` least elements, and the others.
pub(super) fn split_least(keyed: &mut [u64], count: usize) -> (&mut [u64], &mut [u64]) {
    if count < keyed.len() {
        keyed.select_nth_unstable(count);
    }
    keyed.split_at_mut(count.min(keyed.len()))
}

/// The elements with keys below `limit`, moved to the front.
pub(super) fn keep_below(keyed: &mut [u64], limit: u64) -> &mut [u64] {
    let mut kept = 0;
    for at in 0..keyed.len() {
        if key(keyed[at]) < limit {
            keyed.swap(kept, at);
            kept += 1;
        }
    }
    &mut keyed[..kept]
}
