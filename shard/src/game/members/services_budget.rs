//! How much a player may send to services: a token bucket of bytes.

/// Bytes per tick: 120 KiB per second.
const BYTES_PER_TICK: u64 = 2_048;
/// Bytes in a row: 100 calls at once, or four of the longest.
const BYTES_MAX: u64 = 64 * 1_024;
/// What a message costs beside its bytes.
const MESSAGE_COST: u64 = 128;

/// How much a player may send to services. The services' ring is shared by all players of a core.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ServicesBudget {
    /// Bytes that were spent, and the tick up to which they are forgotten.
    spent: u64,
    tick: u64,
}

impl ServicesBudget {
    /// Whether the player may send a message of so many bytes at this tick. If so, it is spent.
    pub(crate) fn take(&mut self, tick: u64, bytes: usize) -> bool {
        let forgotten = tick.saturating_sub(self.tick).saturating_mul(BYTES_PER_TICK);
        (self.spent, self.tick) = (self.spent.saturating_sub(forgotten), tick);
        let cost = bytes as u64 + MESSAGE_COST;
        let is_within = self.spent + cost <= BYTES_MAX;
        self.spent += if is_within { cost } else { 0 };
        is_within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_gets_what_the_rate_allows() {
        let mut budget = ServicesBudget::default();
        let sent: usize = (0..600).flat_map(|tick| [tick; 500]).filter(|&tick| budget.take(tick, 872)).count();
        // A full bucket, and ten seconds of the rate.
        assert_eq!(sent as u64, (BYTES_MAX + 599 * BYTES_PER_TICK) / 1_000);
    }

    #[test]
    fn a_hundred_short_calls_at_once_and_the_longest_call_pass() {
        let mut budget = ServicesBudget::default();
        assert!((0..100).all(|_| budget.take(7, 500)));
        assert!(!ServicesBudget::default().take(7, BYTES_MAX as usize));
        assert!(ServicesBudget::default().take(7, 16_384));
    }
}
