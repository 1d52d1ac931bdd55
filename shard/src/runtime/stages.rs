//! A latency histogram per stage of a core's turn. Only the core writes them; a report gets a copy.

use hdrhistogram::Histogram;
use ringshard_protocol::time::Duration;

/// Longest time that is distinguished, in nanoseconds: 60 s.
const NANOS_MAX: u64 = 60_000_000_000;
/// Two significant digits: every value is within 1 %.
const DIGITS: u8 = 2;

/// One stage's histogram, in nanoseconds.
#[derive(Clone, Debug)]
pub struct Stage(Histogram<u64>);

impl Stage {
    /// An empty histogram.
    pub fn new() -> Self {
        Stage(Histogram::new_with_bounds(1, NANOS_MAX, DIGITS).expect("the bounds are in range"))
    }

    /// Counts `duration` `count` times. More than a minute counts as a minute.
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
    /// From the kernel's arrival timestamp until all datagrams of the turn were handled; per datagram.
    pub arrival_to_handled: Stage,
    /// A turn that had work, without its wait.
    pub turn: Stage,
    /// How late a wait ended that was limited by a deadline.
    pub park_overshoot: Stage,
    /// Sealing what was composed and handing it to the kernel, in turns that had work.
    pub send_flush: Stage,
    /// The service's tick.
    pub tick: Stage,
    /// How late a tick began.
    pub tick_start_jitter: Stage,
    /// Composing what is due to one slice of the clients.
    pub slice: Stage,
    /// From the publication of a change by another core until this core took it in.
    pub exchange_lag: Stage,
}

impl Stages {
    /// Empty histograms.
    pub fn new() -> Self {
        Self::default()
    }

    /// All stages, by name.
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
