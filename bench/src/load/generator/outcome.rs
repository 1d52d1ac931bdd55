//! What a generator measured.

use crate::load::health::Health;
use hdrhistogram::Histogram;
use ringshard_link::conditioned::ConditionedStats;

pub struct Outcome {
    /// Messages sent in the measured phase.
    pub sent: u64,
    /// Answers to those.
    pub received: u64,
    /// Intended send time to handled answer, in nanoseconds.
    pub round_trip: Histogram<u64>,
    /// What the simulated network did, from the first datagram on.
    pub network: ConditionedStats,
    /// How the generator kept up in the measured phase.
    pub health: Health,
    /// Why the first client that lost its connection did.
    pub closed: Option<String>,
}

impl Outcome {
    pub fn new() -> Self {
        let round_trip = Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are valid");
        let (network, health) = (ConditionedStats::default(), Health::new());
        Outcome { sent: 0, received: 0, round_trip, network, health, closed: None }
    }

    pub fn add(&mut self, other: Outcome) {
        self.sent += other.sent;
        self.received += other.received;
        self.round_trip.add(&other.round_trip).expect("all have the same bounds");
        self.network.add(&other.network);
        self.health.add(&other.health);
        self.closed = self.closed.take().or(other.closed);
    }
}
