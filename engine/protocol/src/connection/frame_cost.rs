//! What a frame costs its sender's budget, in messages (PROTOCOL.md#budgets).

use crate::limits::MESSAGE_BYTES_MAX;
use crate::wire::{Delivery, Frame, NUMBER_BYTES};

/// Cost of a frame that may cause a key agreement.
const REKEY_COST: u64 = 100;
/// This many decompressed bytes cost as much as a message.
const DECOMPRESSED_BYTES_PER_MESSAGE: usize = 1024;

/// Cost of a frame that is not delivered in place. Charged when the frame arrives, whenever the work is done: buffered
/// messages may be decompressed much later, and all at once.
pub(super) fn frame_cost(frame: &Frame<'_>) -> u64 {
    match frame {
        Frame::Compressed(channel, body) => {
            let at = if channel.delivery() == Delivery::Unreliable { 0 } else { NUMBER_BYTES };
            let size = body.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |size| u32::from_le_bytes(*size));
            1 + decompression_cost(size as usize)
        }
        // The first piece may be too short to state the size, so the largest is assumed.
        Frame::Fragment(fragment) if fragment.compressed && fragment.offset == 0 => {
            1 + decompression_cost(MESSAGE_BYTES_MAX)
        }
        Frame::RekeyRequest(_) | Frame::RekeyResponse { .. } => REKEY_COST,
        // The budget charges bad frames itself: it knows how many there were.
        Frame::Bad => 0,
        _ => 1,
    }
}

/// Cost of decompressing to this many bytes. More than a message may have is refused before that.
fn decompression_cost(bytes: usize) -> u64 {
    (bytes.min(MESSAGE_BYTES_MAX) / DECOMPRESSED_BYTES_PER_MESSAGE) as u64
}
