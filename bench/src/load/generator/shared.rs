//! What the main thread and the generators share.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What the generators do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Phase {
    /// Connect; then send without measuring.
    WarmUp = 0,
    /// What is sent now counts.
    Measure = 1,
    /// Send nothing more. Late answers to measured messages still count.
    Drain = 2,
    /// Disconnect and end.
    Stop = 3,
}

#[derive(Default)]
pub struct Shared {
    phase: AtomicU8,
    pub connected: AtomicU64,
    pub received: AtomicU64,
    pub failed: AtomicU64,
}

impl Shared {
    pub fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::WarmUp,
            1 => Phase::Measure,
            2 => Phase::Drain,
            _ => Phase::Stop,
        }
    }
}
