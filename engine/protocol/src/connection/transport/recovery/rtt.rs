//! RTT estimation (RFC 9002, section 5).

use crate::limits::{ACK_DELAY_MAX, PROBE_TIMEOUT_MAX, TIMER_GRAIN};
use crate::time::Duration;

/// Timer granularity (RFC 9002, section 6.1.2).
const GRANULARITY: Duration = Duration::from_millis(1);

/// The RTT of a path.
#[derive(Clone, Copy, Debug)]
pub(in crate::connection) struct RttEstimator {
    smoothed: Duration,
    variation: Duration,
    least: Duration,
    measured: bool,
    /// Probe timeout before the first sample.
    first_timeout: Duration,
}

impl RttEstimator {
    /// For an unknown path.
    pub(super) fn new(first_timeout: Duration) -> Self {
        // Chosen so that smoothed + 4 x variation is the first timeout.
        let third = first_timeout / 3;
        RttEstimator { smoothed: third, variation: third / 2, least: Duration::ZERO, measured: false, first_timeout }
    }

    /// For a new path after this one.
    pub(super) fn restarted(&self) -> Self {
        RttEstimator::new(self.first_timeout)
    }

    /// The smoothed RTT. None before the first sample.
    pub(in crate::connection) fn smoothed(&self) -> Option<Duration> {
        self.measured.then_some(self.smoothed)
    }

    /// The minimum RTT. Zero before the first sample.
    pub(super) fn least(&self) -> Duration {
        self.least
    }

    /// Takes a sample. `delay`: how long the peer says that it delayed the acknowledgment.
    pub(super) fn sample(&mut self, sample: Duration, delay: Duration) {
        if !self.measured {
            *self = RttEstimator { smoothed: sample, variation: sample / 2, least: sample, measured: true, ..*self };
            return;
        }
        self.least = self.least.min(sample);
        let delay = delay.min(ACK_DELAY_MAX);
        let adjusted = if sample >= self.least + delay { sample - delay } else { sample };
        self.variation = (self.variation * 3 + self.smoothed.abs_diff(adjusted)) / 4;
        self.smoothed = (self.smoothed * 7 + adjusted) / 8;
    }

    /// How long to wait for an acknowledgment before a probe.
    pub(in crate::connection) fn probe_timeout(&self) -> Duration {
        let timeout = match self.measured {
            // Timers at both endpoints may be late by their grain.
            true => self.smoothed + (self.variation * 4).max(GRANULARITY) + ACK_DELAY_MAX + 2 * TIMER_GRAIN,
            false => self.first_timeout,
        };
        // Without this bound one late sample could keep a connection from recovering. A probe too many costs one datagram.
        timeout.min(PROBE_TIMEOUT_MAX)
    }

    /// How long a datagram may be behind an acknowledged one before it is deemed lost (RFC 9002, section 6.1.2).
    pub(super) fn loss_delay(&self) -> Duration {
        (self.smoothed * 9 / 8).max(GRANULARITY)
    }
}
