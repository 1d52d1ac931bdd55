//! LZ4 for messages where it pays (B5): each on its own, so that nothing secret in one shows in the size of another.
//!
//! ```text
//! | size u32 | LZ4 block |
//! ```

use crate::limits::{COMPRESSION_BYTES_MIN, MESSAGE_BYTES_MAX};
use lz4_flex::block::{CompressTable, compress_into_with_table, decompress_into, get_maximum_output_size};

const SIZE_BYTES: usize = 4;
/// Bytes looked at to guess whether a message is worth the attempt.
const SAMPLE_BYTES: usize = 128;
/// Pairs of equal bytes in the sample, each counted twice, up to which it is taken for random. Evenly distributed bytes
/// give 64; those of 6.4 bits of (collision) entropy, 190.
const EQUAL_PAIRS_MAX: u32 = 150;

/// Why a message could not be restored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BadCompression;

/// Compresses; keeps its working memory from message to message.
#[derive(Default)]
pub struct Compressor {
    /// Made for the first message.
    table: Option<CompressTable>,
    block: Vec<u8>,
}

impl core::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Compressor")
    }
}

impl Compressor {
    /// `message` compressed. None where it is short, looks random, or would not get a tenth shorter.
    pub(super) fn compress(&mut self, message: &[u8]) -> Option<&[u8]> {
        if message.len() <= COMPRESSION_BYTES_MIN || !looks_compressible(message) {
            return None;
        }
        self.block.resize(SIZE_BYTES + get_maximum_output_size(message.len()), 0);
        let table = self.table.get_or_insert_with(CompressTable::large);
        let (size, block) = self.block.split_at_mut(SIZE_BYTES);
        size.copy_from_slice(&(message.len() as u32).to_le_bytes());
        let len = SIZE_BYTES + compress_into_with_table(message, block, table).ok()?;
        (len <= message.len() - message.len() / 10).then_some(&self.block[..len])
    }
}

/// Restores what [`Compressor::compress`] made into `message`, which is emptied first.
///
/// # Errors
/// [`BadCompression`] when the size is not honest, or beyond [`MESSAGE_BYTES_MAX`]: no more than that is ever written.
pub(super) fn decompress(compressed: &[u8], message: &mut Vec<u8>) -> Result<(), BadCompression> {
    let (size, block) = compressed.split_first_chunk::<SIZE_BYTES>().ok_or(BadCompression)?;
    let size = u32::from_le_bytes(*size) as usize;
    if size > MESSAGE_BYTES_MAX {
        return Err(BadCompression);
    }
    message.clear();
    message.resize(size, 0);
    match decompress_into(block, message) {
        Ok(written) if written == size => Ok(()),
        _ => Err(BadCompression),
    }
}

/// Entropy check: how often a sample, spread over the message, repeats its bytes (Renyi entropy of order 2, in integers).
fn looks_compressible(message: &[u8]) -> bool {
    let mut counts = [0_u8; 256];
    let stride = (message.len() / SAMPLE_BYTES).max(1);
    let mut equal_pairs = 0;
    for &byte in message.iter().step_by(stride).take(SAMPLE_BYTES) {
        let count = &mut counts[usize::from(byte)];
        equal_pairs += 2 * u32::from(*count);
        *count += 1;
    }
    equal_pairs > EQUAL_PAIRS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Csprng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    #[test]
    fn text_gets_shorter_and_comes_back() {
        let mut compressor = Compressor::default();
        let text = b"players move, fight, trade and talk; ".repeat(40);
        let compressed = compressor.compress(&text).expect("text compresses");
        assert!(compressed.len() < text.len() / 4);
        let mut restored = Vec::new();
        assert_eq!(decompress(compressed, &mut restored), Ok(()));
        assert_eq!(restored, text);
    }

    #[test]
    fn random_and_short_messages_are_left_alone() {
        let mut compressor = Compressor::default();
        let mut random = vec![0; 4000];
        Csprng::seed_from_u64(1).fill_bytes(&mut random);
        assert!(!looks_compressible(&random));
        assert!(compressor.compress(&random).is_none());
        assert!(compressor.compress(&[0; COMPRESSION_BYTES_MIN]).is_none());
    }

    #[test]
    fn a_size_that_is_not_true_is_refused_and_never_exceeded() {
        let mut message = Vec::new();
        let bomb = [&(u32::MAX).to_le_bytes()[..], &[0x1F, 0, 1, 0, 255, 255, 255]].concat();
        assert_eq!(decompress(&bomb, &mut message), Err(BadCompression));
        assert_eq!(message.capacity(), 0, "refused before any memory was asked for");
        let block = lz4_flex::block::compress(&[7; 60_000]);
        for claimed in [0, 59_999, 60_001, 65_536_u32] {
            let lie = [&claimed.to_le_bytes()[..], &block].concat();
            assert_eq!(decompress(&lie, &mut message), Err(BadCompression), "{claimed}");
        }
        for len in 0..4 {
            assert_eq!(decompress(&vec![0; len], &mut message), Err(BadCompression));
        }
    }
}
