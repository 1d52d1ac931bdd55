//! The server's resident memory over the run.

use crate::system::usage::usage;
use serde::Serialize;
use std::time::Duration;

/// Maximum growth after the warm-up: the larger of these two.
const GROWTH_SHARE_MAX: f64 = 0.05;
const GROWTH_BYTES_MAX: u64 = 4 << 20;
/// Default warm-up: this share of the run, but at most this long.
const WARM_UP_PART: f64 = 0.2;
const WARM_UP_MAX_S: f64 = 60.0;
/// Samples in the report.
const SHOWN: usize = 12;

/// Samples of a process's memory.
pub struct MemoryWatch {
    pid: u32,
    /// Seconds.
    warm_up: Option<f64>,
    /// Seconds from the start, and bytes.
    samples: Vec<(f64, u64)>,
}

#[derive(Clone, Debug, Serialize)]
pub struct MemoryFigures {
    /// At the end of the warm-up, and at the end.
    pub first_bytes: u64,
    pub last_bytes: u64,
    /// Slope of a linear fit in between.
    pub slope_bytes_per_hour: f64,
    pub is_flat: bool,
    /// Some samples: seconds from the start, and bytes.
    pub samples: Vec<(f64, u64)>,
}

impl MemoryWatch {
    /// Memory counts after `warm_up` seconds, or after a share of the run.
    pub fn new(pid: u32, warm_up: Option<f64>) -> Self {
        MemoryWatch { pid, warm_up, samples: Vec::new() }
    }

    /// Takes a sample if the last one is a second old.
    pub fn look(&mut self, elapsed: Duration) {
        let at = elapsed.as_secs_f64();
        if self.samples.last().is_none_or(|&(last, _)| at - last >= 1.0) {
            self.samples.push((at, usage(self.pid).resident_bytes));
        }
    }

    /// The last sample, in MiB.
    pub fn mebibytes(&self) -> f64 {
        self.samples.last().map_or(0.0, |&(_, bytes)| bytes as f64 / f64::from(1 << 20))
    }

    /// None if there are too few samples of the process.
    pub fn figures(&self) -> Option<MemoryFigures> {
        let end = self.samples.last()?.0;
        let warm_up = self.warm_up.unwrap_or((end * WARM_UP_PART).min(WARM_UP_MAX_S));
        let warm: Vec<_> = self.samples.iter().copied().filter(|&(at, bytes)| at >= warm_up && bytes > 0).collect();
        let (first_bytes, last_bytes) = (warm.first()?.1, warm.last()?.1);
        let allowed = ((first_bytes as f64 * GROWTH_SHARE_MAX) as u64).max(GROWTH_BYTES_MAX);
        Some(MemoryFigures {
            first_bytes,
            last_bytes,
            slope_bytes_per_hour: slope(&warm) * 3600.0,
            is_flat: last_bytes <= first_bytes + allowed,
            samples: self.samples.iter().copied().step_by(self.samples.len().div_ceil(SHOWN)).collect(),
        })
    }
}

/// Slope of a least-squares fit, in bytes per second.
fn slope(samples: &[(f64, u64)]) -> f64 {
    let count = samples.len() as f64;
    let mean_at = samples.iter().map(|&(at, _)| at).sum::<f64>() / count;
    let mean_bytes = samples.iter().map(|&(_, bytes)| bytes as f64).sum::<f64>() / count;
    let (mut common, mut spread) = (0.0, 0.0);
    for &(at, bytes) in samples {
        common += (at - mean_at) * (bytes as f64 - mean_bytes);
        spread += (at - mean_at) * (at - mean_at);
    }
    if spread == 0.0 { 0.0 } else { common / spread }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_distinguished_from_warm_up() {
        let rising = |from: u64, per_second: u64| {
            let samples = (0..600).map(|at| (at as f64, from + at * per_second)).collect();
            MemoryWatch { pid: 0, warm_up: None, samples }.figures().expect("there are samples")
        };
        assert!(rising(20 << 20, 0).is_flat);
        let grows = rising(20 << 20, 100 << 10);
        assert!(!grows.is_flat && (grows.slope_bytes_per_hour - 3600.0 * 102_400.0).abs() < 1.0);
    }
}
