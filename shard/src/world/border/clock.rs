//! The clock of a neighbour, from the times that messages took.
//!
//! The *lag* of a message is the time of its arrival here less the time of its departure there, each by its own clock: the time
//! on the way and the offset of the clocks in one. The smallest lag of the last seconds belongs to the fastest message. With
//! the smallest lag in either direction, the offset follows, and its error is at most half the shortest round trip.

use ringshard_protocol::time::{Duration, Instant};

/// The minimum is over 5 to 10 seconds: clocks drift.
const PERIOD: Duration = Duration::from_secs(5);

/// The offset of a neighbour's clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockEstimate {
    /// What to add to a time of the neighbour, in microseconds, to have the time here.
    pub offset_us: i64,
    /// How far that can be off, in microseconds: half the shortest round trip.
    pub error_us: u64,
}

/// The lags of a neighbour's messages.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    /// The smallest lag of this period and of the one before, in microseconds.
    smallest: [Option<i64>; 2],
    period: u64,
    /// The smallest lag in the other direction, as the neighbour states it.
    opposite: Option<i64>,
}

impl Clock {
    /// A message arrived at `now` that left at `at`, in microseconds of the neighbour's clock. The neighbour states the smallest
    /// lag of this host's messages.
    pub(super) fn note(&mut self, now: Instant, at: u64, opposite: Option<i64>) {
        let lag = (now.as_micros() as i64).wrapping_sub(at as i64);
        let period = now.as_nanos() / PERIOD.as_nanos() as u64;
        match period.saturating_sub(self.period) {
            0 => {}
            1 => self.smallest = [None, self.smallest[0]],
            _ => self.smallest = [None, None],
        }
        self.period = period;
        self.smallest[0] = Some(self.smallest[0].map_or(lag, |smallest| smallest.min(lag)));
        self.opposite = opposite.or(self.opposite);
    }

    /// The smallest lag of the neighbour's messages, in microseconds.
    pub(super) fn lag(&self) -> Option<i64> {
        self.smallest.into_iter().flatten().min()
    }

    /// The offset of the neighbour's clock, once both directions are known.
    pub(super) fn estimate(&self) -> Option<ClockEstimate> {
        let (here, there) = (i128::from(self.lag()?), i128::from(self.opposite?));
        let offset_us = i64::try_from((here - there) / 2).ok()?;
        let error_us = u64::try_from(((here + there).max(0) + 1) / 2).ok()?;
        Some(ClockEstimate { offset_us, error_us })
    }

    /// When what left the neighbour at `at` would have arrived here on the fastest way.
    pub(super) fn arrival(&self, at: u64) -> Option<Instant> {
        let micros = u64::try_from((at as i64).wrapping_add(self.lag()?)).ok()?;
        micros.checked_mul(1_000).map(Instant::from_nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_ms(ms: u64) -> Instant {
        Instant::from_nanos(ms * 1_000_000)
    }

    /// The neighbour's clock is 70 ms ahead; there are 4 ms on the way there, and 10 ms on the way back.
    #[test]
    fn the_true_offset_is_within_the_stated_error() {
        let mut clock = Clock::default();
        for (sent_ms, way_ms) in [(1_000, 25), (1_100, 10), (1_200, 18)] {
            clock.note(at_ms(sent_ms + way_ms), (sent_ms + 70) * 1_000, Some(74_000));
        }
        let estimate = clock.estimate().expect("both directions are known");
        assert_eq!(estimate, ClockEstimate { offset_us: -67_000, error_us: 7_000 });
        assert!((estimate.offset_us + 70_000).unsigned_abs() <= estimate.error_us);
        assert_eq!(clock.arrival(1_370_000), Some(at_ms(1_310)));
    }

    #[test]
    fn a_fast_message_of_long_ago_is_forgotten() {
        let mut clock = Clock::default();
        clock.note(at_ms(1_000), 1_000_000, None);
        clock.note(at_ms(6_000), 5_950_000, None);
        assert_eq!(clock.lag(), Some(0), "it is of the period before");
        clock.note(at_ms(12_000), 11_950_000, None);
        assert_eq!(clock.lag(), Some(50_000));
        assert_eq!(clock.estimate(), None, "the way back is unknown");
    }

    #[test]
    fn no_time_that_a_neighbour_states_is_too_much() {
        for at in [0, 1, u64::MAX, u64::MAX / 2, i64::MAX as u64 + 1] {
            for opposite in [i64::MIN + 1, -1, i64::MAX] {
                let mut clock = Clock::default();
                clock.note(Instant::ZERO, at, Some(opposite));
                let _ = (clock.estimate(), clock.arrival(at), clock.arrival(!at));
            }
        }
    }
}
