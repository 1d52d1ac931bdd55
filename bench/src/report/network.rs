//! The simulated network between clients and server: what it did, and what verdicts allow for it.

use ringshard_link::conditioned::ConditionedStats;
use ringshard_link::conditions::{ImpairmentStats, NetworkSpec};
use ringshard_protocol::time::Instant;
use serde::Serialize;
use std::time::Duration;

/// The simulated network, and what it did in both directions from the first handshake to the last answer.
#[derive(Clone, Debug, Serialize)]
pub struct NetworkFigures {
    pub spec: String,
    pub entered: u64,
    pub lost: u64,
    pub queue_full: u64,
    pub duplicated: u64,
    pub held_back: u64,
    pub corrupted: u64,
    /// Lost because the generator's queue was full: not asked for.
    pub not_held: u64,
}

impl NetworkFigures {
    /// None without a simulated network.
    pub fn new(spec: Option<NetworkSpec>, stats: &ConditionedStats) -> Option<Self> {
        let mut both = stats.outward;
        both.add(&stats.inward);
        Some(NetworkFigures {
            spec: spec?.to_string(),
            entered: both.entered,
            lost: both.all_lost() - both.queue_full,
            queue_full: both.queue_full,
            duplicated: both.duplicated,
            held_back: both.held_back,
            corrupted: both.corrupted,
            not_held: stats.not_held,
        })
    }
}

/// What the simulated network takes from every result, by no fault of the server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Allowance {
    /// The longest possible round trip.
    pub round_trip: Duration,
    /// Shares of the datagrams that passed, to the server and back.
    pub passed_out: f64,
    pub passed_in: f64,
}

impl Allowance {
    /// Takes nothing without a simulated network.
    pub fn new(spec: Option<NetworkSpec>, stats: &ConditionedStats) -> Self {
        Allowance {
            round_trip: round_trip_max(spec),
            passed_out: passed(&stats.outward),
            passed_in: passed(&stats.inward),
        }
    }

    /// Share of the round trips that it broke.
    pub fn loss(&self) -> f64 {
        1.0 - self.passed_out * self.passed_in
    }

    pub fn round_trip_us(&self) -> f64 {
        self.round_trip.as_secs_f64() * 1e6
    }
}

/// The longest possible round trip: queues full, and an outage in between.
pub fn round_trip_max(spec: Option<NetworkSpec>) -> Duration {
    let Some(NetworkSpec { conditions, .. }) = spec else { return Duration::ZERO };
    let held = conditions.reorder.map_or(Duration::ZERO, |reorder| reorder.hold_max);
    let queued = conditions
        .rate
        .map_or(Duration::ZERO, |rate| Duration::from_secs_f64(rate.queue_bytes as f64 / rate.bytes_per_second as f64));
    let outage = conditions.outage.map_or(Duration::ZERO, |outage| outage.to.since(outage.from.max(Instant::ZERO)));
    2 * (conditions.delay + conditions.jitter + held + queued) + outage
}

fn passed(stats: &ImpairmentStats) -> f64 {
    1.0 - (stats.all_lost() + stats.corrupted) as f64 / stats.entered.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_round_trip_has_each_delay_twice() {
        let longest = |spec: &str| round_trip_max(Some(spec.parse().unwrap()));
        assert_eq!(round_trip_max(None), Duration::ZERO);
        assert_eq!(longest("delay=25ms"), Duration::from_millis(50));
        assert_eq!(longest("delay=25ms,jitter=5ms,loss=1%"), Duration::from_millis(60));
        assert_eq!(longest("delay=25ms,loss=1%,rate=100mbit"), Duration::from_millis(250));
        assert_eq!(longest("outage=10s+2s"), Duration::from_secs(2));
    }

    #[test]
    fn loss_in_either_direction_breaks_a_round_trip() {
        let way = |lost| ImpairmentStats { entered: 1_000, lost, ..ImpairmentStats::default() };
        let stats = ConditionedStats { outward: way(100), inward: way(500), not_held: 0 };
        let allowance = Allowance::new(None, &stats);
        assert!((allowance.loss() - 0.55).abs() < 1e-9);
        assert_eq!(Allowance::new(None, &ConditionedStats::default()).loss(), 0.0);
    }
}
