//! A core's latency histograms (O2), and how they leave it.
//!
//! A core records into histograms that it alone owns. Whoever wants to see them lends it a box to copy them into, over
//! a pair of SPSC rings: nothing is shared, and the core allocates nothing.

use crate::simulation::WorldStats;
use hdrhistogram::Histogram;
use ringshard_engine::link::LinkStats;
use ringshard_engine::stats::{Drops, EndpointStats};
use ringshard_engine::time::Duration;
use rtrb::{Consumer, Producer, RingBuffer};

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

/// What a core says of itself.
#[derive(Clone, Debug, Default)]
pub struct CoreReport {
    /// Histograms since the start.
    pub stages: Stages,
    /// Counters of its endpoint.
    pub endpoint: EndpointStats,
    /// Its drops.
    pub drops: Drops,
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

/// The core's end: lends itself to whoever asks.
pub struct ReportOutlet {
    asked: Consumer<Box<CoreReport>>,
    answered: Producer<Box<CoreReport>>,
}

/// The asker's end.
pub struct ReportInlet {
    ask: Producer<Box<CoreReport>>,
    answers: Consumer<Box<CoreReport>>,
}

/// Both ends for one core.
pub fn report_exchange() -> (ReportInlet, ReportOutlet) {
    let (ask, asked) = RingBuffer::new(1);
    let (answered, answers) = RingBuffer::new(1);
    (ReportInlet { ask, answers }, ReportOutlet { asked, answered })
}

impl ReportOutlet {
    /// The box to fill, when somebody has asked.
    #[inline]
    pub fn asked(&mut self) -> Option<Box<CoreReport>> {
        self.asked.pop().ok()
    }

    /// Hands the filled box back.
    pub fn answer(&mut self, report: Box<CoreReport>) {
        // One question is open at a time, so there is room, unless the asker is gone.
        let _ = self.answered.push(report);
    }
}

impl ReportInlet {
    /// Asks the core and waits for its answer, up to `patience`. None when it does not answer: it is stuck or gone.
    pub fn ask(&mut self, patience: std::time::Duration) -> Option<Box<CoreReport>> {
        // An answer that came too late for the last question would be taken for the one to this.
        while self.answers.pop().is_ok() {}
        let _ = self.ask.push(Box::default());
        let give_up = std::time::Instant::now() + patience;
        while std::time::Instant::now() < give_up {
            if let Ok(report) = self.answers.pop() {
                return Some(report);
            }
            std::thread::sleep(std::time::Duration::from_micros(500));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_crosses_to_whoever_asks() {
        let (mut inlet, mut outlet) = report_exchange();
        let core = std::thread::spawn(move || {
            loop {
                if let Some(mut report) = outlet.asked() {
                    report.connections = 7;
                    report.stages.turn.record(Duration::from_micros(3), 5);
                    return outlet.answer(report);
                }
            }
        });
        let report = inlet.ask(std::time::Duration::from_secs(5)).expect("the core answers");
        assert_eq!((report.connections, report.stages.turn.histogram().len()), (7, 5));
        core.join().unwrap();
        assert!(inlet.ask(std::time::Duration::from_millis(5)).is_none(), "nobody is there any more");
    }
}
