//! How long to wait after a failure.

use std::time::Duration;

/// The wait after the first failure.
const FIRST: Duration = Duration::from_millis(200);

/// Waits that double from failure to failure, up to a bound. Each is drawn between three quarters and all of that, so that
/// many hosts do not come back at the same moment.
#[derive(Clone, Debug)]
pub struct Backoff {
    next: Duration,
    max: Duration,
    random: u64,
}

impl Backoff {
    /// Waits of at most `max`. Two with the same `seed` are alike.
    pub fn new(max: Duration, seed: u64) -> Self {
        Backoff { next: FIRST.min(max), max, random: seed }
    }

    /// Begins with a short wait again.
    pub fn reset(&mut self) {
        self.next = FIRST.min(self.max);
    }

    /// How long to wait after one more failure.
    pub fn wait(&mut self) -> Duration {
        // SplitMix64: each number is good enough for a spread.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let share = 0.75 + 0.25 * ((mixed >> 40) as f64 / (1u64 << 24) as f64);
        let wait = self.next.mul_f64(share);
        self.next = (self.next * 2).min(self.max);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_bound_and_begin_again_after_a_reset() {
        let mut backoff = Backoff::new(Duration::from_secs(1), 7);
        let waits: Vec<_> = (0..6).map(|_| backoff.wait().as_secs_f64()).collect();
        for (wait, whole) in waits.iter().zip([0.2, 0.4, 0.8, 1.0, 1.0, 1.0]) {
            assert!((0.75 * whole..=whole).contains(wait), "{waits:?}");
        }
        assert!(waits[3] != waits[4], "they are spread: {waits:?}");
        backoff.reset();
        assert!(backoff.wait() <= FIRST);
    }
}
