//! The clock of the links that use real sockets.

use ringshard_protocol::time::{Duration, Instant};
use std::sync::OnceLock;
use std::time::SystemTime;

/// How often the offset between the two clocks is measured again: the wall clock can be set.
const REMEASURE: Duration = Duration::from_millis(100);

/// The zero of all clocks of this process, so that cores can exchange times.
static START: OnceLock<std::time::Instant> = OnceLock::new();

/// The present time, as all links with real sockets in this process tell it: for threads that exchange times with cores.
pub fn now() -> Instant {
    since(*START.get_or_init(std::time::Instant::now))
}

/// The zero lies a second before the start, so that an arrival shortly before the start has a time.
fn since(start: std::time::Instant) -> Instant {
    Instant::from_nanos(start.elapsed().as_nanos() as u64 + 1_000_000_000)
}

/// The monotonic clock. It also translates the wall-clock stamps of the kernel on arrivals.
#[derive(Debug)]
pub(super) struct Clock {
    start: std::time::Instant,
    /// Wall clock at the monotonic zero, in nanoseconds since the epoch.
    wall_at_zero: u64,
    measured_at: Instant,
}

impl Clock {
    pub(super) fn new() -> Self {
        let start = *START.get_or_init(std::time::Instant::now);
        let mut clock = Clock { start, wall_at_zero: 0, measured_at: Instant::ZERO };
        clock.measure(Instant::ZERO);
        clock
    }

    pub(super) fn now(&mut self) -> Instant {
        let now = since(self.start);
        if now.since(self.measured_at) >= REMEASURE {
            self.measure(now);
        }
        now
    }

    fn measure(&mut self, now: Instant) {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
        self.wall_at_zero = wall.saturating_sub(since(self.start).as_nanos());
        self.measured_at = now;
    }

    /// The time of a wall-clock stamp on this clock.
    pub(super) fn stamped(&self, nanos: u64) -> Instant {
        Instant::from_nanos(nanos.saturating_sub(self.wall_at_zero))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_clocks_have_the_same_zero() {
        let mut first = Clock::new();
        std::thread::sleep(Duration::from_millis(30));
        let mut second = Clock::new();
        let times = [first.now(), second.now(), now(), first.now()];
        assert!(times.is_sorted(), "{times:?}");
    }
}
