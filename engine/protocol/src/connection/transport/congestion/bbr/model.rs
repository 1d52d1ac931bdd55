//! BBR's model of the path: rounds, filters, bounds, and the state of its bandwidth probes.

use super::super::controller::{Acked, RateSample};
use super::state::{BETA, DATAGRAM_BYTES, State, scale};
use crate::time::{Duration, Instant};

/// Share of the bytes of a round or a flight that may be lost (LossThresh, section 2.8).
const LOSS_SHARE_MAX: f64 = 0.02;
/// How far losses may temporarily exceed that share, in bytes. On a short path a single lost datagram exceeds it.
const LOSS_BYTES_EXCESS_MAX: u64 = 4 * DATAGRAM_BYTES;
/// Share of the long-term bound that cruising uses. The rest is room for other flows (1 - Headroom, section 2.8).
const HEADROOM_SHARE: f64 = 0.85;
/// The bandwidth has reached its plateau after this many rounds of less growth than this (section 5.3.1.2).
const PLATEAU_GROWTH_MIN: f64 = 1.25;
const PLATEAU_ROUNDS: u32 = 3;
/// There is a queue if the RTT exceeds the minimum by this fraction of it, within bounds (those of HyStart++, RFC 9406,
/// section 4.3).
const QUEUE_DIVISOR: u32 = 8;
const QUEUE_DELAY_MIN: Duration = Duration::from_millis(4);
const QUEUE_DELAY_MAX: Duration = Duration::from_millis(16);
/// Time between two bandwidth probes, and the largest random addition to it, so that flows do not probe in step
/// (section 5.3.3.8.3).
const PROBE_WAIT_MIN: Duration = Duration::from_secs(2);
const PROBE_WAIT_SPREAD: Duration = Duration::from_secs(1);
/// Most doublings of the long-term bound's growth in one probe (section 5.3.3.9).
const PROBE_DOUBLINGS_MAX: u32 = 30;
/// How long an RTT counts as the path's minimum (MinRTTFilterLen, section 2.16.1).
const RTT_LIFETIME: Duration = Duration::from_secs(10);
/// Without an RTT as low as the minimum for this long, an RTT probe is due (ProbeRTTInterval, section 2.16.2).
const RTT_PROBE_INTERVAL: Duration = Duration::from_secs(5);
/// Rounds in a span; two spans are remembered (half of ExtraAckedFilterLen, section 2.12).
const AGGREGATION_SPAN_ROUNDS: u32 = 5;
/// No bound.
const UNBOUNDED: u64 = u64::MAX;

/// A round trip, counted in deliveries (section 5.5.1). It ends with the acknowledgment of something sent in it.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// The round ends when something is acknowledged that was sent after this many delivered bytes.
    ends_at: u64,
    /// All bytes delivered by now.
    pub(super) delivered: u64,
    pub(super) totals: Totals,
}

/// What was observed in a round.
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
    /// The lowest RTT.
    pub(super) rtt: Option<Duration>,
    /// The sender had nothing more to send in part of the round.
    pub(super) application_limited: bool,
    /// At least once the bytes in flight left no room in the window for another datagram.
    pub(super) fills_window: bool,
}

impl Round {
    /// The first round of a model that starts after `delivered` bytes.
    pub(super) fn from(delivered: u64) -> Self {
        Round { delivered, ..Round::default() }
    }

    /// The totals of the round, if this acknowledgment ends it.
    pub(super) fn on_acked(&mut self, acked: &Acked) -> Option<Totals> {
        let ended = acked.rate.and_then(|rate| self.on_delivered(&rate));
        self.totals.observe(acked);
        ended
    }

    fn on_delivered(&mut self, rate: &RateSample) -> Option<Totals> {
        debug_assert!(rate.delivered >= rate.delivered_when_sent, "deliveries only add up");
        self.delivered = rate.delivered;
        if rate.delivered_when_sent < self.ends_at {
            return None;
        }
        self.restart();
        let next = Totals { lost_before: self.totals.lost, ..Totals::default() };
        Some(core::mem::replace(&mut self.totals, next))
    }

    /// Makes the round end a full round trip from now. Its totals continue.
    pub(super) fn restart(&mut self) {
        self.ends_at = self.delivered;
    }
}

impl Totals {
    fn observe(&mut self, acked: &Acked) {
        self.acked += acked.bytes;
        self.rtt = self.rtt.into_iter().chain(acked.rtt).min();
        if let Some(rate) = &acked.rate {
            self.bandwidth = self.bandwidth.max(rate.bytes_per_second);
            self.inflight = self.inflight.max(rate.delivered.saturating_sub(rate.delivered_when_sent));
            self.application_limited |= rate.application_limited;
        }
    }
}

/// The highest rate in this probing cycle and the last (section 5.5.3).
#[derive(Debug, Default)]
pub(super) struct MaxBandwidth {
    last_cycle: u64,
    this_cycle: u64,
}

impl MaxBandwidth {
    pub(super) fn max(&self) -> u64 {
        self.last_cycle.max(self.this_cycle)
    }

    /// Application-limited samples can only raise it (section 5.5.4).
    pub(super) fn observe(&mut self, rate: &RateSample) {
        if !rate.application_limited || rate.bytes_per_second >= self.max() {
            self.this_cycle = self.this_cycle.max(rate.bytes_per_second);
        }
    }

    /// Starts a new cycle and forgets the one before the last. A cycle without samples is continued instead.
    pub(super) fn start_cycle(&mut self) {
        if self.this_cycle > 0 {
            self.last_cycle = core::mem::take(&mut self.this_cycle);
        }
    }
}

/// The minimum RTT, and whether an RTT probe is due (section 5.3.4.3).
#[derive(Debug, Default)]
pub(super) struct MinRtt {
    least: Option<(Duration, Instant)>,
    /// The same over the shorter [`RTT_PROBE_INTERVAL`].
    recent: Option<(Duration, Instant)>,
    pub(super) is_due: bool,
}

impl MinRtt {
    pub(super) fn least(&self) -> Option<Duration> {
        self.least.map(|(rtt, _)| rtt)
    }

    pub(super) fn observe(&mut self, now: Instant, rtt: Duration) {
        self.is_due = self.recent.is_some_and(|(_, at)| now > at + RTT_PROBE_INTERVAL);
        // An equal sample counts: a path without a queue needs no probe.
        if self.is_due || self.recent.is_none_or(|(recent, _)| rtt <= recent) {
            self.recent = Some((rtt, now));
        }
        let has_expired = self.least.is_none_or(|(_, at)| now > at + RTT_LIFETIME);
        if has_expired || self.recent.map(|(recent, _)| recent) <= self.least() {
            self.least = self.recent;
        }
        assert!(self.least() <= self.recent.map(|(recent, _)| recent), "the longer filter holds the lower RTT");
    }

    /// Makes the next probe due an interval from now at the earliest.
    pub(super) fn postpone_probe(&mut self, now: Instant) {
        self.is_due = false;
        if let Some((_, at)) = &mut self.recent {
            *at = now;
        }
    }

    /// Whether a round with this lowest RTT had a queue on its path all the time.
    pub(super) fn shows_queue(&self, rtt: Option<Duration>) -> bool {
        let (Some(rtt), Some(least)) = (rtt, self.least()) else { return false };
        rtt > least + (least / QUEUE_DIVISOR).clamp(QUEUE_DELAY_MIN, QUEUE_DELAY_MAX)
    }
}

/// By how much losses exceed [`LOSS_SHARE_MAX`], in bytes: a sum that never falls below zero. Random losses decay in it.
/// Losses from congestion add up, however few datagrams a round has.
#[derive(Debug, Default)]
pub(super) struct LossExcess {
    excess: f64,
}

impl LossExcess {
    pub(super) fn on_acked(&mut self, bytes: u64) {
        self.excess = (self.excess - bytes as f64 * LOSS_SHARE_MAX).max(0.0);
    }

    pub(super) fn on_lost(&mut self, bytes: u64) {
        self.excess += bytes as f64 * (1.0 - LOSS_SHARE_MAX);
        debug_assert!(self.excess.is_finite() && self.excess >= 0.0);
    }

    /// Whether a flight of `flight` bytes lost too much. If so, the sum begins anew.
    pub(super) fn were_too_much(&mut self, flight: u64) -> bool {
        let are = self.excess > LOSS_BYTES_EXCESS_MAX.max(scale(flight, LOSS_SHARE_MAX)) as f64;
        if are {
            self.excess = 0.0;
        }
        are
    }
}

/// How much more is acknowledged at once than the bandwidth explains. Receivers and paths that batch acknowledgments need
/// that much more in flight (section 5.5.9).
#[derive(Debug, Default)]
pub(super) struct Aggregation {
    since: Instant,
    /// Bytes acknowledged since then.
    acked: u64,
    /// The most in this span of rounds and in the last, in bytes.
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
        debug_assert!(self.acked >= expected, "an excess is never negative");
        self.this_span = self.this_span.max((self.acked - expected).min(window));
    }

    pub(super) fn on_round_ended(&mut self) {
        self.rounds += 1;
        if self.rounds >= AGGREGATION_SPAN_ROUNDS {
            self.rounds = 0;
            self.last_span = core::mem::take(&mut self.this_span);
        }
        assert!(self.rounds < AGGREGATION_SPAN_ROUNDS, "a span ends");
    }
}

/// Whether the bandwidth has stopped growing (section 5.3.1.2).
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

/// Bounds learned from losses (section 5.5.10): in bytes, and bytes per second.
#[derive(Debug)]
pub(super) struct Bounds {
    /// With more than this in flight, losses were too high the last time it was tried.
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
    /// Lowers the short-term bounds towards what the path delivered in a round with too many losses, at most by the factor
    /// [`BETA`] (section 5.5.10.3).
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

    /// Most bytes in flight in `state` (section 5.6.4.7).
    pub(super) fn window_max(&self, state: State) -> u64 {
        let long = match state {
            State::Startup | State::Drain => UNBOUNDED,
            State::Cruise | State::ProbeRtt(_) => self.inflight_with_headroom(),
            State::Down | State::Refill | State::Up => self.inflight_long,
        };
        long.min(self.inflight)
    }
}

/// The periodic bandwidth probe (section 5.3.3.9).
#[derive(Debug)]
pub(super) struct Probe {
    /// When the last probe ended, and how long after that the next is due.
    stopped_at: Instant,
    wait: Duration,
    pub(super) plateau: Plateau,
    /// Losses now may mean that the probe was too much.
    pub(super) awaits_answer: bool,
    /// The probe has ended, but its last samples are still to come in this round.
    is_stopping: bool,
    /// The last probe lost too much.
    pub(super) was_too_much: bool,
    /// The probe ended at the bound where the last one lost too much. If it loses little there, the next one follows at once
    /// (section 5.3.3.6).
    pub(super) is_cautious: bool,
    /// How often the growth of the long-term bound doubled.
    doublings: u32,
    /// Growth earned by acknowledgments and not yet applied, in bytes.
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

    /// A round has ended. Whether it completes the answer to a probe.
    pub(super) fn conclude(&mut self) -> bool {
        let concludes = core::mem::take(&mut self.is_stopping);
        self.awaits_answer &= !concludes;
        concludes
    }

    /// A number from 0 to 1. The delivered bytes differ between flows; no more randomness is needed.
    fn next_random(&mut self, delivered: u64) -> f64 {
        // Marsaglia's xorshift; it must not start at zero.
        let mut random = (self.random ^ delivered).max(1);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.random = random;
        (random >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Growth of the long-term bound: one datagram in the first round, twice as much in each further one.
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

    /// Whether its counters are within their bounds.
    pub(super) fn is_consistent(&self) -> bool {
        (PROBE_WAIT_MIN..=PROBE_WAIT_MIN + PROBE_WAIT_SPREAD).contains(&self.wait)
            && self.doublings <= PROBE_DOUBLINGS_MAX
            && (0.0..=1.0).contains(&self.credit)
    }
}
