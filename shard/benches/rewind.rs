//! Times of the history: `cargo bench -p ringshard --bench rewind`. No test depends on them.

#[allow(dead_code, reason = "the other benchmark uses the rest")]
mod layouts;

use divan::{Bencher, black_box};
use layouts::Layout;
use ringshard::world::rewind::{History, Hitbox, Sample};
use ringshard_world::{Map, Position};

const COUNT: usize = 10_000;
const LAYOUTS: [Layout; 4] = [Layout::Uniform, Layout::Towns, Layout::Crowd, Layout::Swarm];
const HITBOXES: &[Hitbox] = &[Hitbox::Capsule { radius: 40.0, half_height: 90.0, offset_z: 90.0 }];
/// 300 m, at a centimetre per unit.
const RAY: f32 = 30_000.0;

fn main() {
    divan::main();
}

/// All walk along x, 5 m per second.
fn record(history: &mut History, tick: u64, places: &[Position]) {
    let walked = tick as u32 % 1_000 * 21;
    let samples = places.iter().zip(0..=u16::MAX).map(|(&Position { x, y, z }, index)| {
        let position = Position { x: x + walked, y, z };
        (index, Sample { position, velocity: [250, 0, 0], generation: 1, hitbox: 0, ..Sample::NONE })
    });
    history.record(tick, samples);
}

fn recorded(layout: Layout) -> (History, Vec<[f32; 3]>) {
    let map = Map::default();
    let places = layout.places(COUNT, 1);
    let mut history = History::new(COUNT, map, HITBOXES);
    (1..=64).for_each(|tick| record(&mut history, tick, &places));
    (history, places.into_iter().map(|place| map.point(place)).collect())
}

#[divan::bench]
fn recording(bencher: Bencher<'_, '_>) {
    let places = Layout::Uniform.places(COUNT, 1);
    let mut history = History::new(COUNT, Map::default(), HITBOXES);
    let mut tick = 0;
    bencher.bench_local(|| {
        tick += 1;
        record(&mut history, tick, black_box(&places));
    });
}

/// The first query between two ticks: it builds the tree. Each pair is queried again only after all others.
#[divan::bench(args = LAYOUTS)]
fn the_first_query(bencher: Bencher<'_, '_>, layout: Layout) {
    let (history, points) = recorded(layout);
    let mut ticks = (1..64u32).cycle();
    bencher.bench_local(|| {
        let at = f64::from(ticks.next().expect("there is no end to them")) + 0.5;
        history.at(at).sphere(points[0], 0.0, |_, _, _| ());
    });
}

/// From a fifth of the entities, at eye level, in all directions of the plane, at different ticks.
fn directions(points: &[[f32; 3]]) -> impl Iterator<Item = ([f32; 3], [f32; 3], f64)> {
    points.iter().step_by(5).zip(0u32..).cycle().map(|(&[x, y, z], number)| {
        let (sin, cos) = (number as f32 * 2.4).sin_cos();
        ([x, y, z + 160.0], [cos, sin, 0.0], 50.0 + f64::from(number % 130) / 10.0)
    })
}

/// The nearest entity along 300 m.
#[divan::bench(args = LAYOUTS, sample_count = 50, sample_size = 2_000)]
fn ray(bencher: Bencher<'_, '_>, layout: Layout) {
    let (history, points) = recorded(layout);
    let mut rays = directions(&points);
    let mut shoot = || {
        let (from, direction, at) = rays.next().expect("there is no end to them");
        history.at(at).ray(from, direction, RAY, |_| true)
    };
    (0..COUNT).for_each(|_| {
        shoot();
    });
    bencher.bench_local(shoot);
}

/// The same when nobody along the ray is accepted: all have to be met.
#[divan::bench(args = LAYOUTS, sample_count = 50, sample_size = 500)]
fn ray_through_all(bencher: Bencher<'_, '_>, layout: Layout) {
    let (history, points) = recorded(layout);
    let mut rays = directions(&points);
    let mut shoot = || {
        let (from, direction, at) = rays.next().expect("there is no end to them");
        history.at(at).ray(from, direction, RAY, |_| false)
    };
    (0..COUNT).for_each(|_| {
        shoot();
    });
    bencher.bench_local(shoot);
}

/// All within 5 m.
#[divan::bench(args = LAYOUTS, sample_count = 50, sample_size = 500)]
fn sphere(bencher: Bencher<'_, '_>, layout: Layout) {
    let (history, points) = recorded(layout);
    let mut places = directions(&points);
    let mut look = || {
        let (centre, _, at) = places.next().expect("there is no end to them");
        let mut found = 0;
        history.at(at).sphere(centre, 500.0, |_, _, _| found += 1);
        found
    };
    (0..COUNT).for_each(|_| {
        look();
    });
    bencher.bench_local(look);
}
