//! What BBR believes of its path, and how it comes to believe it: rounds, filters, bounds, the answers to its probes.

use super::super::{Acked, RateSample};
use super::{BETA, DATAGRAM_BYTES, State, scale};
use crate::time::{Duration, Instant};

/// Share of the bytes of a round or a flight that may be lost (LossThresh, section 2.8).
const LOSS_SHARE_MAX: f64 = 0.02;
/// How far losses may exceed that share for a while, in bytes: on a short path one datagram does, and says nothing.
const LOSS_BYTES_EXCESS_MAX: u64 = 4 * DATAGRAM_BYTES;
/// Share of the long-term bound that cruising uses, which leaves room to others (1 - Headroom, section 2.8).
const HEADROOM_SHARE: f64 = 0.85;
/// Growth in a round below which the bandwidth may have been found, and how many such rounds tell (section 5.3.1.2).
const PLATEAU_GROWTH_MIN: f64 = 1.25;
const PLATEAU_ROUNDS: u32 = 3;
/// How much longer than the least the round trip is when there is a queue: a fraction, within bounds (those of
/// HyStart++, RFC 9406, section 4.3).
const QUEUE_DIVISOR: u32 = 8;
const QUEUE_DELAY_MIN: Duration = Duration::from_millis(4);
const QUEUE_DELAY_MAX: Duration = Duration::from_millis(16);
/// Time between two probes for bandwidth, and how much is added to it at most, so that flows do not probe in step
/// (section 5.3.3.8.3).
const PROBE_WAIT_MIN: Duration = Duration::from_secs(2);
const PROBE_WAIT_SPREAD: Duration = Duration::from_secs(1);
/// How often the growth of the long-term bound doubles while probing, at most (section 5.3.3.9).
const PROBE_DOUBLINGS_MAX: u32 = 30;
/// How long a round trip counts as the path's least (MinRTTFilterLen, section 2.16.1).
const ROUND_TRIP_LIFETIME: Duration = Duration::from_secs(10);
/// How long none as low may have been seen before the path is emptied to see one (ProbeRTTInterval, section 2.16.2).
const ROUND_TRIP_PROBE_INTERVAL: Duration = Duration::from_secs(5);
/// Rounds in a span: two of them are remembered (half of ExtraAckedFilterLen, section 2.12).
const AGGREGATION_SPAN_ROUNDS: u32 = 5;
/// No bound.
const UNBOUNDED: u64 = u64::MAX;

/// A round trip counted in deliveries (section 5.5.1): it ends with the acknowledgment of something sent in it.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// Ends when something is acknowledged that was sent after so many bytes had been delivered.
    ends_at: u64,
    /// All bytes delivered by now.
    pub(super) delivered: u64,
    pub(super) totals: Totals,
}

/// What a round brought.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) acked: u64,
    pub(super) lost: u64,
    /// Lost in the round before.
    pub(super) lost_before: u64,
    /// The highest rate, in bytes a second.
    pub(super) bandwidth: u64,
    /// The most that was delivered in the flight of one packet, in bytes.
    pub(super) inflight: u64,
    /// The least.
    pub(super) round_trip: Option<Duration>,
    /// In part of it the sender had nothing more to send.
    pub(super) application_limited: bool,
    /// Once in it, what was under way left no room in the window for another datagram.
    pub(super) fills_window: bool,
}

impl Round {
    /// The first, when so many bytes have been delivered already.
    pub(super) fn from(delivered: u64) -> Self {
        Round { delivered, ..Round::default() }
    }

    /// The totals of the round that this ends, if it does.
    pub(super) fn on_acked(&mut self, acked: &Acked) -> Option<Totals> {
        let ended = acked.rate.and_then(|rate| self.on_delivered(&rate));
        self.totals.observe(acked);
        ended
    }

    fn on_delivered(&mut self, rate: &RateSample) -> Option<Totals> {
        self.delivered = rate.delivered;
        if rate.delivered_when_sent < self.ends_at {
            return None;
        }
        self.restart();
        let next = Totals { lost_before: self.totals.lost, ..Totals::default() };
        Some(core::mem::replace(&mut self.totals, next))
    }

    /// Lets the round end a whole round trip from now; its totals run on.
    pub(super) fn restart(&mut self) {
        self.ends_at = self.delivered;
    }
}

impl Totals {
    fn observe(&mut self, acked: &Acked) {
        self.acked += acked.bytes;
        self.round_trip = self.round_trip.into_iter().chain(acked.round_trip).min();
        if let Some(rate) = &acked.rate {
            self.bandwidth = self.bandwidth.max(rate.bytes_per_second);
            self.inflight = self.inflight.max(rate.delivered.saturating_sub(rate.delivered_when_sent));
            self.application_limited |= rate.application_limited;
        }
    }
}

/// The highest rate in this cycle of probing and the last (section 5.5.3).
#[derive(Debug, Default)]
pub(super) struct MaxBandwidth {
    last_cycle: u64,
    this_cycle: u64,
}

impl MaxBandwidth {
    pub(super) fn max(&self) -> u64 {
        self.last_cycle.max(self.this_cycle)
    }

    /// What the application held back cannot lower it (section 5.5.4).
    pub(super) fn observe(&mut self, rate: &RateSample) {
        if !rate.application_limited || rate.bytes_per_second >= self.max() {
            self.this_cycle = self.this_cycle.max(rate.bytes_per_second);
        }
    }

    /// Forgets the cycle before this, unless this one brought nothing to replace it.
    pub(super) fn start_cycle(&mut self) {
        if self.this_cycle > 0 {
            self.last_cycle = core::mem::take(&mut self.this_cycle);
        }
    }
}

/// The least round trip, and whether it is time to look for it (section 5.3.4.3).
#[derive(Debug, Default)]
pub(super) struct MinRoundTrip {
    least: Option<(Duration, Instant)>,
    /// The same over the shorter [`ROUND_TRIP_PROBE_INTERVAL`].
    recent: Option<(Duration, Instant)>,
    pub(super) is_due: bool,
}

impl MinRoundTrip {
    pub(super) fn least(&self) -> Option<Duration> {
        self.least.map(|(round_trip, _)| round_trip)
    }

    pub(super) fn observe(&mut self, now: Instant, round_trip: Duration) {
        self.is_due = self.recent.is_some_and(|(_, at)| now > at + ROUND_TRIP_PROBE_INTERVAL);
        // As low as before will do: a path that has no queue need not be emptied.
        if self.is_due || self.recent.is_none_or(|(recent, _)| round_trip <= recent) {
            self.recent = Some((round_trip, now));
        }
        let has_expired = self.least.is_none_or(|(_, at)| now > at + ROUND_TRIP_LIFETIME);
        if has_expired || self.recent.map(|(recent, _)| recent) <= self.least() {
            self.least = self.recent;
        }
    }

    /// Looks for it no earlier than an interval from now.
    pub(super) fn put_off(&mut self, now: Instant) {
        self.is_due = false;
        if let Some((_, at)) = &mut self.recent {
            *at = now;
        }
    }

    /// Whether a round with no shorter round trip than this had a queue in its way all the time.
    pub(super) fn shows_queue(&self, round_trip: Option<Duration>) -> bool {
        let (Some(round_trip), Some(least)) = (round_trip, self.least()) else { return false };
        round_trip > least + (least / QUEUE_DIVISOR).clamp(QUEUE_DELAY_MIN, QUEUE_DELAY_MAX)
    }
}

/// By how much losses exceed [`LOSS_SHARE_MAX`], in bytes: a sum that never falls below zero. What is lost at random
/// comes and goes in it; what is lost for good reason adds up, however few datagrams a round has.
#[derive(Debug, Default)]
pub(super) struct Losses {
    excess: f64,
}

impl Losses {
    pub(super) fn on_acked(&mut self, bytes: u64) {
        self.excess = (self.excess - bytes as f64 * LOSS_SHARE_MAX).max(0.0);
    }

    pub(super) fn on_lost(&mut self, bytes: u64) {
        self.excess += bytes as f64 * (1.0 - LOSS_SHARE_MAX);
    }

    /// Whether more than a flight of so many bytes may lose; if so, that is told only once.
    pub(super) fn were_too_much(&mut self, flight: u64) -> bool {
        let are = self.excess > LOSS_BYTES_EXCESS_MAX.max(scale(flight, LOSS_SHARE_MAX)) as f64;
        if are {
            self.excess = 0.0;
        }
        are
    }
}

/// How much more is acknowledged at once than the bandwidth explains: receivers and paths that save up acknowledgments
/// need that much more under way (section 5.5.9).
#[derive(Debug, Default)]
pub(super) struct Aggregation {
    since: Instant,
    /// Acknowledged since then, in bytes.
    acked: u64,
    /// The most in this span of rounds and the last, in bytes.
    this_span: u64,
    last_span: u64,
    rounds: u32,
}

impl Aggregation {
    pub(super) fn excess(&self) -> u64 {
        self.this_span.max(self.last_span)
    }

    pub(super) fn observe(&mut self, acked: &Acked, bandwidth: u64, window: u64) {
        let mut expected = scale(bandwidth, acked.now.since(self.since).as_secs_f64());
        if self.acked <= expected {
            (self.since, self.acked, expected) = (acked.now, 0, 0);
        }
        self.acked += acked.bytes;
        self.this_span = self.this_span.max((self.acked - expected).min(window));
    }

    pub(super) fn on_round_ended(&mut self) {
        self.rounds += 1;
        if self.rounds >= AGGREGATION_SPAN_ROUNDS {
            self.rounds = 0;
            self.last_span = core::mem::take(&mut self.this_span);
        }
    }
}

/// Tells when asking for more no longer brings more (section 5.3.1.2).
#[derive(Debug, Default)]
pub(super) struct Plateau {
    bandwidth: u64,
    rounds: u32,
    pub(super) is_reached: bool,
}

impl Plateau {
    pub(super) fn from(bandwidth: u64) -> Self {
        Plateau { bandwidth, ..Plateau::default() }
    }

    pub(super) fn observe(&mut self, bandwidth: u64) {
        if bandwidth >= scale(self.bandwidth, PLATEAU_GROWTH_MIN) {
            *self = Plateau::from(bandwidth);
        } else {
            self.rounds += 1;
            self.is_reached = self.rounds >= PLATEAU_ROUNDS;
        }
    }
}

/// What losses have taught (section 5.5.10): in bytes, and bytes a second.
#[derive(Debug)]
pub(super) struct Bounds {
    /// With more than this under way too much was lost, the last time it was tried.
    pub(super) inflight_long: u64,
    /// Short-term, until the next probe.
    pub(super) inflight: u64,
    pub(super) bandwidth: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { inflight_long: UNBOUNDED, inflight: UNBOUNDED, bandwidth: UNBOUNDED }
    }
}

impl Bounds {
    /// Follows what the path delivered in a round that lost too much, but not all the way at once (section 5.5.10.3).
    pub(super) fn lower(&mut self, totals: &Totals, bandwidth: u64, window: u64) {
        self.bandwidth = totals.bandwidth.max(scale(self.bandwidth.min(bandwidth), BETA));
        self.inflight = totals.inflight.max(scale(self.inflight.min(window), BETA));
    }

    pub(super) fn forget_short_term(&mut self) {
        (self.inflight, self.bandwidth) = (UNBOUNDED, UNBOUNDED);
    }

    pub(super) fn inflight_with_headroom(&self) -> u64 {
        match self.inflight_long {
            UNBOUNDED => UNBOUNDED,
            bytes => scale(bytes, HEADROOM_SHARE),
        }
    }

    /// Bytes that the bounds let be under way in `state` (section 5.6.4.7).
    pub(super) fn window_max(&self, state: State) -> u64 {
        let long = match state {
            State::Startup | State::Drain => UNBOUNDED,
            State::Cruise | State::Empty(_) => self.inflight_with_headroom(),
            State::Down | State::Refill | State::Up => self.inflight_long,
        };
        long.min(self.inflight)
    }
}

/// Asking for more bandwidth, now and then (section 5.3.3.9).
#[derive(Debug)]
pub(super) struct Probe {
    /// When the last one ended, and how long after that the next is due.
    stopped_at: Instant,
    wait: Duration,
    pub(super) plateau: Plateau,
    /// What is lost now may tell that it was too much.
    pub(super) awaits_answer: bool,
    /// It is over, but not the round in which its last samples come.
    is_stopping: bool,
    /// The last one lost too much.
    pub(super) was_too_much: bool,
    /// This one ended where the last had lost too much, to see whether it still is: if not, the next follows at once
    /// (section 5.3.3.6).
    pub(super) is_cautious: bool,
    /// How often the growth of the long-term bound has doubled.
    doublings: u32,
    /// What has been acknowledged and has not become growth yet, in bytes of growth.
    credit: f64,
    random: u64,
}

impl Probe {
    pub(super) fn new(now: Instant) -> Self {
        Probe {
            stopped_at: now,
            wait: PROBE_WAIT_MIN,
            plateau: Plateau::default(),
            awaits_answer: false,
            is_stopping: false,
            was_too_much: false,
            is_cautious: false,
            doublings: 0,
            credit: 0.0,
            random: 0,
        }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        let was_safe = self.is_cautious && !self.is_stopping && !self.was_too_much;
        was_safe || now.since(self.stopped_at) >= self.wait
    }

    pub(super) fn start(&mut self, bandwidth: u64) {
        self.plateau = Plateau::from(bandwidth);
        self.is_cautious = false;
        self.awaits_answer = true;
        (self.doublings, self.credit) = (0, 0.0);
    }

    pub(super) fn stop(&mut self, now: Instant, delivered: u64) {
        self.is_stopping = true;
        self.stopped_at = now;
        self.wait = PROBE_WAIT_MIN + PROBE_WAIT_SPREAD.mul_f64(self.next_random(delivered));
    }

    /// Whether the round that ended completes a probe's answer.
    pub(super) fn conclude(&mut self) -> bool {
        let concludes = core::mem::take(&mut self.is_stopping);
        self.awaits_answer &= !concludes;
        concludes
    }

    /// From 0 to 1. What was delivered differs between flows, and that is all the randomness that is needed.
    fn next_random(&mut self, delivered: u64) -> f64 {
        // Marsaglia's xorshift, which must not start at zero.
        let mut random = (self.random ^ delivered).max(1);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.random = random;
        (random >> 11) as f64 / (1u64 << 53) as f64
    }

    /// By how much the long-term bound grows: by one datagram in the first round, then by twice as much in each.
    pub(super) fn growth(&mut self, acked_bytes: u64, window: u64, round_ended: bool) -> u64 {
        if round_ended {
            self.doublings = (self.doublings + 1).min(PROBE_DOUBLINGS_MAX);
        }
        let in_a_round = (DATAGRAM_BYTES << self.doublings).min(window);
        self.credit += acked_bytes as f64 * in_a_round as f64 / window as f64;
        let growth = self.credit as u64;
        self.credit -= growth as f64;
        growth
    }
}
