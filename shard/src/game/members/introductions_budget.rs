//! How many introductions a player may send: a token bucket.

/// After so many ticks, a player may send one more: 4 per second.
const REST_TICKS: u64 = ringshard_world::limits::TICKS_PER_SECOND as u64 / 4;
/// Introductions in a row: to 15 others, twice.
const IN_A_ROW: u64 = 32;

/// How many introductions a player may send.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IntroductionsBudget {
    /// Introductions that count, and the tick up to which they are forgotten.
    sent: u64,
    tick: u64,
}

impl IntroductionsBudget {
    /// Whether the player may send one at this tick. If so, it counts.
    pub(crate) fn take(&mut self, tick: u64) -> bool {
        let rests = tick.saturating_sub(self.tick) / REST_TICKS;
        self.tick = if rests >= self.sent { tick } else { self.tick + rests * REST_TICKS };
        self.sent = self.sent.saturating_sub(rests);
        let is_within = self.sent < IN_A_ROW;
        self.sent += u64::from(is_within);
        is_within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_gets_32_at_once_and_4_per_second() {
        let mut budget = IntroductionsBudget::default();
        let sent = (0..600).flat_map(|tick| [tick; 9]).filter(|&tick| budget.take(tick)).count() as u64;
        assert_eq!(sent, IN_A_ROW + 599 / REST_TICKS);
        assert!(budget.take(100_000), "it rests");
    }
}
