//! A bound on the key agreements that peers cause, over all connections that share [`Resources`](super::Resources).

use crate::time::{Duration, Instant};

/// Key agreements per period. At 120 us each this is about 1 % of a core. Ten thousand connections that rekey once an hour
/// need three per second.
const AGREEMENTS_MAX: u32 = 100;
const PERIOD: Duration = Duration::from_secs(1);

/// Counts the key agreements of the current period.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct KeyAgreementLimit {
    period_began_at: Instant,
    done: u32,
}

impl KeyAgreementLimit {
    /// Whether another key agreement is allowed now. If so, it counts.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        if now.since(self.period_began_at) >= PERIOD {
            *self = KeyAgreementLimit { period_began_at: now, done: 0 };
        }
        let allowed = self.done < AGREEMENTS_MAX;
        self.done += u32::from(allowed);
        assert!(self.done <= AGREEMENTS_MAX, "the budget of a period is never exceeded");
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_period_has_its_budget() {
        let mut limit = KeyAgreementLimit::default();
        let done = (0..3_000).filter(|&millis| limit.take(Instant::ZERO + Duration::from_millis(millis))).count();
        assert_eq!(done, 3 * AGREEMENTS_MAX as usize);
    }
}
