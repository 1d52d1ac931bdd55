//! Which players are in the world, and what they have measured.

use hdrhistogram::Histogram;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Shared by the main thread and all players.
pub struct Gate {
    /// Players with lower numbers are in the world.
    pub active: AtomicUsize,
    /// Players whose connections ended although they did not leave.
    pub dropped: AtomicU64,
    /// Snapshots that each player got since they were last taken.
    pub snapshots: Vec<AtomicU32>,
    /// From making an input to its snapshot, in nanoseconds, since it was last taken.
    round_trips: Mutex<Histogram<u64>>,
}

impl Gate {
    pub fn new(players: usize) -> Self {
        Gate {
            active: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
            snapshots: (0..players).map(|_| AtomicU32::new(0)).collect(),
            round_trips: Mutex::new(empty()),
        }
    }

    pub fn record(&self, round_trip_nanos: u64) {
        self.round_trips.lock().expect("no thread panics with it").saturating_record(round_trip_nanos.max(1));
    }

    /// The round trips so far, and none from now on.
    pub fn take_round_trips(&self) -> Histogram<u64> {
        std::mem::replace(&mut *self.round_trips.lock().expect("no thread panics with it"), empty())
    }

    /// The snapshots of each of the first `players` players so far, and none from now on.
    pub fn take_snapshots(&self, players: usize) -> Vec<u32> {
        let counts: Vec<u32> = self.snapshots.iter().map(|count| count.swap(0, Ordering::Relaxed)).collect();
        counts[..players].to_vec()
    }
}

fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 2).expect("the bounds are in range")
}
