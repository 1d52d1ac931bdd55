//! Whether a core still turns, and how loaded it is. The core records the time of each turn where any thread can
//! read it: a core that is stuck responds to no request.

use ringshard_protocol::time::Instant;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// A core that has not begun a turn for this long is stuck: it begins at least one per tick, 60 a second.
pub const STUCK_AFTER: Duration = Duration::from_secs(1);

/// Stored instead of a time once the core has ended.
const ENDED: u64 = u64::MAX;

/// What weight a tick has in the busy share of a core, which forgets within about a second.
const BUSY_WEIGHT: f32 = 1.0 / 60.0;

/// When a core began its last turn, and how loaded it is. On a cache line of its own: the core writes to it in every turn.
#[derive(Debug)]
#[repr(align(128))]
pub struct Liveness {
    made: std::time::Instant,
    /// When the last turn began, in nanoseconds since `made`; or [`ENDED`].
    turned_at: AtomicU64,
    /// An [`Overload`].
    overload: AtomicU8,
    /// The bits of an f32.
    busy: AtomicU32,
    connections: AtomicU32,
}

/// What an overloaded core sheds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Overload {
    /// How far its service reduces what it does: 0 not at all.
    pub level: u8,
    /// Whether datagrams are dropped because a queue of them stands.
    pub drops: bool,
    /// Whether new clients are refused.
    pub refuses: bool,
}

impl Overload {
    const DROPS: u8 = 0x40;
    const REFUSES: u8 = 0x80;

    fn bits(self) -> u8 {
        assert!(self.level < Self::DROPS, "a level has 6 bits");
        let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        self.level | bit(self.drops, Self::DROPS) | bit(self.refuses, Self::REFUSES)
    }

    fn from_bits(bits: u8) -> Self {
        let level = bits & (Self::DROPS - 1);
        Overload { level, drops: bits & Self::DROPS != 0, refuses: bits & Self::REFUSES != 0 }
    }

    /// Whether anything is shed.
    pub fn is_any(self) -> bool {
        self.level > 0 || self.drops
    }
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

    /// What the core sheds.
    pub fn overload(&self) -> Overload {
        Overload::from_bits(self.overload.load(Ordering::Relaxed))
    }

    /// Share of the last second that the core worked, 0 to 1.
    pub fn busy(&self) -> f32 {
        f32::from_bits(self.busy.load(Ordering::Relaxed))
    }

    /// Connections of the core.
    pub fn connections(&self) -> u32 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Whether the core has begun its first turn.
    pub fn has_begun(&self) -> bool {
        self.turned_at.load(Ordering::Relaxed) > 0
    }

    /// Whether the core has done its last turn.
    pub fn has_ended(&self) -> bool {
        self.turned_at.load(Ordering::Relaxed) == ENDED
    }
}

/// The core's side: records each turn.
#[derive(Debug)]
pub struct TurnRecorder {
    liveness: Arc<Liveness>,
    /// The core's clock at its first turn, and how long after `made` that was, in nanoseconds.
    first: Option<(Instant, u64)>,
}

impl TurnRecorder {
    /// For a core that has not turned yet.
    pub fn new() -> Self {
        TurnRecorder {
            liveness: Arc::new(Liveness {
                made: std::time::Instant::now(),
                turned_at: AtomicU64::new(0),
                overload: AtomicU8::new(0),
                busy: AtomicU32::new(0),
                connections: AtomicU32::new(0),
            }),
            first: None,
        }
    }

    /// The side of other threads.
    pub fn liveness(&self) -> Arc<Liveness> {
        self.liveness.clone()
    }

    /// Records that a turn begins.
    #[inline]
    pub fn begin(&mut self, now: Instant) {
        let made = self.liveness.made;
        let (first, after) = *self.first.get_or_insert_with(|| (now, made.elapsed().as_nanos() as u64));
        assert!(now >= first, "a core's clock does not go back");
        let turned_at = after.saturating_add(now.since(first).as_nanos() as u64).min(ENDED - 1);
        self.liveness.turned_at.store(turned_at.max(1), Ordering::Relaxed);
    }

    /// Records what the core sheds.
    pub fn overload(&self, overload: Overload) {
        self.liveness.overload.store(overload.bits(), Ordering::Relaxed);
    }

    /// Records how loaded the core was since its last tick: the share of the time that it worked, and its connections.
    pub fn load(&self, busy: f32, connections: usize) {
        let before = self.liveness.busy();
        let smoothed = before + (busy - before) * BUSY_WEIGHT;
        self.liveness.busy.store(smoothed.to_bits(), Ordering::Relaxed);
        self.liveness.connections.store(u32::try_from(connections).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// Records that the core has done its last turn.
    pub fn end(&self) {
        assert!(!self.liveness.has_ended(), "a core ends once");
        self.liveness.turned_at.store(ENDED, Ordering::Relaxed);
    }
}

impl Default for TurnRecorder {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_that_does_not_turn_is_stuck_and_one_that_has_ended_is_not() {
        let mut turns = TurnRecorder::new();
        let liveness = turns.liveness();
        let start = Instant::from_nanos(7);
        turns.begin(start);
        assert!(liveness.stuck().is_none() && !liveness.has_ended());
        std::thread::sleep(STUCK_AFTER);
        assert!(liveness.stuck().is_some_and(|silence| silence >= STUCK_AFTER));
        turns.begin(start + STUCK_AFTER);
        assert!(liveness.stuck().is_none(), "it turns again");
        std::thread::sleep(STUCK_AFTER);
        turns.end();
        assert!(liveness.stuck().is_none() && liveness.has_ended());
    }

    #[test]
    fn the_busy_share_of_a_core_follows_within_seconds_and_one_tick_alone_hardly_shows() {
        let turns = TurnRecorder::new();
        let liveness = turns.liveness();
        turns.load(1.0, 3);
        assert!(liveness.busy() < 0.1 && liveness.connections() == 3, "{}", liveness.busy());
        (0..300).for_each(|_| turns.load(1.0, 3));
        assert!((0.95..=1.0).contains(&liveness.busy()), "{}", liveness.busy());
        (0..300).for_each(|_| turns.load(0.0, 0));
        assert!((0.0..0.05).contains(&liveness.busy()), "{}", liveness.busy());
    }
}
