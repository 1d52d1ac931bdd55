//! How a core waits when a turn is over.

use ringshard_protocol::link::Wait;
use ringshard_protocol::time::{Duration, Instant};

/// How long arrivals are gathered under load: a wake-up for each costs more than serving it.
const GATHER: Duration = Duration::from_micros(100);
/// Arrivals within one gathering from which on gathering pays.
const WORTH_GATHERING: f64 = 3.0;
/// Arrivals that end a gathering at once.
const ENOUGH: u32 = 32;

/// What to trade for what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strategy {
    /// Never wait: lowest latency, the core is always full.
    Busy,
    /// Wake for each arrival while they are rare; gather them 100 us at a time when they are many.
    Adaptive,
    /// Always gather: least CPU.
    Park,
}

/// Decides each wait.
#[derive(Debug)]
pub struct Idle {
    strategy: Strategy,
    /// Datagrams per nanosecond, smoothed over some milliseconds.
    rate: f64,
    measured_at: Instant,
    received: usize,
}

/// Time over which the arrival rate is measured.
const MEASURE: Duration = Duration::from_millis(2);

impl Idle {
    /// Waits as `strategy` says.
    pub fn new(strategy: Strategy) -> Self {
        Idle { strategy, rate: 0.0, measured_at: Instant::ZERO, received: 0 }
    }

    /// The wait after a turn that ended at `now` and received so many datagrams; no longer than `until`. When `busy`,
    /// there is work left and no wait.
    pub fn wait(&mut self, now: Instant, until: Instant, received: usize, busy: bool) -> Wait {
        self.received += received;
        let elapsed = now.since(self.measured_at);
        if elapsed >= MEASURE {
            let rate = self.received as f64 / elapsed.as_nanos() as f64;
            self.rate = (self.rate + rate) / 2.0;
            self.received = 0;
            self.measured_at = now;
        }
        let gather = match self.strategy {
            Strategy::Busy => return Wait { until: now, gather: Duration::ZERO, enough: 1 },
            _ if busy => return Wait { until: now, gather: Duration::ZERO, enough: 1 },
            Strategy::Park => GATHER,
            Strategy::Adaptive if self.rate * GATHER.as_nanos() as f64 >= WORTH_GATHERING => GATHER,
            Strategy::Adaptive => Duration::ZERO,
        };
        Wait { until, gather, enough: ENOUGH }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(idle: &mut Idle, per_millisecond: usize) -> Wait {
        let mut now = Instant::from_nanos(1_000_000_000);
        let mut wait = idle.wait(now, now, 0, false);
        for _ in 0..50 {
            now = now + Duration::from_millis(1);
            wait = idle.wait(now, now + Duration::from_millis(5), per_millisecond, false);
        }
        wait
    }

    #[test]
    fn adaptive_gathers_only_under_load() {
        assert_eq!(load(&mut Idle::new(Strategy::Adaptive), 1).gather, Duration::ZERO);
        assert_eq!(load(&mut Idle::new(Strategy::Adaptive), 600).gather, GATHER);
    }

    #[test]
    fn nobody_waits_while_there_is_work() {
        for strategy in [Strategy::Busy, Strategy::Adaptive, Strategy::Park] {
            let now = Instant::from_nanos(5);
            assert_eq!(Idle::new(strategy).wait(now, now + GATHER, 0, true).until, now);
        }
    }
}
