//! Delivery rate (draft-cheng-iccrg-delivery-rate-estimation).

use super::super::congestion::RateSample;
use crate::time::{Duration, Instant};

/// What the connection had delivered when a datagram was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Snapshot {
    delivered: u64,
    delivered_at: Instant,
    /// When the first datagram of its flight was sent.
    flight_began_at: Instant,
}

#[derive(Debug)]
pub(super) struct DeliveryRate {
    delivered: u64,
    delivered_at: Instant,
    flight_began_at: Instant,
    /// Samples are application-limited until this much is delivered.
    application_limited_until: u64,
}

impl DeliveryRate {
    pub(super) fn new(now: Instant) -> Self {
        DeliveryRate { delivered: 0, delivered_at: now, flight_began_at: now, application_limited_until: 0 }
    }

    /// The first datagram of a flight leaves: nothing else is in flight.
    pub(super) fn flight_begins(&mut self, now: Instant) {
        self.flight_began_at = now;
        self.delivered_at = now;
    }

    /// For a datagram that leaves now.
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot { delivered: self.delivered, delivered_at: self.delivered_at, flight_began_at: self.flight_began_at }
    }

    /// Whether the rate of a datagram that leaves now is application-limited.
    pub(super) fn is_application_limited(&self) -> bool {
        self.application_limited_until > self.delivered
    }

    /// The application has nothing more to send although the path would take more: what is in flight measures the
    /// application, not the path.
    pub(super) fn application_limited(&mut self, in_flight: u64) {
        self.application_limited_until = (self.delivered + in_flight).max(1);
    }

    /// An acknowledgment of `bytes` arrives. Its newest datagram left at `newest_sent_at`.
    pub(super) fn delivered(&mut self, now: Instant, bytes: u64, newest_sent_at: Instant) {
        self.delivered += bytes;
        self.delivered_at = now;
        self.flight_began_at = self.flight_began_at.max(newest_sent_at);
    }

    /// The rate over the flight of the datagram with `snapshot`, sent at `sent_at`. None if it cannot be measured.
    pub(super) fn sample(
        &self,
        now: Instant,
        snapshot: &Snapshot,
        application_limited: bool,
        sent_at: Instant,
        rtt_least: Duration,
    ) -> Option<RateSample> {
        let send_elapsed = sent_at.since(snapshot.flight_began_at);
        let ack_elapsed = now.since(snapshot.delivered_at);
        let elapsed = send_elapsed.max(ack_elapsed);
        // Less than the minimum RTT: the acknowledgments were bunched, and would give a rate that no path has.
        if elapsed.is_zero() || elapsed < rtt_least {
            return None;
        }
        assert!(snapshot.delivered <= self.delivered, "deliveries only add up");
        let bytes = self.delivered - snapshot.delivered;
        Some(RateSample {
            bytes_per_second: (u128::from(bytes) * 1_000_000_000 / elapsed.as_nanos()) as u64,
            application_limited,
            delivered_when_sent: snapshot.delivered,
            delivered: self.delivered,
        })
    }
}
