//! CUBIC (RFC 9438), with HyStart++ for its slow start (RFC 9406).

use super::controller::{Acked, Controller, Lost, WINDOW_BYTES_INITIAL, WINDOW_BYTES_MIN};
use crate::limits::DATAGRAM_BYTES_BASE;
use crate::time::{Duration, Instant};

/// The sender's maximum segment size of the RFCs, in bytes.
const SEGMENT_BYTES: f64 = DATAGRAM_BYTES_BASE as f64;
/// How steep the window's curve is, in segments per cubic second (C in RFC 9438, section 4.1).
const STEEPNESS: f64 = 0.4;
/// Share of the window that is left after a loss (beta in RFC 9438, section 4.6).
const BETA: f64 = 0.7;
/// Segments per round trip by which the Reno-friendly window grows until it has made up for the reduction (RFC 9438,
/// section 4.3).
const RENO_GROWTH: f64 = 3.0 * (1.0 - BETA) / (1.0 + BETA);
/// The largest growth of the window in one round trip (RFC 9438, section 4.2).
const TARGET_GROWTH_MAX: f64 = 1.5;
/// With less than this share of the window in flight, the window counts as unused (the rule of RFC 9002, section 7.8; the
/// share is that of Linux in slow start, where pacing alone keeps the window half empty).
const USED_SHARE_MIN: f64 = 0.5;
/// Pacing rate over window per round trip while the window doubles (Linux, `tcp_pacing_ss_ratio`).
const PACING_GAIN_SLOW_START: f64 = 2.0;
/// Pacing rate over window per round trip otherwise (RFC 9002, section 7.7).
const PACING_GAIN: f64 = 1.25;

/// The window grows along a cubic function of the time since the last loss: fast at first, flat where the loss was, fast
/// again beyond.
#[derive(Debug)]
pub struct Cubic {
    /// In bytes. An acknowledgment may add less than one.
    window: f64,
    /// Below this, the window grows by slow start.
    slow_start_threshold: f64,
    slow_start: HyStart,
    /// The window before the last reduction, in bytes.
    reduced_from: f64,
    /// Where the curve flattens, in bytes (W_max). With 0 the curve starts flat.
    plateau: f64,
    /// Since the window last left slow start or was reduced.
    epoch: Option<Epoch>,
    /// Since when the application has left the window unused.
    unused_since: Option<Instant>,
    /// When the last reduction was. Losses and acknowledgments of what was sent until then belong to it.
    reduced_at: Option<Instant>,
    rtt_smoothed: Option<Duration>,
}

impl Cubic {
    /// For an unknown path.
    pub fn new() -> Self {
        Cubic {
            window: WINDOW_BYTES_INITIAL as f64,
            slow_start_threshold: f64::INFINITY,
            slow_start: HyStart::default(),
            reduced_from: 0.0,
            plateau: 0.0,
            epoch: None,
            unused_since: None,
            reduced_at: None,
            rtt_smoothed: None,
        }
    }

    fn in_slow_start(&self) -> bool {
        self.window < self.slow_start_threshold
    }

    fn is_before_reduction(&self, sent_at: Instant) -> bool {
        self.reduced_at.is_some_and(|reduced_at| sent_at <= reduced_at)
    }

    fn leaves_window_unused(&self, acked: &Acked) -> bool {
        let was_in_flight = (acked.in_flight + acked.bytes) as f64;
        acked.rate.is_some_and(|rate| rate.application_limited) || was_in_flight < self.window * USED_SHARE_MIN
    }

    fn grow(&mut self, acked: &Acked) {
        self.skip_unused_time(acked.now);
        if self.in_slow_start() {
            self.grow_in_slow_start(acked);
        } else {
            self.grow_along_curve(acked);
        }
    }

    /// Application-limited time does not advance the curve (RFC 9438, section 5.8).
    fn skip_unused_time(&mut self, now: Instant) {
        if let (Some(since), Some(epoch)) = (self.unused_since.take(), &mut self.epoch) {
            epoch.start = epoch.start + now.since(since);
        }
    }

    fn grow_in_slow_start(&mut self, acked: &Acked) {
        match self.slow_start.on_acked(acked) {
            Some(divisor) => self.window += (acked.bytes / divisor) as f64,
            None => self.slow_start_threshold = self.window,
        }
    }

    fn grow_along_curve(&mut self, acked: &Acked) {
        let window = self.window;
        let epoch = self.epoch.get_or_insert_with(|| Epoch::new(acked.now, window, self.plateau));
        epoch.grow_reno(acked.bytes as f64, window, self.reduced_from);
        let elapsed = acked.now.since(epoch.start);
        if epoch.cubic(elapsed) < epoch.reno {
            self.window = window.max(epoch.reno);
        } else {
            let target = epoch.cubic(elapsed + acked.rtt_smoothed).clamp(window, window * TARGET_GROWTH_MAX);
            self.window += (target - window) / window * acked.bytes as f64;
        }
    }

    fn check(&self) {
        assert!(self.window.is_finite() && self.window >= WINDOW_BYTES_MIN as f64, "the window has a minimum");
        assert!(self.plateau.is_finite() && self.plateau >= 0.0, "the plateau is a window");
    }

    fn reduce(&mut self, now: Instant) {
        let converges_fast = self.window < self.plateau;
        // Fast convergence: a flow that loses earlier than last time leaves room to others (section 4.7).
        self.plateau = if converges_fast { self.window * (1.0 + BETA) / 2.0 } else { self.window };
        self.reduced_from = self.window;
        self.window = (self.window * BETA).max(WINDOW_BYTES_MIN as f64);
        self.slow_start_threshold = self.window;
        self.reduced_at = Some(now);
        self.epoch = None;
        self.unused_since = None;
    }

    /// Slow start from the minimum to the window after the last reduction, then a curve that starts flat (section 4.8).
    fn collapse(&mut self) {
        self.window = WINDOW_BYTES_MIN as f64;
        self.slow_start = HyStart::default();
        self.plateau = 0.0;
        // Everything sent until now is lost: there is no recovery to wait for.
        self.reduced_at = None;
    }
}

impl Default for Cubic {
    fn default() -> Self {
        Cubic::new()
    }
}

impl Controller for Cubic {
    fn on_sent(&mut self, _now: Instant, _bytes: u64, _in_flight: u64) {}

    fn on_acked(&mut self, acked: &Acked) {
        self.rtt_smoothed = Some(acked.rtt_smoothed);
        if self.is_before_reduction(acked.newest_sent_at) {
            return;
        }
        if self.leaves_window_unused(acked) {
            self.unused_since.get_or_insert(acked.now);
        } else {
            self.grow(acked);
        }
        self.check();
    }

    fn on_lost(&mut self, lost: &Lost) {
        if !self.is_before_reduction(lost.newest_sent_at) {
            self.reduce(lost.now);
        }
        if lost.persistent {
            self.collapse();
        }
        self.check();
    }

    fn window(&self) -> u64 {
        self.window as u64
    }

    fn pacing_rate(&self) -> Option<u64> {
        let gain = if self.in_slow_start() { PACING_GAIN_SLOW_START } else { PACING_GAIN };
        let rtt = self.rtt_smoothed.filter(|rtt| !rtt.is_zero())?;
        Some((gain * self.window / rtt.as_secs_f64()) as u64)
    }
}

/// One stretch of congestion avoidance (RFC 9438, section 4.2). Windows are in bytes.
#[derive(Debug)]
struct Epoch {
    start: Instant,
    /// Where the curve is flat (W_max).
    plateau: f64,
    /// How long after the start the curve gets there, in seconds (K).
    plateau_after: f64,
    /// What Reno's window would be (W_est).
    reno: f64,
}

impl Epoch {
    fn new(start: Instant, window: f64, plateau: f64) -> Self {
        let plateau = plateau.max(window);
        let plateau_after = ((plateau - window) / SEGMENT_BYTES / STEEPNESS).cbrt();
        assert!(plateau_after >= 0.0, "the curve grows towards its plateau");
        Epoch { start, plateau, plateau_after, reno: window }
    }

    fn cubic(&self, elapsed: Duration) -> f64 {
        let from_plateau = elapsed.as_secs_f64() - self.plateau_after;
        self.plateau + STEEPNESS * SEGMENT_BYTES * from_plateau.powi(3)
    }

    /// Grows Reno's window by one acknowledgment (section 4.3).
    fn grow_reno(&mut self, acked_bytes: f64, window: f64, reduced_from: f64) {
        let growth = if self.reno < reduced_from { RENO_GROWTH } else { 1.0 };
        self.reno += growth * SEGMENT_BYTES * acked_bytes / window;
    }
}

/// Ends slow start when the RTT grows, which is before the queue overflows (RFC 9406).
#[derive(Debug, Default)]
struct HyStart {
    /// The round ends with the acknowledgment of something sent since then.
    round_started_at: Instant,
    /// Lowest RTT of the last round and of this one.
    last_least: Option<Duration>,
    least: Option<Duration>,
    /// RTT samples in this round.
    samples: u32,
    conservative: Option<Conservative>,
}

/// Conservative slow start: the RTT has grown, perhaps by chance, so the window grows slowly.
#[derive(Debug)]
struct Conservative {
    /// The RTT that triggered it. If the RTT falls below, the growth was by chance.
    baseline: Duration,
    rounds: u32,
}

impl HyStart {
    /// RTT samples that a decision needs (N_RTT_SAMPLE; this and the next in RFC 9406, section 4.3).
    const SAMPLES_MIN: u32 = 8;
    /// Growth of the RTT that ends slow start: a fraction of the RTT, within bounds.
    const GROWTH_MIN: Duration = Duration::from_millis(4);
    const GROWTH_MAX: Duration = Duration::from_millis(16);
    const GROWTH_DIVISOR: u32 = 8;
    /// How much slower the window grows in conservative slow start.
    const CONSERVATIVE_DIVISOR: u64 = 4;
    /// Rounds of conservative slow start that end slow start.
    const CONSERVATIVE_ROUNDS: u32 = 5;

    /// The window may grow by the acknowledged bytes divided by this. None when slow start is over.
    fn on_acked(&mut self, acked: &Acked) -> Option<u64> {
        if acked.newest_sent_at >= self.round_started_at {
            self.start_round(acked.now);
        }
        if let Some(rtt) = acked.rtt {
            self.least = Some(self.least.map_or(rtt, |least| least.min(rtt)));
            self.samples += 1;
        }
        self.check_rtt_growth();
        match &self.conservative {
            None => Some(1),
            Some(conservative) => {
                (conservative.rounds < Self::CONSERVATIVE_ROUNDS).then_some(Self::CONSERVATIVE_DIVISOR)
            }
        }
    }

    fn start_round(&mut self, now: Instant) {
        self.round_started_at = now;
        self.last_least = self.least.take().or(self.last_least);
        self.samples = 0;
        if let Some(doubt) = &mut self.conservative {
            doubt.rounds += 1;
        }
    }

    fn check_rtt_growth(&mut self) {
        let (Some(least), Some(last)) = (self.least, self.last_least) else { return };
        if self.samples < Self::SAMPLES_MIN {
            return;
        }
        match &self.conservative {
            None if least >= last + (last / Self::GROWTH_DIVISOR).clamp(Self::GROWTH_MIN, Self::GROWTH_MAX) => {
                self.conservative = Some(Conservative { baseline: least, rounds: 0 });
            }
            Some(conservative) if least < conservative.baseline => self.conservative = None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bottleneck::{Flow, Path};
    use super::*;

    const RTT: Duration = Duration::from_millis(50);

    fn greedy(start_ms: u64) -> Flow {
        Flow::greedy(start_ms, Cubic::new())
    }

    fn at_ms(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    fn lost(now_ms: u64, sent_ms: u64, persistent: bool) -> Lost {
        let (now, newest_sent_at) = (at_ms(now_ms), at_ms(sent_ms));
        Lost { now, bytes: DATAGRAM_BYTES_BASE as u64, newest_sent_at, in_flight: 0, persistent }
    }

    #[test]
    fn fills_a_clean_path() {
        let report = Path::new(100, RTT).run(20, vec![greedy(0)]);
        assert!(report.filled(2.0..20.0) >= 0.95, "{}", report.filled(2.0..20.0));
    }

    #[test]
    fn two_flows_share_fairly() {
        for start_ms in [2000, 3300, 5000] {
            let report = Path::new(20, RTT).run(60, vec![greedy(0), greedy(start_ms)]);
            let fairness = report.fairness(30..60);
            assert!(fairness >= 0.9, "{start_ms} ms: {fairness}");
            assert!(report.filled(30.0..60.0) >= 0.95);
        }
    }

    #[test]
    fn recovers_after_a_blackout() {
        let blackout = Duration::from_secs(5)..Duration::from_secs(15);
        let path = Path { blackout, ..Path::new(20, RTT) };
        let report = path.run(30, vec![greedy(0)]);
        let resumes = report.resumes(15.0);
        let filled = report.filled(resumes + 1.0..resumes + 3.0);
        assert!(filled >= 0.9, "{filled}");
        assert_eq!(report.window_least, WINDOW_BYTES_MIN);
    }

    #[test]
    fn slow_start_slows_down_before_a_long_queue_overflows() {
        let mut path = Path::new(20, RTT);
        path.queue_bytes *= 3;
        let report = path.run(2, vec![greedy(0)]);
        // Without HyStart++ it is 13 %.
        assert!(report.dropped(0.0..2.0) < 0.04, "{}", report.dropped(0.0..2.0));
        assert!(report.filled(1.0..2.0) >= 0.95);
    }

    #[test]
    fn the_curve_is_flat_where_the_loss_was() {
        let epoch = Epoch::new(at_ms(0), 70.0 * SEGMENT_BYTES, 100.0 * SEGMENT_BYTES);
        let segments = |seconds: f64| epoch.cubic(Duration::from_secs_f64(seconds)) / SEGMENT_BYTES;
        // The cube root of 30 / 0.4 is 4.217.
        for (seconds, expected) in [(0.0, 70.0), (4.217, 100.0), (8.434, 130.0)] {
            assert!((segments(seconds) - expected).abs() < 0.1, "{seconds} s: {}", segments(seconds));
        }
    }

    #[test]
    fn reduces_once_in_a_round_trip() {
        let mut cubic = Cubic::new();
        let window = cubic.window();
        cubic.on_lost(&lost(100, 50, false));
        let reduced = cubic.window();
        assert_eq!(reduced, (window as f64 * BETA) as u64);
        cubic.on_lost(&lost(110, 60, false));
        cubic.on_lost(&lost(150, 100, false));
        assert_eq!(cubic.window(), reduced);
        cubic.on_lost(&lost(151, 101, false));
        assert_eq!(cubic.window(), (window as f64 * BETA * BETA) as u64);
    }

    #[test]
    fn aims_lower_when_it_loses_earlier_than_last_time() {
        let mut cubic = Cubic::new();
        cubic.on_lost(&lost(100, 50, false));
        assert_eq!(cubic.plateau, WINDOW_BYTES_INITIAL as f64);
        let reduced = cubic.window;
        cubic.on_lost(&lost(200, 150, false));
        assert_eq!(cubic.plateau, reduced * (1.0 + BETA) / 2.0);
    }

    #[test]
    fn an_application_that_sends_little_gains_no_window() {
        let rate = 500_000;
        let flow = Flow { demand: Some((Duration::ZERO, rate)), ..greedy(0) };
        let report = Path::new(100, RTT).run(10, vec![flow]);
        let product = rate as f64 * RTT.as_secs_f64();
        let window = report.controllers[0].window() as f64;
        assert!(window <= 2.0 * product, "{window}");
    }

    #[test]
    fn the_window_never_falls_below_the_least() {
        let mut cubic = Cubic::new();
        for ms in 1..100 {
            cubic.on_lost(&lost(ms, ms, ms % 10 == 0));
            assert!(cubic.window() >= WINDOW_BYTES_MIN);
        }
        assert_eq!(cubic.window(), WINDOW_BYTES_MIN);
    }
}
