//! Where samples lie, and how far they scatter.

/// The newest sample weighs at least one in so many.
const MEMORY: f64 = 64.0;
/// A sample counts as at most so many ticks away from the mean, so that one outlier moves little.
const OUTLIER: f64 = 4.0;
/// After so many outliers in a row on one side, the mean moves there at once: the path has changed.
const OUTLIERS_IN_A_ROW: u32 = 12;
/// The deviation that is assumed before there are samples, in ticks.
const DEVIATION_FIRST: f64 = 0.5;

/// The mean and the mean deviation of samples, in ticks. Recent samples weigh most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spread {
    mean: f64,
    deviation: f64,
    samples: f64,
    outliers: u32,
    /// The outlier of this row that is nearest to the mean, as a difference from it.
    nearest: f64,
}

impl Default for Spread {
    fn default() -> Self {
        Spread { mean: 0.0, deviation: DEVIATION_FIRST, samples: 0.0, outliers: 0, nearest: 0.0 }
    }
}

impl Spread {
    /// None before the first sample.
    pub(super) fn mean(&self) -> Option<f64> {
        (self.samples > 0.0).then_some(self.mean)
    }

    pub(super) fn deviation(&self) -> f64 {
        self.deviation
    }

    pub(super) fn note(&mut self, sample: f64) {
        assert!(sample.is_finite(), "a sample is a number");
        if self.samples == 0.0 {
            (self.mean, self.samples) = (sample, 1.0);
            return;
        }
        let off = sample - self.mean;
        self.samples = (self.samples + 1.0).min(MEMORY);
        // The deviation starts from an assumption, not from nothing: it weighs like 8 samples.
        self.deviation += (off.abs().min(OUTLIER) - self.deviation) / (self.samples + 8.0).min(MEMORY);
        if self.moved(off) {
            self.mean += self.nearest;
            (self.outliers, self.nearest) = (0, 0.0);
        } else {
            self.mean += off.clamp(-OUTLIER, OUTLIER) / self.samples;
        }
    }

    /// Counts outliers on one side; true if there were enough in a row.
    fn moved(&mut self, off: f64) -> bool {
        if off.abs() <= OUTLIER {
            self.outliers = 0;
            return false;
        }
        let continues = self.outliers > 0 && off * self.nearest > 0.0;
        self.outliers = if continues { self.outliers + 1 } else { 1 };
        self.nearest = if continues && self.nearest.abs() < off.abs() { self.nearest } else { off };
        self.outliers >= OUTLIERS_IN_A_ROW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_deviation_settle_where_the_samples_lie() {
        let mut spread = Spread::default();
        assert_eq!(spread.mean(), None);
        for at in 0..1_000 {
            spread.note(5.0e8 + if at % 2 == 0 { 1.0 } else { -1.0 });
        }
        assert!((spread.mean().unwrap() - 5.0e8).abs() < 0.1);
        assert!((spread.deviation() - 1.0).abs() < 0.1);
    }

    #[test]
    fn one_outlier_moves_little_and_a_change_of_path_moves_all() {
        let mut spread = Spread::default();
        (0..100).for_each(|_| spread.note(10.0));
        spread.note(1_000.0);
        assert!((spread.mean().unwrap() - 10.0).abs() < 0.1);
        (0..OUTLIERS_IN_A_ROW + 4).for_each(|_| spread.note(50.0));
        assert!((spread.mean().unwrap() - 50.0).abs() < 2.0, "{spread:?}");
    }
}
