//! The share of a tick's time that one player may have for what it sends.

use crate::budget::Budget;
use std::time::Duration;

/// A call counts as at least this part of a player's share of a tick: making its arguments takes time too.
const CALLS_PER_TICK: u32 = 32;

/// How much time the script may still spend on what one player sends. It grows each tick by [`Budget::share`], up to the time of
/// one hook. One call may take more than is left: then the player waits until that is paid.
#[derive(Clone, Copy, Debug, Default)]
pub struct Credit {
    /// Less than nothing: what is missing until the credit is full.
    spent: Duration,
    tick: u64,
}

impl Credit {
    /// Whether the script may be called for this player in this tick.
    pub fn is_left(&mut self, budget: &Budget, tick: u64) -> bool {
        let ticks = u32::try_from(tick.saturating_sub(self.tick)).unwrap_or(u32::MAX);
        self.spent = self.spent.saturating_sub(budget.share.saturating_mul(ticks));
        self.tick = tick;
        self.spent < budget.hook
    }

    /// A call for this player has taken so long.
    pub fn spend(&mut self, budget: &Budget, took: Duration) {
        self.spent += took.max(budget.share / CALLS_PER_TICK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_player_gets_its_share_and_saves_up_the_time_of_one_hook() {
        let budget = Budget::default();
        let mut credit = Credit::default();
        let mut calls = |tick, took| {
            let may = |_: &u32| {
                let may = credit.is_left(&budget, tick);
                if may {
                    credit.spend(&budget, took);
                }
                may
            };
            (0..1_000).take_while(may).count()
        };
        assert_eq!(
            calls(100, Duration::ZERO),
            129,
            "a burst of short calls: 32 for each of the 4 ticks in a hook's time"
        );
        assert_eq!(calls(101, Duration::ZERO), 32);
        assert_eq!(calls(10_000, budget.hook), 1);
        assert_eq!((10_001..10_041).map(|tick| calls(tick, budget.hook)).sum::<usize>(), 10, "a quarter of the ticks");
    }
}
