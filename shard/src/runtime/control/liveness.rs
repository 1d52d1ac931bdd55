//! Whether a core still turns. It notes the time of each turn where anyone can read it: a core that is stuck answers no
//! question, and whoever wants to know must not have to wait for it.

use ringshard_protocol::time::Instant;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A core that has not begun a turn for so long is stuck: it begins one for each tick, 60 a second.
pub const STUCK_AFTER: Duration = Duration::from_secs(1);

/// Noted instead of a time once the core has ended.
const ENDED: u64 = u64::MAX;

/// What is known of a core without asking it. On a cache line of its own: the core writes to it each turn.
#[derive(Debug)]
#[repr(align(128))]
pub struct Liveness {
    made: std::time::Instant,
    /// When its last turn began, in nanoseconds since `made`.
    turned_at: AtomicU64,
}

impl Liveness {
    /// How long ago the core began its last turn; zero once it has ended.
    pub fn silence(&self) -> Duration {
        let turned_at = self.turned_at.load(Ordering::Relaxed);
        self.made.elapsed().saturating_sub(Duration::from_nanos(turned_at))
    }

    /// For how long the core has been stuck, if it is.
    pub fn stuck(&self) -> Option<Duration> {
        Some(self.silence()).filter(|silence| *silence >= STUCK_AFTER)
    }

    /// Whether the core has done its last turn, in order.
    pub fn has_ended(&self) -> bool {
        self.turned_at.load(Ordering::Relaxed) == ENDED
    }
}

/// The core's side.
#[derive(Debug)]
pub struct Beat {
    liveness: Arc<Liveness>,
    /// The core's clock at its first turn, and how long after `made` that was.
    first: Option<(Instant, u64)>,
}

impl Beat {
    /// Of a core that has yet to turn for the first time.
    pub fn new() -> Self {
        Beat {
            liveness: Arc::new(Liveness { made: std::time::Instant::now(), turned_at: AtomicU64::new(0) }),
            first: None,
        }
    }

    /// What others see of it.
    pub fn liveness(&self) -> Arc<Liveness> {
        self.liveness.clone()
    }

    /// A turn begins.
    #[inline]
    pub fn turn(&mut self, now: Instant) {
        let made = self.liveness.made;
        let (first, after) = *self.first.get_or_insert_with(|| (now, made.elapsed().as_nanos() as u64));
        let turned_at = after.saturating_add(now.since(first).as_nanos() as u64).min(ENDED - 1);
        self.liveness.turned_at.store(turned_at, Ordering::Relaxed);
    }

    /// The core has done its last turn.
    pub fn end(&self) {
        self.liveness.turned_at.store(ENDED, Ordering::Relaxed);
    }
}

impl Default for Beat {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_that_does_not_turn_is_stuck_and_one_that_has_ended_is_not() {
        let mut beat = Beat::new();
        let liveness = beat.liveness();
        let start = Instant::from_nanos(7);
        beat.turn(start);
        assert!(liveness.stuck().is_none() && !liveness.has_ended());
        std::thread::sleep(STUCK_AFTER);
        assert!(liveness.stuck().is_some_and(|silence| silence >= STUCK_AFTER));
        beat.turn(start + STUCK_AFTER);
        assert!(liveness.stuck().is_none(), "it turns again");
        std::thread::sleep(STUCK_AFTER);
        beat.end();
        assert!(liveness.stuck().is_none() && liveness.has_ended());
    }
}
