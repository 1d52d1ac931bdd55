//! Others, between snapshots.

use crate::model::{Bench, Path, Shown};
use ringshard_client::{EntityId, Interpolation, Mode, Pose};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

const RUNNER: EntityId = EntityId { index: 12, generation: 1 };

/// A circle: 500 units a second.
fn on_path(tick: f64) -> Pose {
    let angle = tick / 60.0;
    let (sin, cos) = (angle.sin() as f32, angle.cos() as f32);
    Pose {
        point: [50_000.0 + 500.0 * cos, 50_000.0 + 500.0 * sin, 100.0],
        velocity: [-500.0 * sin, 500.0 * cos, 0.0],
        rotation: [((angle / std::f64::consts::TAU).fract() * 65_536.0) as u16, 0, 0],
        leap: 0,
    }
}

fn distance(a: Pose, b: Pose) -> f32 {
    (0..3).map(|axis| (a.point[axis] - b.point[axis]).powi(2)).sum::<f32>().sqrt()
}

#[derive(Default)]
struct Seen {
    worst: f32,
    /// The largest step from one frame to the next, in ticks of the shown clock; and the least.
    most: f64,
    least: f64,
    last: Option<f64>,
    frames: u64,
    starved: u64,
}

/// Watches the runner for a minute.
fn watch(bench: &mut Bench, settings: Interpolation) -> Seen {
    bench.places = Box::new(|tick| vec![(RUNNER, on_path(tick.into()), Shown::default())]);
    bench.client.set_interpolation(settings);
    bench.enter();
    bench.pass_seconds(5);
    let seen = Rc::new(RefCell::new(Seen { least: f64::MAX, ..Seen::default() }));
    let (watched, frame) = (seen.clone(), bench.frame as f64 * 60.0 / 1e9);
    let starved = bench.client.stats().starved;
    bench.watch = Box::new(move |client, _| {
        let mut seen = watched.borrow_mut();
        let scene = client.scene();
        let (_, pose, _) = scene.others().next().expect("the runner is in view");
        seen.worst = seen.worst.max(distance(pose, on_path(scene.shown_tick())));
        if let Some(last) = seen.last.replace(scene.shown_tick()) {
            let moved = (scene.shown_tick() - last) / frame;
            (seen.most, seen.least) = (seen.most.max(moved), seen.least.min(moved));
        }
        seen.frames += 1;
        seen.starved = client.stats().starved - starved;
    });
    bench.pass_seconds(60);
    bench.watch = Box::new(|_, _| {});
    Rc::into_inner(seen).expect("nobody watches any more").into_inner()
}

#[test]
fn others_follow_their_path_smoothly() {
    for (seed, path) in [(1, Path::new(30, 8, 0.01)), (2, Path::new(80, 30, 0.05)), (3, Path::new(0, 0, 0.0))] {
        let mut bench = Bench::new(seed, path);
        bench.frame = 6_944_444;
        let seen = watch(&mut bench, Interpolation::default());
        assert!(seen.worst < 3.0, "{path:?}: {} units off the path", seen.worst);
        assert!(seen.least > 0.88 && seen.most < 1.12, "{path:?}: {} to {}", seen.least, seen.most);
        assert!(seen.starved * 200 < seen.frames, "{path:?}: {} of {}", seen.starved, seen.frames);
        let clock = bench.client.clock();
        let late = clock.server - clock.shown - path.latency.as_secs_f64() * 60.0;
        assert!((1.5..9.0).contains(&late), "{path:?}: shown {late} ticks late");
    }
}

/// With ten snapshots a second, a curve that knows velocities is much nearer to the path than straight lines.
#[test]
fn sparse_snapshots_are_bridged_by_curves() {
    let mut worst = [Mode::Hold, Mode::Linear, Mode::Hermite].map(|mode| {
        let mut bench = Bench::new(5, Path::new(30, 5, 0.0));
        bench.server.interval = 6;
        watch(&mut bench, Interpolation { mode, ..Interpolation::default() }).worst
    });
    assert!(worst[0] > 40.0 && worst[1] < 2.0 && worst[2] < 0.8, "{worst:?}");
    worst.reverse();
    assert!(worst.is_sorted());
}

#[test]
fn without_snapshots_others_go_on_for_a_while_and_then_stand() {
    let mut bench = Bench::new(6, Path::new(30, 0, 0.0));
    bench.places = Box::new(|tick| vec![(RUNNER, on_path(tick.into()), Shown::default())]);
    bench.enter();
    bench.pass_seconds(3);
    bench.down.path.loss = 1.0;
    bench.pass(Duration::from_millis(200));
    let scene = bench.client.scene();
    let early = distance(scene.pose(RUNNER).unwrap(), on_path(scene.shown_tick()));
    assert!(early < 5.0, "{early} units off the path");
    bench.pass_seconds(1);
    let before = bench.client.scene().pose(RUNNER).unwrap();
    bench.pass(Duration::from_millis(200));
    assert_eq!(bench.client.scene().pose(RUNNER).unwrap(), before, "it stands");
    let stats = bench.client.stats();
    assert!(stats.starved > stats.extrapolated && stats.extrapolated > 10, "{stats:?}");
    bench.down.path.loss = 0.0;
    bench.pass_seconds(3);
    let scene = bench.client.scene();
    assert!(distance(scene.pose(RUNNER).unwrap(), on_path(scene.shown_tick())) < 3.0);
}

/// What the server needs to judge a shot: how late others were shown when the input was made.
#[test]
fn inputs_say_what_was_shown() {
    let mut bench = Bench::new(7, Path::new(40, 3, 0.0));
    bench.enter();
    bench.pass_seconds(3);
    let delay = f64::from(bench.server.player().view_delay) / 256.0;
    let clock = bench.client.clock();
    let expected = clock.server + clock.ahead - clock.shown;
    assert!((delay - expected).abs() < 1.5, "{delay} {expected}");
}
