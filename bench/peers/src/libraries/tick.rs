//! The 60 Hz tick of servers whose documentation shows a game loop.

use std::time::{Duration, Instant};

/// Length of a tick.
pub const TICK: Duration = Duration::from_nanos(16_666_667);

/// A clock that ticks 60 times per second. Unlike the loops of the documentations, it does not sleep after a tick that took too
/// long, so that a busy server can use its whole CPU.
#[derive(Debug)]
pub struct Tick {
    last: Instant,
    next: Instant,
}

impl Tick {
    pub fn begin() -> Self {
        let now = Instant::now();
        Tick { last: now, next: now + TICK }
    }

    /// Waits for the next tick; returns the time since the last one.
    pub fn wait(&mut self) -> Duration {
        std::thread::sleep(self.next.saturating_duration_since(Instant::now()));
        self.pass()
    }

    /// Whether the next tick is due.
    pub fn is_due(&self) -> bool {
        Instant::now() >= self.next
    }

    /// Begins the next tick; returns the time since the last one.
    pub fn pass(&mut self) -> Duration {
        let now = Instant::now();
        let passed = now - self.last;
        self.last = now;
        self.next = (self.next + TICK).max(now);
        passed
    }
}
