//! BBR over a simulated bottleneck, and its parts.

use super::super::bottleneck::{Flow, Path};
use super::super::controller::RateSample;
use super::*;

const RTT: Duration = Duration::from_millis(50);

fn greedy(start_ms: u64) -> Flow {
    Flow::greedy(start_ms, Bbr::new(Instant::ZERO))
}

fn acked(now_ms: u64, rtt_ms: u64) -> Acked {
    let rtt = Duration::from_millis(rtt_ms);
    Acked {
        now: Instant::ZERO + Duration::from_millis(now_ms),
        bytes: DATAGRAM_BYTES,
        newest_sent_at: Instant::ZERO + Duration::from_millis(now_ms - rtt_ms),
        in_flight: 0,
        rtt: Some(rtt),
        rtt_smoothed: rtt,
        rate: None,
    }
}

#[test]
fn fills_the_path_despite_random_loss() {
    for megabits in [100, 10, 1] {
        let path = Path { loss_per_mille: 10, ..Path::new(megabits, RTT) };
        let report = path.run(20, vec![greedy(0)]);
        let filled = report.filled(2.0..20.0);
        assert!(filled >= 0.95, "{megabits} Mbit/s: {filled}");
    }
}

#[test]
fn alone_it_keeps_the_queue_short() {
    let report = Path::new(20, RTT).run(20, vec![greedy(0)]);
    assert!(report.filled(2.0..20.0) >= 0.97);
    assert!(report.queue_delay_ms(2.0..20.0) < 5.0);
}

#[test]
fn loses_little_to_a_short_queue() {
    let mut path = Path::new(20, RTT);
    path.queue_bytes /= 4;
    let report = path.run(30, vec![greedy(0), greedy(2000)]);
    assert!(report.filled(5.0..30.0) >= 0.95);
    assert!(report.dropped(5.0..30.0) < 0.02, "{}", report.dropped(5.0..30.0));
}

#[test]
fn two_flows_share_fairly() {
    for (megabits, acked_together, start_ms) in [
        (20, 1, 2000),
        (20, 1, 3300),
        (20, 1, 5000),
        (20, 16, 2000),
        (20, 16, 3300),
        (20, 16, 5000),
        (100, 1, 3000),
        (100, 16, 2000),
        (100, 16, 3000),
        (100, 16, 4000),
    ] {
        let path = Path { acked_together, ..Path::new(megabits, RTT) };
        let report = path.run(60, vec![greedy(0), greedy(start_ms)]);
        let fairness = report.fairness(25..60);
        assert!(fairness >= 0.9, "{megabits} Mbit/s, {acked_together} acknowledged at once, {start_ms} ms: {fairness}");
        assert!(report.filled(25.0..60.0) >= 0.95);
        assert!(report.queue_delay_ms(25.0..60.0) < 30.0);
    }
}

#[test]
fn recovers_after_a_blackout() {
    let blackout = Duration::from_secs(5)..Duration::from_secs(15);
    let path = Path { blackout, ..Path::new(20, RTT) };
    let report = path.run(30, vec![greedy(0)]);
    let resumes = report.resumes(15.0);
    let filled = report.filled(resumes + 0.5..resumes + 2.5);
    assert!(filled >= 0.9, "{filled}");
    assert_eq!(report.window_least, WINDOW_BYTES_MIN);
}

#[test]
fn fills_the_path_despite_batched_acknowledgments() {
    let mut path = Path { acked_every: Duration::from_millis(16), ..Path::new(100, Duration::from_millis(10)) };
    path.queue_bytes *= 4;
    let report = path.run(20, vec![greedy(0)]);
    assert!(report.filled(2.0..20.0) >= 0.9, "{}", report.filled(2.0..20.0));
}

#[test]
fn an_application_that_sends_little_gains_no_window() {
    let rate = 500_000;
    let flow = Flow { demand: Some((Duration::ZERO, rate)), ..greedy(0) };
    let report = Path::new(100, RTT).run(10, vec![flow]);
    let window = report.controllers[0].window();
    let product = scale(rate, RTT.as_secs_f64());
    assert!(window <= 3 * product + WINDOW_BYTES_SLACK, "{window}");
}

#[test]
fn an_application_that_sends_less_loses_no_bandwidth() {
    let path = Path::new(20, RTT);
    let flow = Flow { demand: Some((Duration::from_secs(5), 100_000)), ..greedy(0) };
    let report = path.run(30, vec![flow]);
    let rate = report.controllers[0].pacing_rate().unwrap();
    assert!(rate >= scale(path.bytes_per_second, 0.95 * State::Down.pacing_gain()), "{rate}");
}

#[test]
fn persistent_congestion_voids_the_model() {
    let mut bbr = Bbr::new(Instant::ZERO);
    bbr.on_acked(&acked(1000, 10));
    let now = Instant::ZERO + Duration::from_secs(2);
    bbr.on_lost(&Lost { now, bytes: DATAGRAM_BYTES, newest_sent_at: now, in_flight: 0, persistent: true });
    assert_eq!(bbr.window(), WINDOW_BYTES_MIN);
    assert_eq!(bbr.pacing_rate(), None);
    bbr.on_acked(&acked(3000, 100));
    assert_eq!(bbr.rtt.least(), Some(Duration::from_millis(100)));
    assert_eq!(bbr.state, State::Startup);
}

fn rate(bytes_per_second: u64, application_limited: bool, delivered: u64) -> RateSample {
    RateSample { bytes_per_second, application_limited, delivered_when_sent: delivered, delivered }
}

#[test]
fn the_bandwidth_is_remembered_for_two_cycles() {
    let mut bandwidth = MaxBandwidth::default();
    bandwidth.observe(&rate(100, false, 0));
    bandwidth.start_cycle();
    bandwidth.observe(&rate(50, true, 0));
    bandwidth.start_cycle();
    assert_eq!(bandwidth.max(), 100, "application-limited samples replace nothing");
    bandwidth.observe(&rate(60, false, 0));
    assert_eq!(bandwidth.max(), 100);
    bandwidth.start_cycle();
    assert_eq!(bandwidth.max(), 60);
}

#[test]
fn bounds_follow_losses_in_steps() {
    let mut bounds = Bounds::default();
    bounds.lower(&Totals { bandwidth: 10, inflight: 900, ..Totals::default() }, 1000, 1000);
    assert_eq!((bounds.bandwidth, bounds.inflight), (700, 900));
    bounds.lower(&Totals { bandwidth: 10, inflight: 10, ..Totals::default() }, 1000, 1000);
    assert_eq!(bounds.inflight, 630);
}

#[test]
fn probes_the_rtt_when_the_minimum_is_old() {
    let mut bbr = Bbr::new(Instant::ZERO);
    let mut probed_ms = Vec::new();
    for ms in (100..12_000).step_by(10) {
        let rtt_ms = if ms < 500 { 50 } else { 60 };
        let rate = rate(1_000_000, false, ms * 10_000);
        bbr.on_acked(&Acked { in_flight: bbr.window(), rate: Some(rate), ..acked(ms, rtt_ms) });
        bbr.on_acked(&Acked { rate: Some(rate), ..acked(ms, rtt_ms) });
        if matches!(bbr.state, State::ProbeRtt(_)) {
            probed_ms.push(ms);
            assert!(bbr.window() <= 25_000 + WINDOW_BYTES_SLACK);
        }
    }
    // Last seen at 490 ms; then 60 ms is the least, and stays it.
    assert_eq!(probed_ms, (5500..5700).step_by(10).collect::<Vec<_>>());
}

#[test]
fn the_window_never_falls_below_the_least() {
    for loss_per_mille in [100, 300, 600] {
        let path = Path { loss_per_mille, ..Path::new(5, RTT) };
        let report = path.run(60, vec![greedy(0)]);
        assert!(report.window_least >= WINDOW_BYTES_MIN, "{loss_per_mille}: {}", report.window_least);
    }
}
