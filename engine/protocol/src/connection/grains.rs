//! Which pieces of a message there are: a bit for each grain of 128 bytes (W11).

use crate::limits::{FRAGMENT_GRAIN_BYTES, MESSAGE_BYTES_MAX};

const WORDS: usize = MESSAGE_BYTES_MAX / FRAGMENT_GRAIN_BYTES / 64;

/// Grains of a message of `bytes` bytes; an empty message has one.
pub(super) fn grains_of(bytes: usize) -> u16 {
    bytes.div_ceil(FRAGMENT_GRAIN_BYTES).max(1) as u16
}

/// A set of grains.
#[derive(Clone, Debug, Default)]
pub(super) struct Grains {
    bits: [u64; WORDS],
    count: u16,
}

impl Grains {
    /// Adds `count` grains from `first` on; gives how many of them were new.
    pub(super) fn insert(&mut self, first: u16, count: u16) -> u16 {
        let before = self.count;
        for grain in first..first + count {
            let (word, bit) = (usize::from(grain / 64), 1 << (grain % 64));
            self.count += u16::from(self.bits[word] & bit == 0);
            self.bits[word] |= bit;
        }
        self.count - before
    }

    /// Whether all of `count` grains from `first` on are in.
    pub(super) fn contains(&self, first: u16, count: u16) -> bool {
        (first..first + count).all(|grain| self.bits[usize::from(grain / 64)] & 1 << (grain % 64) != 0)
    }

    /// How many are in.
    pub(super) fn count(&self) -> u16 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_grain_once() {
        let mut grains = Grains::default();
        assert_eq!(grains.insert(60, 10), 10);
        assert_eq!(grains.insert(65, 10), 5);
        assert!(grains.contains(60, 15) && !grains.contains(59, 2) && !grains.contains(74, 2));
        assert_eq!((grains.count(), grains.insert(511, 1)), (15, 1));
    }

    #[test]
    fn every_message_has_a_grain() {
        assert_eq!([0, 1, 128, 129, MESSAGE_BYTES_MAX].map(grains_of), [1, 1, 1, 2, 512]);
    }
}
