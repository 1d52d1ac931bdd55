//! The stage of a server's life: running, draining, stopping, stopping at once. It only moves forward.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

const DRAINING: u8 = 1;
const STOPPING: u8 = 2;
const STOPPING_AT_ONCE: u8 = 3;

/// The stage that a server is in. Every core reads it once per turn.
#[derive(Debug, Default)]
pub struct Lifecycle {
    stage: AtomicU8,
    drain_ms: AtomicU64,
}

impl Lifecycle {
    /// How long clients may stay once the server drains. 0 at first.
    pub fn drain_time(&self) -> Duration {
        Duration::from_millis(self.drain_ms.load(Ordering::Relaxed))
    }

    /// Sets how long clients may stay, in whole milliseconds.
    pub fn set_drain_time(&self, time: Duration) {
        self.drain_ms.store(time.as_millis() as u64, Ordering::Relaxed);
    }

    /// Refuses new clients from now on. Connected clients may stay.
    pub fn drain(&self) {
        self.stage.fetch_max(DRAINING, Ordering::Relaxed);
    }

    /// Makes every core disconnect its clients and end.
    pub fn stop(&self) {
        self.stage.fetch_max(STOPPING, Ordering::Relaxed);
    }

    /// Makes every core disconnect its clients and end, without waiting for reliable messages to arrive.
    pub fn stop_at_once(&self) {
        self.stage.fetch_max(STOPPING_AT_ONCE, Ordering::Relaxed);
    }

    /// Whether new clients are refused.
    #[inline]
    pub fn is_draining(&self) -> bool {
        self.stage() >= DRAINING
    }

    /// Whether the cores are to end.
    #[inline]
    pub fn is_stopping(&self) -> bool {
        self.stage() >= STOPPING
    }

    /// Whether the cores are to end without waiting for reliable messages to arrive.
    #[inline]
    pub fn is_stopping_at_once(&self) -> bool {
        self.stage() >= STOPPING_AT_ONCE
    }

    fn stage(&self) -> u8 {
        let stage = self.stage.load(Ordering::Relaxed);
        assert!(stage <= STOPPING_AT_ONCE, "stage {stage} of a server's life is unknown");
        stage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_never_returns_to_an_earlier_stage() {
        let lifecycle = Lifecycle::default();
        assert!(!lifecycle.is_draining() && !lifecycle.is_stopping());
        lifecycle.stop();
        lifecycle.drain();
        assert!(lifecycle.is_draining() && lifecycle.is_stopping() && !lifecycle.is_stopping_at_once());
        lifecycle.stop_at_once();
        lifecycle.stop();
        assert!(lifecycle.is_draining() && lifecycle.is_stopping() && lifecycle.is_stopping_at_once());
    }
}
