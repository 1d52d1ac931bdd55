//! What frames of authenticated peers cost: each has a price, and what is dear is bounded over all connections together.

use crate::limits::MESSAGE_BYTES_MAX;
use crate::time::{Duration, Instant};
use crate::wire::{Delivery, Frame, NUMBER_BYTES};

/// What a frame that may cost a key exchange counts for, in messages.
const EXCHANGE_MESSAGES: u64 = 100;
/// Bytes that a compressed message becomes and that count for a message.
const RESTORED_BYTES_PER_MESSAGE: usize = 1024;
/// Key exchanges that peers may ask for, over all connections that share resources, in a period. At 120 us each that is
/// about 1 % of a core. Ten thousand connections that change keys once an hour need three a second.
const EXCHANGES_MAX: u32 = 100;
const EXCHANGES_PERIOD: Duration = Duration::from_secs(1);

/// What a frame costs that is not delivered as it lies there, in messages. It is counted when the frame comes, whenever the
/// work is done: what is kept may be restored much later, and all at once.
pub(super) fn price_of(frame: &Frame<'_>) -> u64 {
    match frame {
        Frame::Compressed(channel, body) => {
            let at = if channel.delivery() == Delivery::Unreliable { 0 } else { NUMBER_BYTES };
            let size = body.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |size| u32::from_le_bytes(*size));
            1 + restored(size as usize)
        }
        // Its first piece has the size, if the piece is long enough; the largest is what it can be.
        Frame::Fragment(fragment) if fragment.compressed && fragment.offset == 0 => 1 + restored(MESSAGE_BYTES_MAX),
        Frame::RekeyRequest(_) | Frame::RekeyResponse { .. } => EXCHANGE_MESSAGES,
        // What a bad frame costs is the budget's to say: it knows how many there were.
        Frame::Bad => 0,
        _ => 1,
    }
}

/// What it costs to restore so many bytes; more than a message may have is refused before that.
fn restored(bytes: usize) -> u64 {
    (bytes.min(MESSAGE_BYTES_MAX) / RESTORED_BYTES_PER_MESSAGE) as u64
}

/// How many key exchanges peers have asked for in the current period.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Exchanges {
    began_at: Instant,
    done: u32,
}

impl Exchanges {
    /// Whether another key exchange may be done now; it then counts.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        if now.since(self.began_at) >= EXCHANGES_PERIOD {
            *self = Exchanges { began_at: now, done: 0 };
        }
        let may = self.done < EXCHANGES_MAX;
        self.done += u32::from(may);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_exchanges_are_done_in_a_period_and_no_more() {
        let mut exchanges = Exchanges::default();
        let done = (0..3_000).filter(|&millis| exchanges.take(Instant::ZERO + Duration::from_millis(millis))).count();
        assert_eq!(done, 3 * EXCHANGES_MAX as usize);
    }
}
