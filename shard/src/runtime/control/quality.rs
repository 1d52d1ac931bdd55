//! The quality of a core's connections: histograms of round-trip time and loss.

use ringshard_protocol::endpoint::{ConnectionInfo, Standing};
use std::time::Duration;

/// Upper bounds of the round-trip time buckets, in milliseconds.
pub const ROUND_TRIPS_MS: [u64; 11] = [5, 10, 20, 35, 50, 75, 100, 150, 200, 300, 500];
/// Upper bounds of the loss buckets, in thousandths of the datagrams.
pub const LOSSES_PERMILLE: [u64; 8] = [0, 1, 5, 10, 20, 50, 100, 200];

/// Connections by round-trip time and by loss. The last bucket of each has what exceeds all bounds.
#[derive(Clone, Debug, Default)]
pub struct Quality {
    /// By round-trip time; connections without a measurement are left out.
    pub round_trips: [u64; ROUND_TRIPS_MS.len() + 1],
    /// Sum of the round-trip times.
    pub round_trips_sum: Duration,
    /// By loss.
    pub losses: [u64; LOSSES_PERMILLE.len() + 1],
    /// Sum of the losses, each 0 to 1.
    pub losses_sum: f64,
    /// The slot to continue at.
    pub next_slot: usize,
}

impl Quality {
    /// Adds the connections that `other` counted.
    pub fn add(&mut self, other: &Quality) {
        self.round_trips.iter_mut().zip(other.round_trips).for_each(|(sum, count)| *sum += count);
        self.losses.iter_mut().zip(other.losses).for_each(|(sum, count)| *sum += count);
        self.round_trips_sum += other.round_trips_sum;
        self.losses_sum += other.losses_sum;
    }

    /// Counts a connection, if it is established.
    pub fn count(&mut self, connection: &ConnectionInfo) {
        if connection.standing != Standing::Established {
            return;
        }
        if let Some(round_trip) = connection.round_trip {
            let bucket = ROUND_TRIPS_MS.partition_point(|&bound| Duration::from_millis(bound) < round_trip);
            self.round_trips[bucket] += 1;
            self.round_trips_sum += round_trip;
        }
        let bucket = LOSSES_PERMILLE.partition_point(|&bound| (bound as f64) < connection.loss * 1000.0);
        self.losses[bucket] += 1;
        self.losses_sum += connection.loss;
        assert!((0.0..=1.0).contains(&connection.loss), "a loss of {} is no share", connection.loss);
    }
}
