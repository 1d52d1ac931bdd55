//! The states of BBR and their gains.

use crate::limits::DATAGRAM_BYTES_BASE;
use crate::time::Instant;

pub(super) const DATAGRAM_BYTES: u64 = DATAGRAM_BYTES_BASE as u64;
/// Share of a bound that is left after a loss, at least (Beta, section 2.8).
pub(super) const BETA: f64 = 0.7;

/// What the sender is doing (section 5.3). `Down`, `Cruise`, `Refill` and `Up` are the draft's ProbeBW.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// Searches for the bandwidth by doubling the rate.
    Startup,
    /// Drains the queue that start-up built.
    Drain,
    /// Sends less than the bandwidth, to drain the queue of the last probe and leave room for others.
    Down,
    /// Sends at the bandwidth.
    Cruise,
    /// Sends at the bandwidth for one round, without the short-term bounds, so that the path is full when probing starts.
    Refill,
    /// Sends more than the bandwidth, to probe whether the path takes more.
    Up,
    /// Keeps the path half empty, to measure its RTT (ProbeRTT). Once it is that empty, the state ends at this time.
    ProbeRtt(Option<Instant>),
}

impl State {
    /// Pacing rate over bandwidth (section 5.6.1).
    pub(super) fn pacing_gain(self) -> f64 {
        match self {
            State::Startup => 2.77,
            State::Drain => 0.5,
            // As in BBR version 1. With the draft's 0.9 the next flow's probe runs into the remaining queue.
            State::Down => 0.75,
            State::Cruise | State::Refill | State::ProbeRtt(_) => 1.0,
            State::Up => 1.25,
        }
    }

    /// Window over bandwidth-delay product (section 5.6.1).
    pub(super) fn window_gain(self) -> f64 {
        match self {
            State::ProbeRtt(_) => 0.5,
            State::Up => 2.25,
            _ => 2.0,
        }
    }

    /// Sends at most the measured bandwidth, so that losses tell about the path and not about a probe.
    pub(super) fn adapts_to_loss(self) -> bool {
        matches!(self, State::Drain | State::Down | State::Cruise)
    }
}

pub(super) fn scale(value: u64, factor: f64) -> u64 {
    (value as f64 * factor) as u64
}
