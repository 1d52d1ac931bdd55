//! The own inputs: in time, predicted right, at a steady pace.

use crate::model::{Bench, Input, Path, Random};
use std::time::Duration;

/// Runs a minute after the first ten seconds; gives the shares of mispredicted ticks and of missed inputs.
fn shares(bench: &mut Bench, seconds: u64) -> (f64, f64) {
    bench.enter();
    bench.pass_seconds(10);
    let before = *bench.client.stats();
    let (in_time, missed) = (bench.server.player().in_time, bench.server.player().missed);
    bench.pass_seconds(seconds);
    let stats = bench.client.stats();
    let (in_time, missed) = (bench.server.player().in_time - in_time, bench.server.player().missed - missed);
    assert!(in_time + missed >= seconds * 60 - 2, "{in_time} {missed}");
    let compared = stats.predicted - before.predicted;
    assert!(compared as f64 > 0.9 * (seconds * 60) as f64, "{stats:?}");
    println!(
        "mispredicted {} of {compared}, missed {missed}, clock {:?}, stats {stats:?}",
        stats.mispredicted - before.mispredicted,
        bench.client.clock()
    );
    let share = |part: u64, of: u64| part as f64 / of as f64;
    (share(stats.mispredicted - before.mispredicted, compared), share(missed, in_time + missed))
}

#[test]
fn with_jitter_and_one_percent_loss_predictions_are_right() {
    for seed in 1..=4 {
        let mut bench = Bench::new(seed, Path::new(30, 8, 0.01));
        let (mispredicted, missed) = shares(&mut bench, 120);
        assert!(mispredicted <= 0.005, "seed {seed}: {mispredicted}");
        assert!(missed <= 0.001, "seed {seed}: {missed}");
        let ahead = bench.client.clock().ahead;
        assert!(ahead < 6.5, "inputs need not be so early: {ahead}");
    }
}

#[test]
fn with_five_percent_loss_inputs_are_in_time() {
    for seed in 11..=14 {
        let mut bench = Bench::new(seed, Path::new(30, 8, 0.05));
        let (_, missed) = shares(&mut bench, 120);
        assert!(missed <= 0.001, "seed {seed}: {missed}");
    }
}

/// Rough paths, and servers that send few snapshots.
#[test]
fn on_rough_paths_inputs_are_nearly_always_in_time() {
    let cases = [
        (80, 30, 0.05, 1),
        (30, 8, 0.05, 3),
        (150, 20, 0.1, 1),
        (40, 40, 0.02, 2),
        (30, 8, 0.02, 6),
        (600, 20, 0.01, 1),
    ];
    for (seed, (latency, jitter, loss, interval)) in (200..).zip(cases) {
        let mut bench = Bench::new(seed, Path::new(latency, jitter, loss));
        bench.server.interval = interval;
        bench.enter();
        bench.pass_seconds(20);
        let (in_time, missed) = (bench.server.player().in_time, bench.server.player().missed);
        bench.pass_seconds(60);
        let (in_time, missed) = (bench.server.player().in_time - in_time, bench.server.player().missed - missed);
        let clock = bench.client.clock();
        let case = format!("{latency} +- {jitter} ms, loss {loss}, each {interval} ticks: {missed} missed, {clock:?}");
        println!("{case}");
        assert!(missed * 200 <= in_time + missed, "{case}");
        assert!(clock.ahead < latency as f64 * 0.06 + 10.0, "{case}");
    }
}

#[test]
fn without_latency_nothing_is_mispredicted() {
    let mut bench = Bench::new(21, Path::new(0, 0, 0.0));
    let (mispredicted, missed) = shares(&mut bench, 60);
    assert_eq!((mispredicted, missed), (0.0, 0.0));
    assert!(bench.client.clock().ahead < 4.5, "{:?}", bench.client.clock());
}

#[test]
fn own_inputs_are_seen_at_once_and_the_server_agrees_in_the_end() {
    let mut bench = Bench::new(22, Path::new(100, 10, 0.02));
    bench.enter();
    bench.input = Box::new(|_| Input::default());
    bench.pass_seconds(3);
    bench.input = Box::new(|_| Input { x: 127, ..Input::default() });
    let before = bench.client.scene().own_pose().unwrap();
    bench.pass(Duration::from_millis(50));
    let after = bench.client.scene().own_pose().unwrap();
    assert!(after.point[0] > before.point[0] + 5.0, "{before:?} {after:?}");
    bench.input = Box::new(|_| Input::default());
    bench.pass_seconds(3);
    let (own, server) = (bench.client.scene().own().copied().unwrap(), bench.server.player().own);
    assert!((own.x - server.x).abs() < 0.01 && (own.y - server.y).abs() < 0.01, "{own:?} {server:?}");
}

/// Ticks of a server that has run for 100 days or more, and ticks that wrap.
#[test]
fn late_ticks_and_ticks_that_wrap_change_nothing() {
    for tick in [60 * 86_400 * 100, u32::MAX - 700, u32::MAX - 30, u32::MAX, 0] {
        let mut bench = Bench::with(31, Path::new(30, 8, 0.01), tick, Bench::config());
        let (mispredicted, missed) = shares(&mut bench, 20);
        assert!(mispredicted <= 0.01 && missed <= 0.005, "tick {tick}: {mispredicted} {missed}");
        let ahead = bench.client.scene().tick().wrapping_sub(bench.server.tick);
        assert!((1..15).contains(&ahead), "{ahead}");
        let delay = f64::from(bench.server.player().view_delay) / 256.0;
        assert!((4.0..20.0).contains(&delay), "others are shown {delay} ticks before the inputs");
    }
}

/// The server's clock differs by 1 ‰, and the path changes: the client follows, but never runs too fast or too slow.
#[test]
fn the_clock_follows_within_two_percent() {
    let mut bench = Bench::new(41, Path::new(30, 8, 0.01));
    bench.server_tick = 16_650_000;
    let mut last: Option<(u64, f64)> = None;
    bench.watch = Box::new(move |client, now| {
        let clock = client.clock();
        assert!(clock.rate.abs() <= 0.02, "{clock:?}");
        let tick = clock.server + clock.ahead;
        if let Some((then, before)) = last
            && tick > 0.0
            && before > 0.0
            && client.stats().inputs_made > 60
        {
            let passed = (now - then) as f64 * 60.0 / 1e9;
            assert!((tick - before - passed).abs() <= 0.0201 * passed + 1e-3, "{} in {passed}", tick - before);
        }
        last = Some((now, tick));
    });
    bench.enter();
    bench.pass_seconds(10);
    bench.up.path.latency = Duration::from_millis(60);
    bench.pass_seconds(20);
    bench.up.path.latency = Duration::from_millis(30);
    bench.pass_seconds(20);
    let (in_time, missed) = (bench.server.player().in_time, bench.server.player().missed);
    assert!(missed * 100 < in_time, "{missed} of {in_time}");
    assert!(bench.client.clock().ahead < 9.0, "{:?}", bench.client.clock());
}

#[test]
fn a_frame_that_took_a_second_does_not_ask_for_a_second_of_inputs() {
    let mut bench = Bench::new(51, Path::new(30, 2, 0.0));
    bench.enter();
    bench.pass_seconds(5);
    for stall in [100, 300, 1_000, 3_000] {
        let (made, tick) = (bench.inputs, bench.client.scene().tick());
        let frame = std::mem::replace(&mut bench.frame, stall * 1_000_000);
        bench.pass(Duration::from_millis(20));
        bench.frame = frame;
        bench.pass(Duration::from_millis(stall));
        let (made, ticks) = (bench.inputs - made, u64::from(bench.client.scene().tick() - tick));
        assert!(ticks >= stall * 6 / 100 - 2, "{stall} ms: {ticks} ticks");
        assert!(made <= 8 + 6, "{stall} ms: {made} inputs in {ticks} ticks");
        bench.pass_seconds(3);
        let (own, server) = (bench.client.scene().tick(), bench.server.tick);
        assert!((1..10).contains(&own.wrapping_sub(server)), "{own} {server}");
    }
    let (mispredicted, missed) = shares(&mut bench, 10);
    assert_eq!((mispredicted, missed), (0.0, 0.0), "it is as good as before");
}

#[test]
fn slow_frames_send_all_inputs_of_their_ticks() {
    for frame in [4_000_000, 33_000_000, 50_000_000] {
        let mut bench = Bench::new(61, Path::new(30, 2, 0.01));
        bench.frame = frame;
        let (mispredicted, missed) = shares(&mut bench, 30);
        assert!(mispredicted <= 0.01 && missed <= 0.005, "frames of {frame} ns: {mispredicted} {missed}");
        let (inputs, ticks) = (bench.inputs, u64::from(bench.client.scene().tick() - 1_000));
        assert!(inputs <= ticks, "{inputs} inputs for {ticks} ticks");
    }
}

/// A server refuses inputs that are far too early. Such a client must find back.
#[test]
fn a_clock_that_is_far_ahead_comes_back() {
    let mut bench = Bench::new(71, Path::new(30, 5, 0.0));
    bench.enter();
    bench.pass_seconds(2);
    // The server stands still for two seconds, as if its host was suspended.
    let tick = std::mem::replace(&mut bench.server_tick, 2_000_000_000);
    bench.pass(Duration::from_millis(20));
    bench.server_tick = tick;
    bench.pass_seconds(10);
    let clock = bench.client.clock();
    assert!((1.0..9.0).contains(&clock.ahead), "{clock:?}");
    let (mispredicted, missed) = shares(&mut bench, 10);
    assert!(mispredicted <= 0.01 && missed <= 0.01, "{mispredicted} {missed}");
}

/// Random paths that change, with frames of all lengths: what must hold always, holds.
#[test]
fn whatever_the_path_does_inputs_are_made_once_and_states_meet_again() {
    for seed in 100..110 {
        let mut random = Random::new(seed);
        let mut bench = Bench::new(seed, Path::new(20, 5, 0.02));
        bench.enter();
        for _ in 0..20 {
            let path = Path::new((random.share() * 150.0) as u64, (random.share() * 40.0) as u64, random.share() * 0.3);
            (bench.up.path, bench.down.path) = (path, path);
            bench.frame = 2_000_000 + (random.share() * 150e6) as u64;
            bench.pass(Duration::from_millis((random.share() * 3_000.0) as u64));
        }
        (bench.up.path, bench.down.path, bench.frame) = (Path::new(30, 0, 0.0), Path::new(30, 0, 0.0), 16_666_667);
        bench.input = Box::new(|_| Input::default());
        bench.pass_seconds(20);
        let (own, server) = (*bench.client.scene().own().unwrap(), bench.server.player().own);
        assert!((own.x - server.x).abs() < 0.01 && (own.y - server.y).abs() < 0.01, "seed {seed}: {own:?} {server:?}");
        let clock = bench.client.clock();
        // The margin of the bad path shrinks slowly.
        assert!((1.0..12.0).contains(&clock.ahead), "seed {seed}: {clock:?}");
    }
}
