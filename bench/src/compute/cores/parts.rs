//! The parts of a core's tick, and the time that they take.

use std::time::Duration;

/// The parts, in the order in which a tick runs them.
pub const PARTS: [&str; 7] = ["apply", "step", "publish", "grid", "history", "look", "write"];

/// CPU time of each part in one tick of one core.
pub type Parts = [Duration; PARTS.len()];

/// CPU time of all cores.
pub struct Times {
    cores: usize,
    /// All ticks of all cores together.
    sums: Parts,
    /// Each tick: the core that took longest, and all cores together.
    busiest: Vec<Duration>,
    total: Duration,
    /// Of the present tick: each core.
    present: Vec<Duration>,
}

impl Times {
    pub fn new(cores: usize) -> Times {
        let present = vec![Duration::ZERO; cores];
        Times { cores, sums: Parts::default(), busiest: Vec::new(), total: Duration::ZERO, present }
    }

    pub fn record(&mut self, core: usize, parts: Parts) {
        for (sum, part) in self.sums.iter_mut().zip(parts) {
            *sum += part;
        }
        self.present[core] = parts.iter().sum();
    }

    pub fn end_tick(&mut self) {
        self.busiest.push(self.present.iter().max().copied().unwrap_or_default());
        self.total += self.present.iter().sum::<Duration>();
    }

    pub fn cores(&self) -> usize {
        self.cores
    }

    pub fn ticks(&self) -> usize {
        self.busiest.len()
    }

    /// The time of the busiest core per tick that a share of the ticks does not exceed, in ms.
    pub fn busiest_ms(&self, share: f64) -> f64 {
        let mut sorted = self.busiest.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        sorted.get((last as f64 * share).round() as usize).map_or(0.0, |&busiest| ms(busiest))
    }

    /// The mean time of all cores together per tick, in ms.
    pub fn sum_ms(&self) -> f64 {
        ms(self.total) / self.ticks().max(1) as f64
    }

    /// The mean time of each part per core and tick, in ms.
    pub fn parts_ms(&self) -> [f64; PARTS.len()] {
        self.sums.map(|sum| ms(sum) / (self.ticks().max(1) * self.cores) as f64)
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
