//! What a core measures of itself (O2): a latency histogram per stage, and its latest ticks. It alone owns them; whoever
//! wants to see them lends it a box to copy them into.

use crate::simulation::WorldStats;
use hdrhistogram::Histogram;
use ringshard_engine::endpoint::Offenders;
use ringshard_engine::link::LinkStats;
use ringshard_engine::stats::{Drops, EndpointStats};
use ringshard_engine::time::Duration;

/// Longest time that is told apart, in nanoseconds: 60 s.
const NANOS_MAX: u64 = 60_000_000_000;
/// Two significant digits: every value is within 1 %.
const DIGITS: u8 = 2;

/// One stage's histogram, in nanoseconds.
#[derive(Clone, Debug)]
pub struct Stage(Histogram<u64>);

impl Stage {
    /// An empty one.
    pub fn new() -> Self {
        Stage(Histogram::new_with_bounds(1, NANOS_MAX, DIGITS).expect("the bounds are in range"))
    }

    /// Counts `count` times `duration`; longer than a minute counts as a minute.
    #[inline]
    pub fn record(&mut self, duration: Duration, count: u64) {
        self.0.saturating_record_n((duration.as_nanos() as u64).max(1), count);
    }

    /// The histogram.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.0
    }

    fn copy_from(&mut self, other: &Stage) {
        self.0.set_to(&other.0).expect("all stages have the same bounds");
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self::new()
    }
}

/// The stages of a core.
#[derive(Clone, Debug, Default)]
pub struct Stages {
    /// From the kernel's arrival stamp until all of the turn's datagrams were handled; per datagram.
    pub arrival_to_handled: Stage,
    /// The working part of a turn that had work: everything but the wait.
    pub turn: Stage,
    /// How late a wait ended that was to end at a time.
    pub park_overshoot: Stage,
    /// Sealing what was composed and handing it to the kernel, in turns that had work.
    pub send_flush: Stage,
    /// The service's tick.
    pub tick: Stage,
    /// How late a tick began.
    pub tick_start_jitter: Stage,
    /// Saying to a slice of the clients what is due to them.
    pub slice: Stage,
    /// From the tick in which another core published a change until this core took it in.
    pub exchange_lag: Stage,
}

impl Stages {
    /// Empty ones.
    pub fn new() -> Self {
        Self::default()
    }

    /// All of them, by name.
    pub fn entries(&self) -> [(&'static str, &Stage); 8] {
        [
            ("arrival_to_handled", &self.arrival_to_handled),
            ("turn", &self.turn),
            ("send_flush", &self.send_flush),
            ("park_overshoot", &self.park_overshoot),
            ("tick", &self.tick),
            ("tick_start_jitter", &self.tick_start_jitter),
            ("slice", &self.slice),
            ("exchange_lag", &self.exchange_lag),
        ]
    }

    /// Overwrites `other`, without allocating.
    pub fn copy_into(&self, other: &mut Stages) {
        other.arrival_to_handled.copy_from(&self.arrival_to_handled);
        other.turn.copy_from(&self.turn);
        other.park_overshoot.copy_from(&self.park_overshoot);
        other.send_flush.copy_from(&self.send_flush);
        other.tick.copy_from(&self.tick);
        other.tick_start_jitter.copy_from(&self.tick_start_jitter);
        other.slice.copy_from(&self.slice);
        other.exchange_lag.copy_from(&self.exchange_lag);
    }
}

/// Ticks that a core remembers one by one: some four seconds of them.
const TICKS_REMEMBERED: usize = 256;

/// One tick, as it went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TickRecord {
    /// How late it began, in microseconds.
    pub late_us: u32,
    /// How long it took, in microseconds.
    pub took_us: u32,
    /// Ticks that were left out after it, because it was over too late.
    pub skipped: u32,
}

/// The latest ticks of a core.
#[derive(Clone, Debug)]
pub struct TickLog {
    records: [TickRecord; TICKS_REMEMBERED],
    /// Ticks ever.
    count: u64,
}

impl Default for TickLog {
    fn default() -> Self {
        TickLog { records: [TickRecord::default(); TICKS_REMEMBERED], count: 0 }
    }
}

impl TickLog {
    /// Notes a tick.
    pub fn push(&mut self, tick: TickRecord) {
        self.records[self.count as usize % TICKS_REMEMBERED] = tick;
        self.count += 1;
    }

    /// Ticks ever.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Those remembered with their numbers, oldest first.
    pub fn latest(&self) -> impl Iterator<Item = (u64, TickRecord)> {
        let first = self.count.saturating_sub(TICKS_REMEMBERED as u64);
        (first..self.count).map(|number| (number, self.records[number as usize % TICKS_REMEMBERED]))
    }
}

/// What a core says of itself.
#[derive(Clone, Debug, Default)]
pub struct CoreReport {
    /// Its latest ticks.
    pub ticks: TickLog,
    /// Bytes of memory that messages are kept in.
    pub message_bytes: usize,
    /// Who was refused last, by reason.
    pub offenders: Offenders,
    /// Histograms since the start.
    pub stages: Stages,
    /// Counters of its endpoint.
    pub endpoint: EndpointStats,
    /// Its drops.
    pub drops: Drops,
    /// Reliable messages, and pieces of them, that came again after they had arrived.
    pub duplicates: u64,
    /// Counters of its link.
    pub link: LinkStats,
    /// Connections now.
    pub connections: usize,
    /// Ticks that were due while the core was busy, and were left out.
    pub ticks_skipped: u64,
    /// Counters of the world that it serves, if it serves one.
    pub world: Option<WorldStats>,
}

impl CoreReport {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }
}
