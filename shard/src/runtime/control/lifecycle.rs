//! The stage of a server's life: running, draining, stopping. It only moves forward.

use std::sync::atomic::{AtomicU8, Ordering};

const DRAINING: u8 = 1;
const STOPPING: u8 = 2;

/// The stage that a server is in. Every core reads it once per turn.
#[derive(Debug, Default)]
pub struct Lifecycle(AtomicU8);

impl Lifecycle {
    /// Refuses new clients from now on. Connected clients may stay.
    pub fn drain(&self) {
        self.0.fetch_max(DRAINING, Ordering::Relaxed);
    }

    /// Makes every core disconnect its clients and end.
    pub fn stop(&self) {
        self.0.fetch_max(STOPPING, Ordering::Relaxed);
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

    fn stage(&self) -> u8 {
        let stage = self.0.load(Ordering::Relaxed);
        assert!(stage <= STOPPING, "stage {stage} of a server's life is unknown");
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
        assert!(lifecycle.is_draining() && lifecycle.is_stopping());
    }
}
