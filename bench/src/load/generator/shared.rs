//! What the main thread and the generators share.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What the generators are to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Phase {
    /// Connect; then send without measuring.
    WarmUp = 0,
    /// What is sent now counts.
    Measure = 1,
    /// Send nothing more; what comes back of the measured still counts.
    Drain = 2,
    /// Hang up and end.
    Stop = 3,
}

/// What main thread and generators share.
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
