//! What bots see.

use hdrhistogram::Histogram;
use ringshard_protocol::counters;

/// Longest staleness that the histograms distinguish, in ticks.
const STALENESS_MAX: u64 = 100_000;

counters! {
    /// What a bot has seen in the measured time.
    SnapshotCounts {
        snapshots,
        snapshot_bytes,
        /// Snapshots that were read. The counts below are of these.
        looked,
        looked_bytes,
        /// Entities in view, summed over these snapshots.
        visible,
        updates,
        entered,
        left,
        chats,
        /// Ticks whose predicted state was compared with the server's.
        predicted,
        /// Of those, the ones that differed.
        mispredicted,
        /// Snapshots whose tick the server stepped without the player's input.
        inputs_missed,
        /// Malformed snapshots.
        faulty,
    }
}

/// What a bot that observes has measured.
#[derive(Clone, Debug)]
pub struct Observations {
    /// How many ticks the state of near moving entities lags behind the newest snapshot.
    pub near_staleness: Histogram<u64>,
    /// The same for far moving entities.
    pub far_staleness: Histogram<u64>,
    /// Input to the snapshot that acknowledges it, in nanoseconds.
    pub round_trip: Histogram<u64>,
    /// Near moving, far moving and still entities.
    pub classes: [Class; 3],
}

/// Entities of one class, in the snapshots that were compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Class {
    /// Entities in view.
    pub seen: u64,
    /// Entities updated by that very snapshot.
    pub fresh: u64,
}

impl Observations {
    pub fn new() -> Self {
        // Up to 31 ticks are recorded exactly.
        let staleness = Histogram::new_with_bounds(1, STALENESS_MAX, 1).expect("the bounds are valid");
        Observations {
            near_staleness: staleness.clone(),
            far_staleness: staleness,
            round_trip: Histogram::new_with_bounds(1_000, 60_000_000_000, 2).expect("the bounds are valid"),
            classes: [Class::default(); 3],
        }
    }

    pub fn add(&mut self, other: &Observations) {
        self.near_staleness.add(&other.near_staleness).expect("all have the same bounds");
        self.far_staleness.add(&other.far_staleness).expect("all have the same bounds");
        self.round_trip.add(&other.round_trip).expect("all have the same bounds");
        for (class, other) in self.classes.iter_mut().zip(other.classes) {
            class.seen += other.seen;
            class.fresh += other.fresh;
        }
    }
}
