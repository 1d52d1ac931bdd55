//! Token buckets, which limit the rate of messages and pace datagrams.

use crate::limits::DATAGRAM_BYTES_MAX;
use crate::time::{Duration, Instant};

/// Burst after a pause: at least a GSO batch of datagrams, and enough for the time by which a timer may be late.
const BURST_BYTES_MIN: u64 = 10 * DATAGRAM_BYTES_MAX as u64;
const BURST: Duration = Duration::from_millis(4);

/// Fills at a rate, up to a burst. Taking may overdraw it once.
#[derive(Clone, Debug)]
pub(super) struct TokenBucket {
    tokens: i64,
    filled_at: Instant,
}

impl TokenBucket {
    pub(super) fn new(now: Instant) -> Self {
        TokenBucket { tokens: BURST_BYTES_MIN as i64, filled_at: now }
    }

    /// Fills at `bytes_per_second` until `now`. Returns whether something may leave.
    pub(super) fn allows(&mut self, now: Instant, bytes_per_second: u64) -> bool {
        let burst = BURST_BYTES_MIN.max(bytes_in(bytes_per_second, BURST)) as i64;
        let gained = bytes_in(bytes_per_second, now.since(self.filled_at));
        if gained > 0 {
            self.tokens = self.tokens.saturating_add(gained as i64).min(burst);
            self.filled_at = now;
            debug_assert!(self.tokens <= burst, "no more than a burst is saved");
        }
        self.tokens > 0
    }

    pub(super) fn has_tokens(&self) -> bool {
        self.tokens > 0
    }

    pub(super) fn take(&mut self, bytes: u64) {
        self.tokens -= bytes as i64;
    }

    /// When [`Self::allows`] returns true, if nothing else is taken.
    pub(super) fn ready_at(&self, bytes_per_second: u64) -> Instant {
        if self.tokens > 0 {
            return self.filled_at;
        }
        let missing = u128::from((1 - self.tokens).unsigned_abs());
        let nanos = (missing * 1_000_000_000).div_ceil(bytes_per_second.max(1).into());
        self.filled_at + Duration::from_nanos(nanos.min(u64::MAX.into()) as u64)
    }
}

/// Bytes at a rate in a time.
fn bytes_in(bytes_per_second: u64, time: Duration) -> u64 {
    (u128::from(bytes_per_second) * time.as_nanos() / 1_000_000_000).min(i64::MAX as u128) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lets_through_its_rate_and_one_burst() {
        let mut bucket = TokenBucket::new(Instant::ZERO);
        let (rate, mut now, mut left) = (1_000_000, Instant::ZERO, 0);
        while now < Instant::ZERO + Duration::from_secs(2) {
            while bucket.allows(now, rate) {
                bucket.take(1200);
                left += 1200;
            }
            let ready = bucket.ready_at(rate);
            assert!(ready > now && ready <= now + Duration::from_millis(3));
            now = ready;
        }
        let expected = 2 * rate + BURST_BYTES_MIN;
        assert!((expected..expected + 2 * 1200).contains(&left), "{left}");
    }

    #[test]
    fn slow_rates_gain_however_often_it_is_asked() {
        let mut bucket = TokenBucket::new(Instant::ZERO);
        bucket.take(BURST_BYTES_MIN);
        let mut allowed_at = None;
        for micros in (0..3_000_000).step_by(7) {
            let now = Instant::ZERO + Duration::from_micros(micros);
            if allowed_at.is_none() && bucket.allows(now, 1) {
                allowed_at = Some(micros);
            }
        }
        assert!(allowed_at.is_some_and(|micros| (1_000_000..1_000_010).contains(&micros)));
    }
}
