//! The clock by which others are shown. It follows the arrivals of snapshots, and runs so far behind that there nearly
//! always is a snapshot after the shown tick.

use super::spread::Spread;
use super::{ticks_in, ticks_since, time_of};
use crate::interpolation::Interpolation;
use ringshard_protocol::time::{Duration, Instant};

/// The clock runs at most so much faster or slower than time.
pub const SHOWN_RATE_MAX: f64 = 0.1;
/// In about so many ticks, the clock corrects its error.
const STEERING_TICKS: f64 = 16.0;
/// A larger error is not steered away: the clock leaps ahead, or waits.
const LEAP_TICKS: f64 = 30.0;
/// The delay has so many mean deviations of the arrivals.
const DEVIATIONS: f64 = 2.0;
/// Ticks of delay beside the interval of snapshots and the jitter.
const MARGIN: f64 = 1.0;
/// What a frame past the newest snapshot adds to the delay, and what a tick takes away again.
const STARVATION_STEP: f64 = 0.25;
const STARVATION_DECAY: f64 = STARVATION_STEP / 400.0;
const STARVATION_MAX: f64 = 6.0;
/// The interval of snapshots counts as at most so many ticks.
const INTERVAL_MAX: f64 = 30.0;

/// The clock by which others are shown.
#[derive(Clone, Debug)]
pub struct ShownClock {
    /// The zero of the phase.
    start: Instant,
    now: Instant,
    tick: f64,
    rate: f64,
    newest: u64,
    /// Ticks of arriving snapshots, ahead of the local time.
    arrivals: Spread,
    /// Ticks from one snapshot to the next.
    interval: f64,
    starvation: f64,
    /// What the frames past the newest snapshot add to `starvation`, unless the next snapshot is quiet.
    unexplained: f64,
}

impl ShownClock {
    /// Starts the clock: a snapshot of `tick` has just arrived.
    pub fn start(now: Instant, tick: u64, settings: &Interpolation) -> Self {
        let mut arrivals = Spread::default();
        arrivals.note(tick as f64);
        let mut clock = ShownClock {
            start: now,
            now,
            tick: 0.0,
            rate: 0.0,
            newest: tick,
            arrivals,
            interval: 1.0,
            starvation: 0.0,
            unexplained: 0.0,
        };
        clock.tick = tick as f64 - clock.delay(settings);
        clock
    }

    /// The shown tick. It is negative while a server that has just started shows its first ticks.
    pub fn ticks(&self) -> f64 {
        self.tick
    }

    /// How much faster than time the clock runs: within [`SHOWN_RATE_MAX`] of 0.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Mean deviation of the arrivals of snapshots.
    pub fn jitter(&self) -> Duration {
        time_of(self.arrivals.deviation())
    }

    /// The tick of a snapshot that would arrive now.
    pub fn arriving(&self) -> f64 {
        self.arrivals.mean().expect("it began with an arrival") + ticks_since(self.start, self.now)
    }

    /// How many ticks behind the arriving snapshots others are to be shown.
    pub fn delay(&self, settings: &Interpolation) -> f64 {
        let wanted = self.interval + MARGIN + DEVIATIONS * self.arrivals.deviation() + self.starvation;
        let (least, most) = (ticks_in(settings.delay_min), ticks_in(settings.delay_max));
        wanted.clamp(least, most.max(least))
    }

    /// A snapshot newer than all before has arrived. `is_quiet`: no snapshot is missing since the one before, and at least one
    /// of the two has no entity. Then the server was silent because it had nothing to tell, and others are not shown later.
    pub fn arrived(&mut self, now: Instant, tick: u64, is_quiet: bool) {
        self.arrivals.note(tick as f64 - ticks_since(self.start, now));
        let unexplained = std::mem::take(&mut self.unexplained);
        if !is_quiet {
            self.starvation = (self.starvation + unexplained).min(STARVATION_MAX);
            let interval = (tick.saturating_sub(self.newest) as f64).min(INTERVAL_MAX);
            self.interval += (interval - self.interval) / 16.0;
        }
        self.newest = tick;
    }

    /// Lets time pass, until a frame is shown. True if its tick is past the newest snapshot.
    pub fn advance(&mut self, now: Instant, settings: &Interpolation) -> bool {
        let passed = ticks_since(self.now, now);
        self.now = self.now.max(now);
        self.tick += passed * (1.0 + self.rate);
        self.starvation = (self.starvation - passed * STARVATION_DECAY).max(0.0);
        let starves = self.tick > self.newest as f64;
        // A frame that took long finds no snapshot because none was received meanwhile: that says nothing of the path.
        if starves && passed < INTERVAL_MAX {
            self.unexplained += STARVATION_STEP * passed.min(1.0);
        }
        self.steer(settings);
        starves
    }

    fn steer(&mut self, settings: &Interpolation) {
        let error = self.arriving() - self.delay(settings) - self.tick;
        if error > LEAP_TICKS {
            self.tick += error;
            self.rate = 0.0;
        } else if error < -LEAP_TICKS {
            self.rate = -1.0;
        } else {
            self.rate = (error / STEERING_TICKS).clamp(-SHOWN_RATE_MAX, SHOWN_RATE_MAX);
        }
    }
}
