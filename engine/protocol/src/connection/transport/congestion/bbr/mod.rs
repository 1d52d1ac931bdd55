//! BBR, versions 2 and 3, after draft-ietf-ccwg-bbr-06 ("the draft" here; sections are those of the draft).
//!
//! The model of the path is its bandwidth, its RTT without a queue, and bounds learned from losses. Most of the time
//! the sender cruises within the model. Every few seconds it probes for more bandwidth, and occasionally it lets the
//! queue run empty to measure the RTT.
//!
//! Three parts of the draft are left out: the schedule for coexistence with Reno, the undo of spurious losses, and the
//! smaller window during recovery. Four differences are deliberate:
//!
//! - The draft lowers its short-term bounds in every round with any loss. On a long path with random loss that is every
//!   round. Here losses count, as while probing, when they exceed a share (see [`LossExcess`]).
//! - Several flows together believe in more bandwidth than there is, because each measures while it probes. In the draft
//!   their windows then hold a queue, so the smaller flow does not find out that it could have more. Here a flow that
//!   cruises with a queue in front of it, and gets less than it sends, settles for what it gets until it probes again
//!   (see [`Bbr::outruns_path`]).
//! - For the same reason a probe's queue is drained faster (see [`State::pacing_gain`]).
//! - After an RTT probe, bandwidth probing continues where it was instead of waiting again.

mod model;
mod state;
#[cfg(test)]
mod tests;

use self::model::{Aggregation, Bounds, LossExcess, MaxBandwidth, MinRtt, Plateau, Probe, Round, Totals};
use self::state::{BETA, DATAGRAM_BYTES, State, scale};
use super::controller::{Acked, Controller, Lost, WINDOW_BYTES_INITIAL, WINDOW_BYTES_MIN};
use crate::limits::DATAGRAM_BYTES_MAX;
use crate::time::{Duration, Instant};

/// Minimum window while acknowledgments arrive, in bytes: enough to keep them coming (MinPipeCwnd, section 5.6.4.3).
const WINDOW_BYTES_PIPE: u64 = 4 * DATAGRAM_BYTES;
/// Extra window beyond the model, in bytes, for datagrams that are sent and acknowledged in bursts (in place of the
/// draft's offload budget, section 5.5.8).
const WINDOW_BYTES_SLACK: u64 = 3 * DATAGRAM_BYTES;
/// Share of the bandwidth at which the sender paces: slightly less than all lets a queue drain (PacingMarginPercent,
/// section 2.5).
const PACING_SHARE: f64 = 0.99;
/// Rounds after which the queue of start-up has drained, or is another flow's (section 5.3.2).
const DRAIN_ROUNDS_MAX: u32 = 3;
/// Rounds of cruising whose acknowledgments still tell about the state before.
const CRUISE_ROUNDS_TO_SETTLE: u32 = 1;
/// How long the path is kept half empty (ProbeRTTDuration, section 2.16.2).
const RTT_PROBE_LENGTH: Duration = Duration::from_millis(200);

/// Models the path's bandwidth and RTT, and keeps the bytes in flight near their product.
#[derive(Debug)]
pub struct Bbr {
    state: State,
    rounds_in_state: u32,
    window: u64,
    pacing_rate: Option<u64>,
    round: Round,
    bandwidth: MaxBandwidth,
    rtt: MinRtt,
    aggregation: Aggregation,
    losses: LossExcess,
    startup: Plateau,
    bounds: Bounds,
    probe: Probe,
    /// Bytes acknowledged since the model was last empty, counted up to the initial window.
    acked_at_first: u64,
    /// Nothing else was in flight when a datagram left, and nothing has been acknowledged since.
    resumes_from_idle: bool,
    /// The window before the RTT probe cut it.
    window_before: u64,
}

impl Bbr {
    /// For an unknown path.
    pub fn new(now: Instant) -> Self {
        Bbr {
            state: State::Startup,
            rounds_in_state: 0,
            window: WINDOW_BYTES_INITIAL,
            pacing_rate: None,
            round: Round::default(),
            bandwidth: MaxBandwidth::default(),
            rtt: MinRtt::default(),
            aggregation: Aggregation::default(),
            losses: LossExcess::default(),
            startup: Plateau::default(),
            bounds: Bounds::default(),
            probe: Probe::new(now),
            acked_at_first: 0,
            resumes_from_idle: false,
            window_before: 0,
        }
    }

    /// Updates the model. Returns the totals of the round, if the acknowledgment ends one.
    fn learn(&mut self, acked: &Acked) -> Option<Totals> {
        self.acked_at_first = (self.acked_at_first + acked.bytes).min(WINDOW_BYTES_INITIAL);
        if let Some(rate) = &acked.rate {
            self.bandwidth.observe(rate);
        }
        if let Some(rtt) = acked.rtt {
            self.rtt.observe(acked.now, rtt);
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
            // Unlike after losses, further rounds do not lower it more: the queue may belong to other flows.
            self.bounds.bandwidth = totals.bandwidth.max(scale(self.bandwidth.max(), BETA));
        }
        if self.state.adapts_to_loss() && self.losses.were_too_much(totals.acked) {
            self.bounds.lower(totals, self.bandwidth.max(), self.window);
        }
    }

    /// Whether it cruises with a queue in front of it and gets less than it sends.
    fn outruns_path(&self, totals: &Totals) -> bool {
        let has_settled = self.state == State::Cruise && self.rounds_in_state > CRUISE_ROUNDS_TO_SETTLE;
        let gets_less = totals.bandwidth < scale(self.bandwidth(), PACING_SHARE);
        has_settled && gets_less && !totals.application_limited && self.rtt.shows_queue(totals.rtt)
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
            State::ProbeRtt(until) => self.advance_probe_rtt(acked, until),
            _ => {}
        }
        if self.rtt.is_due && !self.resumes_from_idle && !matches!(self.state, State::ProbeRtt(_)) {
            self.start_probe_rtt();
        }
    }

    /// The first round of every state is complete: it ends with the acknowledgment of something sent in it.
    fn enter(&mut self, state: State) {
        assert!(self.probe.is_consistent(), "the counters of the probe are bounded");
        (self.state, self.rounds_in_state) = (state, 0);
        self.round.restart();
    }

    /// Start-up ends when the bandwidth stops growing, or when losses stay too high (section 5.3.1).
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
            self.losses = LossExcess::default();
            self.enter(State::Up);
        }
    }

    /// Probing ends when the bandwidth no longer grows, unless the long-term bound keeps it from growing. After a probe
    /// that was too much, the next one ends as soon as it gets that far (section 5.3.3.7). [`Bbr::on_probe_lost`] ends
    /// it on losses.
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

    /// Losses while probing are too high: the bytes in flight were too much (section 5.5.10.2).
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

    fn start_probe_rtt(&mut self) {
        self.window_before = self.window;
        // From here on the flight is small: losses no longer answer the bandwidth probe.
        self.probe.awaits_answer = false;
        self.enter(State::ProbeRtt(None));
    }

    fn advance_probe_rtt(&mut self, acked: &Acked, until: Option<Instant>) {
        match until {
            None if acked.in_flight <= self.window => {
                let length = RTT_PROBE_LENGTH.max(acked.rtt_smoothed);
                self.state = State::ProbeRtt(Some(acked.now + length));
            }
            Some(until) if acked.now >= until => self.end_probe_rtt(acked.now),
            _ => {}
        }
    }

    /// Section 5.3.4.4.
    fn end_probe_rtt(&mut self, now: Instant) {
        self.rtt.postpone_probe(now);
        self.bounds.forget_short_term();
        self.window = self.window.max(self.window_before);
        self.enter(if self.startup.is_reached { State::Cruise } else { State::Startup });
    }

    /// Discards the model and starts again from the minimum window.
    fn collapse(&mut self, now: Instant) {
        let round = Round::from(self.round.delivered);
        *self = Bbr { window: WINDOW_BYTES_MIN, round, ..Bbr::new(now) };
    }

    /// The estimated bandwidth, in bytes per second.
    fn bandwidth(&self) -> u64 {
        self.bandwidth.max().min(self.bounds.bandwidth)
    }

    /// `gain` bandwidth-delay products, in bytes. On an unknown path: `gain` initial windows.
    fn inflight(&self, gain: f64) -> u64 {
        let product = match self.rtt.least() {
            Some(rtt) if self.bandwidth() > 0 => self.bandwidth() as f64 * rtt.as_secs_f64(),
            _ => WINDOW_BYTES_INITIAL as f64,
        };
        ((gain * product) as u64).max(WINDOW_BYTES_PIPE)
    }

    /// Section 5.6.2. In start-up the rate only grows: the first samples measure the sender, not the path.
    fn set_pacing_rate(&mut self, acked: &Acked) {
        let gain = self.state.pacing_gain();
        let rate = scale(self.bandwidth(), gain * PACING_SHARE);
        let rate_before = self.pacing_rate.unwrap_or_else(|| {
            let seconds = acked.rtt_smoothed.max(Duration::from_micros(1)).as_secs_f64();
            (gain * self.window as f64 / seconds) as u64
        });
        self.pacing_rate = Some(if self.startup.is_reached { rate } else { rate.max(rate_before) });
    }

    /// Sections 5.6.4.5 to 5.6.4.7.
    fn set_window(&mut self, acked_bytes: u64) {
        let probes_rtt = matches!(self.state, State::ProbeRtt(_));
        let excess = if probes_rtt { 0 } else { self.aggregation.excess() };
        let target = self.inflight(self.state.window_gain()) + WINDOW_BYTES_SLACK + excess;
        if self.startup.is_reached {
            self.window = (self.window + acked_bytes).min(target);
        } else if self.window < target || self.acked_at_first < WINDOW_BYTES_INITIAL {
            self.window += acked_bytes;
        }
        if probes_rtt {
            self.window = self.window.min(target);
        }
        self.window = self.window.min(self.bounds.window_max(self.state)).max(WINDOW_BYTES_PIPE);
    }
}

impl Controller for Bbr {
    fn on_sent(&mut self, _now: Instant, bytes: u64, in_flight: u64) {
        // Decided here, not on acknowledgments: those arrive many at a time, and after losses. The transport sends only
        // when there is room for the largest datagram, so a window with less room than that is full.
        self.round.totals.fills_window |= in_flight + DATAGRAM_BYTES_MAX as u64 > self.window;
        self.resumes_from_idle |= in_flight <= bytes;
    }

    fn on_acked(&mut self, acked: &Acked) {
        let ended = self.learn(acked);
        self.advance(acked, ended.as_ref());
        self.set_pacing_rate(acked);
        self.set_window(acked.bytes);
        self.resumes_from_idle = false;
        assert!(self.window >= WINDOW_BYTES_PIPE, "acknowledgments keep coming");
        assert!(self.bounds.inflight_long >= WINDOW_BYTES_MIN, "no bound stops the flow");
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
