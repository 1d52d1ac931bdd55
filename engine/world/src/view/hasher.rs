//! A hash of entity indices that is cheap and spreads well.

use std::hash::Hasher;

/// Spreads the 16 bits of an entity's index over a hash.
#[derive(Default)]
pub(super) struct IndexHasher(u64);

impl Hasher for IndexHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only indices are hashed");
    }

    fn write_u16(&mut self, index: u16) {
        self.0 = u64::from(index).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}
