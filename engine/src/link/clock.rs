//! The clock of the links that use real sockets.

use crate::time::{Duration, Instant};
use std::time::SystemTime;

/// How often the distance between the two clocks is measured again: the wall clock can be set.
const REMEASURE: Duration = Duration::from_millis(100);

/// The monotonic clock, and the wall clock that the kernel stamps arrivals with, translated into it.
#[derive(Debug)]
pub(super) struct Clock {
    start: std::time::Instant,
    /// Wall clock at the monotonic zero, in nanoseconds since the epoch.
    wall_at_zero: u64,
    measured_at: Instant,
}

impl Clock {
    pub(super) fn new() -> Self {
        let mut clock = Clock { start: std::time::Instant::now(), wall_at_zero: 0, measured_at: Instant::ZERO };
        clock.measure(Instant::ZERO);
        clock
    }

    pub(super) fn now(&mut self) -> Instant {
        // The zero lies a second back, so that an arrival just before the start still has a place.
        let now = Instant::from_nanos(self.start.elapsed().as_nanos() as u64 + 1_000_000_000);
        if now.since(self.measured_at) >= REMEASURE {
            self.measure(now);
        }
        now
    }

    fn measure(&mut self, now: Instant) {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
        let monotonic = self.start.elapsed().as_nanos() as u64 + 1_000_000_000;
        self.wall_at_zero = wall.saturating_sub(monotonic);
        self.measured_at = now;
    }

    /// The moment of a wall-clock stamp.
    pub(super) fn stamped(&self, nanos: u64) -> Instant {
        Instant::from_nanos(nanos.saturating_sub(self.wall_at_zero))
    }
}
