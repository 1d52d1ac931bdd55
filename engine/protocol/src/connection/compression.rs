//! LZ4 for messages that it makes shorter (PROTOCOL.md#compression). Each message is compressed on its own, so that no secret
//! in one affects the size of another.
//!
//! ```text
//! | size u32 | LZ4 block |
//! ```

use crate::limits::{COMPRESSION_BYTES_MIN, MESSAGE_BYTES_MAX};
use lz4_flex::block::{CompressTable, compress_into_with_table, decompress_into, get_maximum_output_size};

const SIZE_BYTES: usize = 4;
/// Sampled bytes to guess whether a message is compressible.
const SAMPLE_BYTES: usize = 128;
/// Up to this many pairs of equal bytes, each counted twice, a sample counts as random. Evenly distributed bytes give 64;
/// bytes of 6.4 bits of (collision) entropy give 190.
const EQUAL_PAIRS_MAX: u32 = 150;

/// The message cannot be decompressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BadCompression;

/// Compresses messages, and reuses its working memory.
#[derive(Default)]
pub struct Compressor {
    /// Allocated for the first message.
    table: Option<CompressTable>,
    block: Vec<u8>,
}

impl core::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Compressor")
    }
}

impl Compressor {
    /// `message` compressed. None if it is short, looks random, or would become less than a tenth shorter.
    pub(super) fn compress(&mut self, message: &[u8]) -> Option<&[u8]> {
        if message.len() <= COMPRESSION_BYTES_MIN || !looks_compressible(message) {
            return None;
        }
        self.block.resize(SIZE_BYTES + get_maximum_output_size(message.len()), 0);
        let table = self.table.get_or_insert_with(CompressTable::large);
        let (size, block) = self.block.split_at_mut(SIZE_BYTES);
        size.copy_from_slice(&(message.len() as u32).to_le_bytes());
        let len = SIZE_BYTES + compress_into_with_table(message, block, table).ok()?;
        assert!(len <= self.block.len(), "the encoder stays inside its bound");
        (len <= message.len() - message.len() / 10).then_some(&self.block[..len])
    }
}

/// Decompresses into `message`, whose old content is discarded.
///
/// # Errors
/// [`BadCompression`] if the stated size is wrong or above [`MESSAGE_BYTES_MAX`], or the block breaks the format.
pub(super) fn decompress(compressed: &[u8], message: &mut Vec<u8>) -> Result<(), BadCompression> {
    let (size, block) = compressed.split_first_chunk::<SIZE_BYTES>().ok_or(BadCompression)?;
    let size = u32::from_le_bytes(*size) as usize;
    if size > MESSAGE_BYTES_MAX {
        return Err(BadCompression);
    }
    if !is_well_formed(block, size) {
        return Err(BadCompression);
    }
    message.clear();
    message.resize(size, 0);
    match decompress_into(block, message) {
        Ok(written) if written == size => Ok(()),
        _ => Err(BadCompression),
    }
}

/// Minimum length of a match.
const MATCH_BYTES_MIN: usize = 4;
/// Minimum literals at the end of a block with a match.
const LAST_LITERALS_MIN: usize = 5;
/// The last match begins at least this many bytes before the end of the message.
const LAST_MATCH_DISTANCE: usize = 12;

/// Whether a block keeps to the LZ4 block format, including its rules for the end, and gives `size` bytes. The decoder alone
/// accepts more than the format allows, which other implementations refuse.
fn is_well_formed(block: &[u8], size: usize) -> bool {
    if size == 0 {
        return *block == [0];
    }
    let (mut rest, mut written, mut last_match) = (block, 0, None);
    loop {
        let Some((&token, after)) = rest.split_first() else { return false };
        rest = after;
        let Some(literals) = length(token >> 4, &mut rest).filter(|&literals| literals <= rest.len()) else {
            return false;
        };
        rest = &rest[literals..];
        written += literals;
        if rest.is_empty() {
            let ends_well = |begins: usize| literals >= LAST_LITERALS_MIN && begins + LAST_MATCH_DISTANCE <= written;
            return written == size && last_match.is_none_or(ends_well);
        }
        let Some((offset, after)) = rest.split_first_chunk() else { return false };
        rest = after;
        let offset = usize::from(u16::from_le_bytes(*offset));
        let Some(bytes) = length(token & 0x0F, &mut rest) else { return false };
        last_match = Some(written);
        if offset == 0 || offset > written || written > size {
            return false;
        }
        written += bytes + MATCH_BYTES_MIN;
    }
}

/// A length: the token has its first 4 bits; the rest follows in bytes, all 255 except the last.
fn length(first: u8, rest: &mut &[u8]) -> Option<usize> {
    let mut length = usize::from(first);
    if first < 0x0F {
        return Some(length);
    }
    loop {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        length += usize::from(byte);
        if byte < u8::MAX {
            return Some(length);
        }
    }
}

/// Entropy check: how often the bytes of a sample, spread over the message, repeat (Renyi entropy of order 2, in integers).
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

    /// Blocks from an encoder, and the same blocks with a few bytes altered, cut off or added. The reference implementation
    /// accepts the same ones and gives the same bytes, except that it accepts an offset of 0, which the format forbids.
    #[test]
    fn accepts_the_blocks_that_liblz4_accepts() {
        let mut random = Csprng::seed_from_u64(4);
        let (mut taken, mut refused) = (0, 0);
        for round in 0..40_000 {
            let len = random.next_u32() as usize % 120;
            let letters = 1 + random.next_u32() % 6;
            let message: Vec<u8> = (0..len).map(|_| (random.next_u32() % letters) as u8).collect();
            let mut block = match round % 2 {
                0 => lz4_flex::block::compress(&message),
                _ => lz4::block::compress(&message, None, false).expect("it compresses"),
            };
            let mut size = len;
            for _ in 0..random.next_u32() % 3 {
                let at = random.next_u32() as usize % (block.len() + 1);
                let within = at % block.len();
                match random.next_u32() % 4 {
                    0 => block.insert(at, random.next_u32() as u8),
                    1 => block.truncate(at.max(1)),
                    2 => size = (size + random.next_u32() as usize % 16).saturating_sub(8),
                    _ => block[within] = random.next_u32() as u8 % 32,
                }
                if block.is_empty() {
                    break;
                }
            }
            let theirs = lz4::block::decompress(&block, Some(size as i32)).ok().filter(|message| message.len() == size);
            let mut ours = Vec::new();
            let ours =
                decompress(&[&(size as u32).to_le_bytes()[..], &block].concat(), &mut ours).is_ok().then_some(ours);
            if ours.is_none() && theirs.is_some() && has_offset_of_zero(&block) {
                continue;
            }
            assert_eq!(ours, theirs, "{block:?} for {size} bytes");
            *if ours.is_some() { &mut taken } else { &mut refused } += 1;
        }
        assert!(taken > 10_000 && refused > 10_000, "{taken} taken, {refused} refused");
    }

    fn has_offset_of_zero(block: &[u8]) -> bool {
        let mut rest = block;
        while let Some((&token, after)) = rest.split_first() {
            rest = after;
            let Some(literals) = length(token >> 4, &mut rest) else { return false };
            let Some(after) = rest.get(literals..) else { return false };
            let Some((offset, after)) = after.split_first_chunk::<2>() else { return false };
            rest = after;
            if *offset == [0, 0] {
                return true;
            }
            if length(token & 0x0F, &mut rest).is_none() {
                return false;
            }
        }
        false
    }

    #[test]
    fn text_becomes_shorter_and_is_restored() {
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
    fn a_wrong_size_is_refused_and_never_exceeded() {
        let mut message = Vec::new();
        let bomb = [&(u32::MAX).to_le_bytes()[..], &[0x1F, 0, 1, 0, 255, 255, 255]].concat();
        assert_eq!(decompress(&bomb, &mut message), Err(BadCompression));
        assert_eq!(message.capacity(), 0, "refused before any memory is allocated");
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
