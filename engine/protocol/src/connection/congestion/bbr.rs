//! BBR, versions 2 and 3, after draft-ietf-ccwg-bbr-06 ("the draft" here).
//!
//! The model of the path is its bandwidth, its round trip without a queue, and bounds that losses have taught. Most of
//! the time the sender cruises within the model; every few seconds it asks for more, and now and then it lets the queue
//! run empty to see the round trip.
//!
//! Left out are the draft's schedule for coexistence with Reno, its undoing of losses that turn out to be none, and its
//! smaller window while it repairs losses. Four differences are deliberate:
//!
//! - The draft lowers its short-term bounds in every round with any loss at all; on a long path with random loss that
//!   is every round. Here losses count, then as while probing, when they exceed a share (see [`Losses`]).
//! - Several flows together believe in more bandwidth than there is, for each measured while it was asking for more. In
//!   the draft their windows then hold a queue, which keeps the smaller flow from finding that it could have more. Here
//!   a flow that cruises with a queue in front of it, and gets less than it sends, settles for what it gets until it
//!   probes again (see [`Bbr::outruns_path`]).
//! - For the same reason a probe's queue is drained faster (see [`State::pacing_gain`]).
//! - After a look at the round trip, probing goes on where it was, rather than after another wait.

mod model;
#[cfg(test)]
mod tests;

use super::{Acked, Controller, Lost, WINDOW_BYTES_INITIAL, WINDOW_BYTES_MIN};
use crate::limits::{DATAGRAM_BYTES_BASE, DATAGRAM_BYTES_MAX};
use crate::time::{Duration, Instant};
use model::{Aggregation, Bounds, Losses, MaxBandwidth, MinRoundTrip, Plateau, Probe, Round, Totals};

const DATAGRAM_BYTES: u64 = DATAGRAM_BYTES_BASE as u64;
/// The least window while acknowledgments come, in bytes: enough to keep them coming (MinPipeCwnd, section 5.6.4.3).
const WINDOW_BYTES_PIPE: u64 = 4 * DATAGRAM_BYTES;
/// Room in the window beyond the model, in bytes, for datagrams that leave and are acknowledged in bursts (in place of
/// the draft's offload budget, section 5.5.8).
const WINDOW_BYTES_SLACK: u64 = 3 * DATAGRAM_BYTES;
/// Share of the bandwidth that is paced: a little less than all lets a queue drain (PacingMarginPercent, section 2.5).
const PACING_SHARE: f64 = 0.99;
/// What is left of a bound after a loss, at least (Beta, section 2.8).
const BETA: f64 = 0.7;
/// Rounds after which the queue of start-up is drained, or not ours (section 5.3.2).
const DRAIN_ROUNDS_MAX: u32 = 3;
/// Rounds of cruising whose acknowledgments still tell of the state before.
const CRUISE_ROUNDS_TO_SETTLE: u32 = 1;
/// How long it is kept so (ProbeRTTDuration, section 2.16.2).
const ROUND_TRIP_PROBE_LENGTH: Duration = Duration::from_millis(200);

/// What the sender is doing (section 5.3). `Down`, `Cruise`, `Refill` and `Up` are the draft's ProbeBW.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Looks for the bandwidth by doubling.
    Startup,
    /// Gets rid of the queue that this built.
    Drain,
    /// Sends less than the path takes, to drain the last probe and leave room.
    Down,
    /// Sends what the path takes.
    Cruise,
    /// The same for one round, without the short-term bounds: the path is full when probing starts.
    Refill,
    /// Sends more than the path took, to see whether it takes more.
    Up,
    /// Keeps the path half empty, to see its round trip; until then, once it is that empty (ProbeRTT).
    Empty(Option<Instant>),
}

impl State {
    /// Pacing rate over bandwidth (section 5.6.1).
    fn pacing_gain(self) -> f64 {
        match self {
            State::Startup => 2.77,
            State::Drain => 0.5,
            // As in the first version. The draft's 0.9 leaves the queue for the next flow's probe to run into.
            State::Down => 0.75,
            State::Cruise | State::Refill | State::Empty(_) => 1.0,
            State::Up => 1.25,
        }
    }

    /// Window over bandwidth-delay product (section 5.6.1).
    fn window_gain(self) -> f64 {
        match self {
            State::Empty(_) => 0.5,
            State::Up => 2.25,
            _ => 2.0,
        }
    }

    /// Sends what was measured before, or less: what it loses tells of the path, and not of a probe.
    fn adapts_to_loss(self) -> bool {
        matches!(self, State::Drain | State::Down | State::Cruise)
    }
}

/// Models the path's bandwidth and round trip, and keeps what is under way near their product.
#[derive(Debug)]
pub struct Bbr {
    state: State,
    rounds_in_state: u32,
    window: u64,
    pacing_rate: Option<u64>,
    round: Round,
    bandwidth: MaxBandwidth,
    round_trip: MinRoundTrip,
    aggregation: Aggregation,
    losses: Losses,
    startup: Plateau,
    bounds: Bounds,
    probe: Probe,
    /// Acknowledged since the model was last empty, in bytes, counted up to the initial window.
    acked_at_first: u64,
    /// Nothing else was under way when a datagram left, and nothing has been acknowledged since.
    resumes_from_idle: bool,
    /// What the window was before it was cut to see the round trip.
    window_before: u64,
}

impl Bbr {
    /// For a path of which nothing is known.
    pub fn new(now: Instant) -> Self {
        Bbr {
            state: State::Startup,
            rounds_in_state: 0,
            window: WINDOW_BYTES_INITIAL,
            pacing_rate: None,
            round: Round::default(),
            bandwidth: MaxBandwidth::default(),
            round_trip: MinRoundTrip::default(),
            aggregation: Aggregation::default(),
            losses: Losses::default(),
            startup: Plateau::default(),
            bounds: Bounds::default(),
            probe: Probe::new(now),
            acked_at_first: 0,
            resumes_from_idle: false,
            window_before: 0,
        }
    }

    /// Learns from an acknowledgment; answers what the round brought that it ends, if it ends one.
    fn learn(&mut self, acked: &Acked) -> Option<Totals> {
        self.acked_at_first = (self.acked_at_first + acked.bytes).min(WINDOW_BYTES_INITIAL);
        if let Some(rate) = &acked.rate {
            self.bandwidth.observe(rate);
        }
        if let Some(round_trip) = acked.round_trip {
            self.round_trip.observe(acked.now, round_trip);
        }
        let ended = self.round.on_acked(acked);
        self.losses.on_acked(acked.bytes);
        self.aggregation.observe(acked, self.bandwidth.max(), self.window);
        if let Some(totals) = &ended {
            self.learn_from_round(totals);
        }
        ended
    }

    fn learn_from_round(&mut self, totals: &Totals) {
        self.rounds_in_state += 1;
        self.aggregation.on_round_ended();
        if self.probe.conclude() && !totals.application_limited {
            self.bandwidth.start_cycle();
        }
        if self.outruns_path(totals) {
            // No lower however many rounds it takes, unlike after losses: the queue may be others' doing.
            self.bounds.bandwidth = totals.bandwidth.max(scale(self.bandwidth.max(), BETA));
        }
        if self.state.adapts_to_loss() && self.losses.were_too_much(totals.acked) {
            self.bounds.lower(totals, self.bandwidth.max(), self.window);
        }
    }

    /// Cruises with a queue in front of it, and gets less than it sends.
    fn outruns_path(&self, totals: &Totals) -> bool {
        let has_settled = self.state == State::Cruise && self.rounds_in_state > CRUISE_ROUNDS_TO_SETTLE;
        let gets_less = totals.bandwidth < scale(self.bandwidth(), PACING_SHARE);
        has_settled && gets_less && !totals.application_limited && self.round_trip.shows_queue(totals.round_trip)
    }

    fn advance(&mut self, acked: &Acked, ended: Option<&Totals>) {
        match self.state {
            State::Startup => self.advance_startup(ended),
            State::Drain if self.has_drained(acked) || self.rounds_in_state > DRAIN_ROUNDS_MAX => {
                self.start_down(acked.now)
            }
            State::Down | State::Cruise if self.probe.is_due(acked.now) => self.start_refill(),
            State::Down if self.has_drained(acked) => self.enter(State::Cruise),
            State::Refill => self.advance_refill(ended),
            State::Up => self.advance_up(acked, ended),
            State::Empty(until) => self.advance_empty(acked, until),
            _ => {}
        }
        if self.round_trip.is_due && !self.resumes_from_idle && !matches!(self.state, State::Empty(_)) {
            self.start_empty();
        }
    }

    /// Whatever the state, its first round is whole: it ends with something that was sent in it.
    fn enter(&mut self, state: State) {
        (self.state, self.rounds_in_state) = (state, 0);
        self.round.restart();
    }

    /// Start-up is over when the bandwidth stops growing, or when too much is lost for long (section 5.3.1).
    fn advance_startup(&mut self, ended: Option<&Totals>) {
        let Some(totals) = ended else { return };
        if totals.lost_before > 0 && self.losses.were_too_much(totals.acked) {
            self.bounds.inflight_long = self.inflight(1.0).max(totals.inflight);
            self.startup.is_reached = true;
        } else if !totals.application_limited {
            self.startup.observe(self.bandwidth.max());
        }
        if self.startup.is_reached {
            self.enter(State::Drain);
        }
    }

    fn has_drained(&self, acked: &Acked) -> bool {
        acked.in_flight <= self.inflight(1.0).min(self.bounds.inflight_with_headroom())
    }

    fn start_down(&mut self, now: Instant) {
        self.probe.stop(now, self.round.delivered);
        self.enter(State::Down);
    }

    fn start_refill(&mut self) {
        self.bounds.forget_short_term();
        self.enter(State::Refill);
    }

    fn advance_refill(&mut self, ended: Option<&Totals>) {
        if let Some(totals) = ended {
            self.probe.start(totals.bandwidth);
            self.losses = Losses::default();
            self.enter(State::Up);
        }
    }

    /// Probing ends when the bandwidth no longer grows, but not while it is the long-term bound that keeps it from
    /// growing; and when the last probe was too much, as soon as this one is where that was (section 5.3.3.7). That it
    /// ends when too much is lost is in [`Bbr::on_probe_lost`].
    fn advance_up(&mut self, acked: &Acked, ended: Option<&Totals>) {
        let fills_window = self.round.totals.fills_window || ended.is_some_and(|totals| totals.fills_window);
        let is_bounded = fills_window && self.window >= self.bounds.inflight_long;
        self.probe.is_cautious = self.probe.was_too_much && is_bounded;
        if is_bounded {
            self.bounds.inflight_long += self.probe.growth(acked.bytes, self.window, ended.is_some());
            self.probe.plateau = Plateau::from(self.round.totals.bandwidth);
        } else if let Some(totals) = ended {
            self.probe.plateau.observe(totals.bandwidth);
        }
        if self.probe.is_cautious || self.probe.plateau.is_reached {
            self.probe.was_too_much = false;
            self.start_down(acked.now);
        }
    }

    /// Too much was lost while asking for more: so much is too much (section 5.5.10.2).
    fn on_probe_lost(&mut self, lost: &Lost) {
        self.probe.awaits_answer = false;
        self.probe.was_too_much = true;
        if !self.round.totals.application_limited {
            let modelled = self.inflight(1.0).min(self.window);
            self.bounds.inflight_long = (lost.in_flight + lost.bytes).max(scale(modelled, BETA));
        }
        if self.state == State::Up {
            self.start_down(lost.now);
        }
    }

    fn start_empty(&mut self) {
        self.window_before = self.window;
        // From here on the flight is small, and says nothing about what was too much.
        self.probe.awaits_answer = false;
        self.enter(State::Empty(None));
    }

    fn advance_empty(&mut self, acked: &Acked, until: Option<Instant>) {
        match until {
            None if acked.in_flight <= self.window => {
                let length = ROUND_TRIP_PROBE_LENGTH.max(acked.smoothed_round_trip);
                self.state = State::Empty(Some(acked.now + length));
            }
            Some(until) if acked.now >= until => self.end_empty(acked.now),
            _ => {}
        }
    }

    /// Section 5.3.4.4.
    fn end_empty(&mut self, now: Instant) {
        self.round_trip.put_off(now);
        self.bounds.forget_short_term();
        self.window = self.window.max(self.window_before);
        self.enter(if self.startup.is_reached { State::Cruise } else { State::Startup });
    }

    /// All that was known is void: as at first, but from the smallest window.
    fn collapse(&mut self, now: Instant) {
        let round = Round::from(self.round.delivered);
        *self = Bbr { window: WINDOW_BYTES_MIN, round, ..Bbr::new(now) };
    }

    /// What the path is believed to take now, in bytes a second.
    fn bandwidth(&self) -> u64 {
        self.bandwidth.max().min(self.bounds.bandwidth)
    }

    /// `gain` bandwidth-delay products, in bytes; on an unknown path, as many initial windows.
    fn inflight(&self, gain: f64) -> u64 {
        let product = match self.round_trip.least() {
            Some(round_trip) if self.bandwidth() > 0 => self.bandwidth() as f64 * round_trip.as_secs_f64(),
            _ => WINDOW_BYTES_INITIAL as f64,
        };
        ((gain * product) as u64).max(WINDOW_BYTES_PIPE)
    }

    /// Section 5.6.2. In start-up the rate only grows: the first samples tell of the sender, not of the path.
    fn set_pacing_rate(&mut self, acked: &Acked) {
        let gain = self.state.pacing_gain();
        let rate = scale(self.bandwidth(), gain * PACING_SHARE);
        let rate_before = self.pacing_rate.unwrap_or_else(|| {
            let seconds = acked.smoothed_round_trip.max(Duration::from_micros(1)).as_secs_f64();
            (gain * self.window as f64 / seconds) as u64
        });
        self.pacing_rate = Some(if self.startup.is_reached { rate } else { rate.max(rate_before) });
    }

    /// Sections 5.6.4.5 to 5.6.4.7.
    fn set_window(&mut self, acked_bytes: u64) {
        let is_emptying = matches!(self.state, State::Empty(_));
        let excess = if is_emptying { 0 } else { self.aggregation.excess() };
        let target = self.inflight(self.state.window_gain()) + WINDOW_BYTES_SLACK + excess;
        if self.startup.is_reached {
            self.window = (self.window + acked_bytes).min(target);
        } else if self.window < target || self.acked_at_first < WINDOW_BYTES_INITIAL {
            self.window += acked_bytes;
        }
        if is_emptying {
            self.window = self.window.min(target);
        }
        self.window = self.window.min(self.bounds.window_max(self.state)).max(WINDOW_BYTES_PIPE);
    }
}

impl Controller for Bbr {
    fn on_sent(&mut self, _now: Instant, bytes: u64, in_flight: u64) {
        // Seen here and not from acknowledgments: those come many at a time, and behind losses. The transport sends when
        // there is room for the largest datagram, so a window that lacks less than one is full.
        self.round.totals.fills_window |= in_flight + DATAGRAM_BYTES_MAX as u64 > self.window;
        self.resumes_from_idle |= in_flight <= bytes;
    }

    fn on_acked(&mut self, acked: &Acked) {
        let ended = self.learn(acked);
        self.advance(acked, ended.as_ref());
        self.set_pacing_rate(acked);
        self.set_window(acked.bytes);
        self.resumes_from_idle = false;
    }

    fn on_lost(&mut self, lost: &Lost) {
        if lost.persistent {
            return self.collapse(lost.now);
        }
        self.round.totals.lost += lost.bytes;
        self.losses.on_lost(lost.bytes);
        if self.probe.awaits_answer && self.losses.were_too_much(lost.in_flight + lost.bytes) {
            self.on_probe_lost(lost);
        }
    }

    fn window(&self) -> u64 {
        self.window
    }

    fn pacing_rate(&self) -> Option<u64> {
        self.pacing_rate
    }
}

fn scale(value: u64, factor: f64) -> u64 {
    (value as f64 * factor) as u64
}
