//! What one step of a character costs on the sample map: CPU time per step of 10,000 characters, in random order.
//!
//! ```text
//! cargo run --release -p ringshard-maps --example measure-steps [-- --json]
//! ```
//! The characters roam for 20 seconds first. Then they are grouped by their surroundings: nothing within 3 m (open
//! ground), or something within 1 m. Each figure is the median of 300 runs, each of which steps all characters of a group by
//! one tick. The exit status is 1 if the median of a group is above 400 ns, or all steps take more than a quarter of a tick.

use ringshard_maps::sample_terrain;
use ringshard_terrain::Terrain;
use ringshard_terrain::file::VolumeKind;
use ringshard_terrain::movement::{Gait, Steering, Tuning, Walker, keys, step};
use rustix::time::{ClockId, clock_gettime};
use std::process::ExitCode;

const CHARACTERS: usize = 10_000;
/// Ticks that they roam before the measurement.
const ROAMING: u32 = 20 * 60;
const RUNS: usize = 300;
/// The target per step, in nanoseconds.
const STEP_NANOS_MAX: f64 = 400.0;
/// The target of 10,000 steps: a quarter of a tick, in milliseconds.
const ALL_MILLIS_MAX: f64 = 1_000.0 / 60.0 / 4.0;

/// Random numbers (xorshift).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

type Character = (Walker, Steering);

/// Characters that have roamed about. `crowded` ones all come from one town.
fn roamed(terrain: &Terrain, crowded: bool) -> Vec<Character> {
    let spawns = terrain.spawns();
    let spawns = if crowded { &spawns[..64.min(spawns.len())] } else { spawns };
    roaming_from(terrain, |dice| spawns[dice.next() as usize % spawns.len()].point)
}

/// A point in the first water of the map, which is its lake.
fn in_the_lake(terrain: &Terrain, dice: &mut Dice) -> [f32; 3] {
    let columns = terrain.columns();
    let lake =
        columns.volumes.iter().find(|it| it.kind == VolumeKind::Water as u32).expect("the sample map has a lake");
    let part = |dice: &mut Dice| 0.3 + 0.4 * (dice.next() % 1_000) as f32 / 1_000.0;
    let [x, y] = [0, 1].map(|axis| lake.low[axis] + (lake.high[axis] - lake.low[axis]) * part(dice));
    [x, y, lake.high[2] - 100.0]
}

fn roaming_from(terrain: &Terrain, point: impl Fn(&mut Dice) -> [f32; 3]) -> Vec<Character> {
    let mut dice = Dice(7);
    let mut all: Vec<_> = (0..CHARACTERS).map(|_| (Walker::at(point(&mut dice)), Steering::default())).collect();
    for tick in 0..ROAMING {
        for (number, (walker, steering)) in all.iter_mut().enumerate() {
            if (tick + number as u32).is_multiple_of(90) {
                let jumps = if dice.next().is_multiple_of(8) { keys::JUMP } else { 0 };
                *steering = Steering { forward: 127, left: 0, yaw: dice.next() as u16, keys: keys::RUN | jumps };
            }
            step(terrain, &Tuning::default(), walker, steering);
        }
    }
    all
}

/// How many triangles are within this distance of a character.
fn triangles_within(terrain: &Terrain, walker: &Walker, distance: f32) -> usize {
    let Tuning { radius, height, .. } = Tuning::default();
    let [x, y, z] = walker.point;
    let (low, high) = ([x - radius - distance, y - radius - distance], [x + radius + distance, y + radius + distance]);
    let mut count = 0;
    terrain.triangles_near(low, high, |triangle| {
        let corners = terrain.columns().triangles[triangle as usize];
        let ends = |axis: usize| {
            let along = corners.map(|corner| corner[axis]);
            (along.into_iter().fold(f32::MAX, f32::min), along.into_iter().fold(f32::MIN, f32::max))
        };
        let overlaps = |axis: usize, low: f32, high: f32| ends(axis).0 <= high && ends(axis).1 >= low;
        let is_near = overlaps(0, low[0], high[0]) && overlaps(1, low[1], high[1]) && overlaps(2, z, z + height);
        count += usize::from(is_near);
    });
    count
}

/// CPU time of this thread, in nanoseconds.
fn busy() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// CPU time per step, in nanoseconds: median and 99th percentile of the runs.
fn measure(terrain: &Terrain, group: &[Character]) -> [f64; 2] {
    let (tuning, mut stepped) = (Tuning::default(), group.to_vec());
    let mut runs: Vec<_> = (0..RUNS)
        .map(|_| {
            stepped.copy_from_slice(group);
            let began = busy();
            stepped.iter_mut().for_each(|(walker, steering)| step(terrain, &tuning, walker, steering));
            (busy() - began) as f64 / group.len().max(1) as f64
        })
        .collect();
    runs.sort_unstable_by(f64::total_cmp);
    [runs[RUNS / 2], runs[RUNS * 99 / 100]]
}

fn main() -> ExitCode {
    let json = std::env::args().any(|word| word == "--json");
    let terrain = sample_terrain(7);
    let (all, crowd) = (roamed(&terrain, false), roamed(&terrain, true));
    let group = |is_in: &dyn Fn(&Character) -> bool| -> Vec<_> { all.iter().filter(|it| is_in(it)).copied().collect() };
    let swims = |it: &Character| it.0.gait() == Gait::Swim;
    let swimmers = roaming_from(&terrain, |dice| in_the_lake(&terrain, dice));
    let groups = [
        ("all", all.clone()),
        ("open ground", group(&|it| !swims(it) && triangles_within(&terrain, &it.0, 300.0) == 0)),
        ("within 1 m of walls", group(&|it| triangles_within(&terrain, &it.0, 100.0) > 0)),
        (
            "held up by a wall",
            group(&|it| {
                it.0.velocity[0].hypot(it.0.velocity[1]) < 300.0 && triangles_within(&terrain, &it.0, 10.0) > 0
            }),
        ),
        ("in water", swimmers.into_iter().filter(swims).collect()),
        ("in a crowd of 10,000 in one town", crowd),
    ];
    let mut is_met = true;
    for (name, group) in &groups {
        let [median, high] = measure(&terrain, group);
        let millis = median * CHARACTERS as f64 / 1e6;
        is_met &= median <= STEP_NANOS_MAX && millis <= ALL_MILLIS_MAX;
        if json {
            println!(
                "{{\"group\":\"{name}\",\"characters\":{},\"ns_per_step\":{median:.0},\"ns_per_step_p99\":{high:.0},\
                 \"ms_per_10000\":{millis:.2}}}",
                group.len()
            );
        } else {
            println!(
                "{name:<34} {:>6} characters: {median:>5.0} ns per step (p99 of runs {high:>5.0}), {millis:.2} ms for 10,000",
                group.len()
            );
        }
    }
    if is_met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
