//! How a core waits between two turns.

use ringshard_protocol::link::Wait;
use ringshard_protocol::time::{Duration, Instant};

/// How long arrivals are gathered under load: a wake-up per arrival costs more than handling the arrival.
const GATHER: Duration = Duration::from_micros(100);
/// Expected arrivals in one gathering from which gathering is worthwhile.
const WORTH_GATHERING: f64 = 3.0;
/// Arrivals that end a gathering early.
const ENOUGH: u32 = 32;

/// Time between two updates of the arrival rate.
const MEASURE: Duration = Duration::from_millis(2);

/// The trade between latency and CPU time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strategy {
    /// Never wait: lowest latency, 100 % of the CPU.
    Busy,
    /// Wake for each arrival while arrivals are rare; gather them for 100 us when they are frequent.
    Adaptive,
    /// Always gather: least CPU time.
    Park,
}

/// Decides how to wait after each turn.
#[derive(Debug)]
pub struct Idle {
    strategy: Strategy,
    /// Datagrams per nanosecond, smoothed over some milliseconds.
    rate: f64,
    /// When the rate was last updated.
    measured_at: Instant,
    /// Datagrams received since.
    received: usize,
}

impl Idle {
    /// Waits with this strategy.
    pub fn new(strategy: Strategy) -> Self {
        Idle { strategy, rate: 0.0, measured_at: Instant::ZERO, received: 0 }
    }

    /// The wait after a turn that ended at `now` and received `received` datagrams. It ends at `until` at the latest, and at
    /// once if `busy`: then there is work left.
    pub fn wait(&mut self, now: Instant, until: Instant, received: usize, busy: bool) -> Wait {
        self.received += received;
        let elapsed = now.since(self.measured_at);
        if elapsed >= MEASURE {
            let rate = self.received as f64 / elapsed.as_nanos() as f64;
            self.rate = (self.rate + rate) / 2.0;
            self.received = 0;
            self.measured_at = now;
            assert!(self.rate.is_finite() && self.rate >= 0.0, "an arrival rate of {} is none", self.rate);
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
    fn a_core_never_waits_while_there_is_work() {
        for strategy in [Strategy::Busy, Strategy::Adaptive, Strategy::Park] {
            let now = Instant::from_nanos(5);
            assert_eq!(Idle::new(strategy).wait(now, now + GATHER, 0, true).until, now);
        }
    }
}
