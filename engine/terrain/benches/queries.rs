//! Rays and lines of sight of characters in towns. Each item is one query; they are in random order, so that their data is
//! not in the cache.
//!
//! ```sh
//! cargo bench -p ringshard-terrain --bench queries
//! ```

mod town;

use divan::Bencher;
use divan::counter::ItemsCount;
use ringshard_terrain::Ray;
use std::sync::LazyLock;
use town::{Dice, Town, town};

const COUNT: usize = 10_000;
const EYE: f32 = 165.0;

static TOWN: LazyLock<Town> = LazyLock::new(town);

fn main() {
    divan::main();
}

/// The eyes of two characters that are at most so far apart.
fn pairs(reach: f32) -> Vec<([f32; 3], [f32; 3])> {
    let mut dice = Dice(2);
    let eye = |[x, y, z]: [f32; 3]| [x, y, z + EYE];
    let from = (0..COUNT).map(|_| TOWN.streets[dice.below(TOWN.streets.len() as u64) as usize]).collect::<Vec<_>>();
    let pair = |from: [f32; 3]| {
        let [x, y] = [from[0] + dice.between(-reach, reach), from[1] + dice.between(-reach, reach)];
        (eye(from), eye([x, y, TOWN.terrain.height(x, y)]))
    };
    from.into_iter().map(pair).collect()
}

fn rays(reach: f32) -> Vec<Ray> {
    let ray = |(from, to): ([f32; 3], [f32; 3])| {
        let direction: [f32; 3] = std::array::from_fn(|axis| to[axis] - from[axis]);
        Ray { from, direction, max: reach }
    };
    pairs(reach).into_iter().map(ray).collect()
}

#[divan::bench(args = [500.0, 2_000.0, 8_000.0])]
fn sees(bencher: Bencher<'_, '_>, reach: f32) {
    let pairs = pairs(reach);
    bencher
        .counter(ItemsCount::new(COUNT))
        .bench(|| pairs.iter().filter(|(from, to)| TOWN.terrain.sees(*from, *to)).count());
}

#[divan::bench(args = [500.0, 2_000.0, 8_000.0])]
fn ray(bencher: Bencher<'_, '_>, reach: f32) {
    let rays = rays(reach);
    bencher
        .counter(ItemsCount::new(COUNT))
        .bench(|| rays.iter().filter_map(|ray| TOWN.terrain.ray(ray.from, ray.direction, ray.max)).count());
}

#[divan::bench(args = [500.0, 2_000.0, 8_000.0])]
fn sees_all(bencher: Bencher<'_, '_>, reach: f32) {
    let pairs: Vec<_> = pairs(reach).into_iter().map(|(from, to)| [from, to]).collect();
    let mut seen = vec![false; COUNT];
    bencher.counter(ItemsCount::new(COUNT)).bench_local(|| TOWN.terrain.sees_all(&pairs, &mut seen));
}

#[divan::bench(args = [500.0, 2_000.0, 8_000.0])]
fn rays_at_once(bencher: Bencher<'_, '_>, reach: f32) {
    let rays = rays(reach);
    let mut impacts = vec![None; COUNT];
    bencher.counter(ItemsCount::new(COUNT)).bench_local(|| TOWN.terrain.rays(&rays, &mut impacts));
}
