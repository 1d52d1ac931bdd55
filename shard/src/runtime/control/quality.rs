//! How good the connections of a core are: how many have which round trip, and which loss.

use ringshard_protocol::endpoint::{ConnectionInfo, Standing};
use std::time::Duration;

/// Round trips that are told apart, in milliseconds: each a class of its own and all that are shorter.
pub const ROUND_TRIPS_MS: [u64; 11] = [5, 10, 20, 35, 50, 75, 100, 150, 200, 300, 500];
/// Shares of lost datagrams that are told apart, in thousandths.
pub const LOSSES_PERMILLE: [u64; 8] = [0, 1, 5, 10, 20, 50, 100, 200];

/// Connections by round trip and by loss. The last class of each has what is beyond all bounds.
#[derive(Clone, Debug, Default)]
pub struct Quality {
    /// By round trip; those of which none is known yet are left out.
    pub round_trips: [u64; ROUND_TRIPS_MS.len() + 1],
    /// Sum of the round trips.
    pub round_trips_sum: Duration,
    /// By loss.
    pub losses: [u64; LOSSES_PERMILLE.len() + 1],
    /// Sum of the losses, each 0 to 1.
    pub losses_sum: f64,
    /// The slot of the core to go on at.
    pub next_slot: usize,
}

impl Quality {
    /// Counts what another look has found as well.
    pub fn add(&mut self, other: &Quality) {
        self.round_trips.iter_mut().zip(other.round_trips).for_each(|(sum, count)| *sum += count);
        self.losses.iter_mut().zip(other.losses).for_each(|(sum, count)| *sum += count);
        self.round_trips_sum += other.round_trips_sum;
        self.losses_sum += other.losses_sum;
    }

    /// Counts a connection, if its client has proved its keys.
    pub fn count(&mut self, connection: &ConnectionInfo) {
        if connection.standing != Standing::Established {
            return;
        }
        if let Some(round_trip) = connection.round_trip {
            let class = ROUND_TRIPS_MS.partition_point(|&bound| Duration::from_millis(bound) < round_trip);
            self.round_trips[class] += 1;
            self.round_trips_sum += round_trip;
        }
        let class = LOSSES_PERMILLE.partition_point(|&bound| (bound as f64) < connection.loss * 1000.0);
        self.losses[class] += 1;
        self.losses_sum += connection.loss;
    }
}
