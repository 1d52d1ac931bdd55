//! What frames of authenticated peers cost: each has a price, and what is dear is bounded over all connections together.

use crate::time::{Duration, Instant};
use crate::wire::Frame;

/// What a frame that may cost a key exchange counts for, in messages.
const EXCHANGE_MESSAGES: u64 = 100;
/// Key exchanges that peers may ask for, over all connections that share resources, in a period. At 120 us each that is
/// about 1 % of a core. Ten thousand connections that change keys once an hour need three a second.
const EXCHANGES_MAX: u32 = 100;
const EXCHANGES_PERIOD: Duration = Duration::from_secs(1);

/// What a frame costs that is not delivered as a message, in messages.
pub(super) fn price_of(frame: &Frame<'_>) -> u64 {
    match frame {
        Frame::RekeyRequest(_) | Frame::RekeyResponse { .. } => EXCHANGE_MESSAGES,
        // What a bad frame costs is the budget's to say: it knows how many there were.
        Frame::Bad => 0,
        _ => 1,
    }
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
