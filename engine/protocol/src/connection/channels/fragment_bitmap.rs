//! Which parts of a message are there: one bit for each [`FRAGMENT_GRAIN_BYTES`] (PROTOCOL.md#fragments).

use crate::limits::{FRAGMENT_GRAIN_BYTES, MESSAGE_BYTES_MAX};

/// Grains of the largest message.
const GRAINS_MAX: u16 = (MESSAGE_BYTES_MAX / FRAGMENT_GRAIN_BYTES) as u16;
const WORDS: usize = GRAINS_MAX as usize / 64;
/// Bytes of a set.
pub(super) const BITMAP_BYTES: usize = GRAINS_MAX as usize / 8;
const _: () = assert!((GRAINS_MAX as usize).is_multiple_of(64));

/// Grains of a message of `bytes` bytes. An empty message has one.
pub(super) fn grain_count(bytes: usize) -> u16 {
    bytes.div_ceil(FRAGMENT_GRAIN_BYTES).max(1) as u16
}

/// A set of grains of one message.
#[derive(Clone, Debug, Default)]
pub(super) struct FragmentBitmap {
    bits: [u64; WORDS],
    count: u16,
}

impl FragmentBitmap {
    /// Adds `count` grains from `first` on. Returns how many of them were new.
    pub(super) fn insert(&mut self, first: u16, count: u16) -> u16 {
        assert!(first < GRAINS_MAX && count <= GRAINS_MAX - first, "a piece lies inside the largest message");
        let before = self.count;
        for grain in first..first + count {
            let (word, bit) = (usize::from(grain / 64), 1 << (grain % 64));
            self.count += u16::from(self.bits[word] & bit == 0);
            self.bits[word] |= bit;
        }
        debug_assert_eq!(u32::from(self.count), self.bits.iter().map(|word| word.count_ones()).sum());
        self.count - before
    }

    /// Whether all of `count` grains from `first` on are in the set.
    pub(super) fn contains(&self, first: u16, count: u16) -> bool {
        (first..first + count).all(|grain| self.bits[usize::from(grain / 64)] & 1 << (grain % 64) != 0)
    }

    /// The set as bytes: a bit for each grain, the first one lowest.
    pub(super) fn to_bytes(&self) -> [u8; BITMAP_BYTES] {
        let mut bytes = [0; BITMAP_BYTES];
        for (bytes, word) in bytes.chunks_exact_mut(8).zip(self.bits) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// The set of [`Self::to_bytes`]. None if it has a grain that a message of `total` grains does not have.
    pub(super) fn from_bytes(bytes: &[u8; BITMAP_BYTES], total: u16) -> Option<Self> {
        let mut set = FragmentBitmap::default();
        for grain in 0..GRAINS_MAX {
            if bytes[usize::from(grain / 8)] & 1 << (grain % 8) != 0 {
                set.insert(grain, 1);
            }
        }
        let fits = (total..GRAINS_MAX).all(|grain| !set.contains(grain, 1));
        fits.then_some(set)
    }

    /// How many grains are in the set.
    pub(super) fn count(&self) -> u16 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_grain_once() {
        let mut grains = FragmentBitmap::default();
        assert_eq!(grains.insert(60, 10), 10);
        assert_eq!(grains.insert(65, 10), 5);
        assert!(grains.contains(60, 15) && !grains.contains(59, 2) && !grains.contains(74, 2));
        assert_eq!((grains.count(), grains.insert(511, 1)), (15, 1));
    }

    #[test]
    fn an_empty_message_has_one_grain() {
        assert_eq!([0, 1, 128, 129, MESSAGE_BYTES_MAX].map(grain_count), [1, 1, 1, 2, 512]);
    }
}
