//! One step of a character. Each item is one step of one of 10,000 characters in random order, so that their data and the map's
//! are not in the cache; `warm` steps one character again and again.
//!
//! ```sh
//! cargo bench -p ringshard-terrain --bench step
//! ```

mod town;

use divan::Bencher;
use divan::counter::ItemsCount;
use ringshard_terrain::movement::{Gait, Steering, Tuning, Walker, keys, step};
use std::sync::LazyLock;
use town::{Dice, Town, town};

const COUNT: usize = 10_000;

static TOWN: LazyLock<Town> = LazyLock::new(town);

fn main() {
    divan::main();
}

/// A place for characters: where they begin, and how they steer.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// In the open, in all directions.
    Meadow,
    /// In towns, in all directions.
    Street,
    /// At a wall, running into it.
    Wall,
    /// Running up stairs.
    Stairs,
    /// In the air over a town.
    Fall,
    /// Swimming in all directions.
    Water,
    /// Standing still in towns.
    Stand,
}

const PLACES: [Place; 7] =
    [Place::Meadow, Place::Street, Place::Wall, Place::Stairs, Place::Fall, Place::Water, Place::Stand];

/// Characters that have settled: after a few steps they run, climb or swim.
fn crowd(place: Place) -> Vec<(Walker, Steering)> {
    let mut dice = Dice(7);
    let points = match place {
        Place::Meadow => &TOWN.meadows,
        Place::Street | Place::Fall | Place::Stand => &TOWN.streets,
        Place::Wall => &TOWN.walls,
        Place::Stairs => &TOWN.stairs,
        Place::Water => &TOWN.water,
    };
    let mut one = || {
        let mut walker = Walker::at(points[dice.below(points.len() as u64) as usize]);
        let yaw = match place {
            Place::Wall => dice.below(8_000).wrapping_sub(4_000) as u16,
            Place::Stairs => 0,
            _ => dice.next() as u16,
        };
        let run = if dice.below(2) == 0 { keys::RUN } else { 0 };
        let forward = if matches!(place, Place::Stand) { 0 } else { 127 };
        let steering = Steering { forward, yaw, keys: run, ..Steering::default() };
        if matches!(place, Place::Fall) {
            walker.point[2] += 1_000.0;
            walker.gait = Gait::Air as u8;
        }
        for _ in 0..16 + dice.below(16) {
            step(&TOWN.terrain, &Tuning::default(), &mut walker, &steering);
        }
        (walker, steering)
    };
    (0..COUNT).map(|_| one()).collect()
}

#[divan::bench(args = PLACES)]
fn cold(bencher: Bencher<'_, '_>, place: Place) {
    let crowd = crowd(place);
    bencher.counter(ItemsCount::new(COUNT)).with_inputs(|| crowd.clone()).bench_refs(|crowd| {
        for (walker, steering) in crowd {
            step(&TOWN.terrain, &Tuning::default(), walker, steering);
        }
    });
}

#[divan::bench(args = PLACES)]
fn warm(bencher: Bencher<'_, '_>, place: Place) {
    let crowd = crowd(place);
    bencher.counter(ItemsCount::new(COUNT)).bench(|| {
        for (walker, steering) in crowd.iter().take(COUNT / 100) {
            for _ in 0..100 {
                let mut walker = *divan::black_box(walker);
                step(&TOWN.terrain, &Tuning::default(), &mut walker, steering);
                divan::black_box(walker);
            }
        }
    });
}
