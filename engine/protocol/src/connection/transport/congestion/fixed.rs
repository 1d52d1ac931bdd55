//! A constant window.

use super::controller::{Acked, Controller, Lost, WINDOW_BYTES_MIN};
use crate::time::Instant;

/// A constant window: nothing that happens changes it.
#[derive(Debug)]
pub struct Fixed {
    window: u64,
}

impl Fixed {
    /// A window of `bytes`, at least [`WINDOW_BYTES_MIN`].
    pub fn new(bytes: u64) -> Self {
        Fixed { window: bytes.max(WINDOW_BYTES_MIN) }
    }
}

impl Controller for Fixed {
    fn on_sent(&mut self, _now: Instant, _bytes: u64, _in_flight: u64) {}

    fn on_acked(&mut self, _acked: &Acked) {}

    fn on_lost(&mut self, _lost: &Lost) {}

    fn window(&self) -> u64 {
        self.window
    }

    fn pacing_rate(&self) -> Option<u64> {
        None
    }
}
