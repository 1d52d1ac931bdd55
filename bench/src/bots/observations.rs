//! What bots see.

use hdrhistogram::Histogram;

/// Longest staleness that the histograms distinguish, in ticks.
const STALENESS_MAX: u64 = 100_000;

/// What a bot has seen in the measured time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SnapshotCounts {
    pub snapshots: u64,
    pub snapshot_bytes: u64,
    /// Snapshots that were read. The counts below are of these.
    pub looked: u64,
    pub looked_bytes: u64,
    /// Entities in view, summed over these snapshots.
    pub visible: u64,
    pub updates: u64,
    pub entered: u64,
    pub left: u64,
    pub chats: u64,
    /// Malformed snapshots.
    pub faulty: u64,
}

impl SnapshotCounts {
    pub fn add(&mut self, other: &SnapshotCounts) {
        self.snapshots += other.snapshots;
        self.snapshot_bytes += other.snapshot_bytes;
        self.looked += other.looked;
        self.looked_bytes += other.looked_bytes;
        self.visible += other.visible;
        self.updates += other.updates;
        self.entered += other.entered;
        self.left += other.left;
        self.chats += other.chats;
        self.faulty += other.faulty;
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
        let staleness = Histogram::new_with_bounds(1, STALENESS_MAX, 3).expect("the bounds are valid");
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
