//! A limit of a rate, by network or account.

use super::table::Table;
use std::hash::Hash;
use std::time::Duration;

/// A rate with a burst. A key that has been idle may take the whole burst at once.
///
/// Kept for each key is one number: when its burst is whole again (the generic cell rate algorithm).
#[derive(Debug)]
pub(super) struct RateLimit {
    /// Microseconds since the start when the burst is whole.
    whole_at: Table<u64>,
    interval: u64,
    burst: u64,
}

impl RateLimit {
    /// Allows `per_second`, and `burst` at once, for each of at least `keys_max` keys.
    ///
    /// If there are more, those that took least are forgotten first, so that nobody escapes a limit by it.
    pub(super) fn new(burst: u32, per_second: f64, keys_max: usize) -> Self {
        // At most a year, so that no sum overflows.
        let interval = (1e6 / per_second.max(1e-9)).clamp(1.0, 3.2e13) as u64;
        RateLimit { whole_at: Table::new((keys_max / 8).next_power_of_two()), interval, burst: burst.into() }
    }

    /// Takes one of a key at `now`, in microseconds since the start.
    ///
    /// # Errors
    /// How long to wait until there is one.
    pub(super) fn take(&mut self, now: u64, key: impl Hash) -> Result<(), Duration> {
        let most = now.saturating_add(self.interval.saturating_mul(self.burst));
        let whole_at = self.whole_at.entry(key, |whole_at| *whole_at);
        let after = (*whole_at).max(now).saturating_add(self.interval);
        if after > most {
            return Err(Duration::from_micros(after - most));
        }
        *whole_at = after;
        Ok(())
    }

    /// Gives one back, which was taken for something that did not happen.
    pub(super) fn give_back(&mut self, key: impl Hash) {
        if let Some(whole_at) = self.whole_at.get_mut(key) {
            *whole_at = whole_at.saturating_sub(self.interval);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    const SECOND: u64 = 1_000_000;

    #[test]
    fn after_the_burst_the_rate_counts_and_the_wait_is_exact() {
        let mut limit = RateLimit::new(3, 0.5, 64);
        assert!((0..3).all(|_| limit.take(0, "a").is_ok()));
        assert_eq!(limit.take(0, "a"), Err(Duration::from_secs(2)));
        assert_eq!(limit.take(0, "b"), Ok(()), "another key");
        assert_eq!(limit.take(2 * SECOND - 1, "a"), Err(Duration::from_micros(1)));
        assert_eq!(limit.take(2 * SECOND, "a"), Ok(()));
        assert!(limit.take(2 * SECOND, "a").is_err());
        limit.give_back("a");
        assert_eq!(limit.take(2 * SECOND, "a"), Ok(()));
        let much_later = 3600 * SECOND;
        assert_eq!((0..9).filter(|_| limit.take(much_later, "a").is_ok()).count(), 3, "no more than the burst");
    }

    #[test]
    fn a_rate_or_burst_of_nothing_allows_nothing_and_does_not_overflow() {
        let mut never = RateLimit::new(0, 1.0, 8);
        assert!(never.take(0, "a").is_err());
        let mut once = RateLimit::new(1, 0.0, 8);
        assert!(once.take(u64::MAX / 2, "a").is_ok());
        assert!(once.take(u64::MAX / 2, "a").is_err());
        assert!(RateLimit::new(u32::MAX, 0.0, 8).take(u64::MAX / 2, "a").is_ok());
    }
}
