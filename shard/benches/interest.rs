//! Time of a rebuild, and of a viewer's query: `cargo bench -p ringshard --bench interest`. No test depends on it.

mod layouts;

use divan::{Bencher, black_box};
use layouts::Layout;
use ringshard::world::interest::{Difference, Grid, Query, Reach, Scratch};
use ringshard_world::{EntityKind, Position};

const COUNTS: [usize; 3] = [1_000, 5_000, 10_000];
const WANTED: usize = 64;

fn main() {
    divan::main();
}

fn rebuild(grid: &mut Grid, places: &[Position]) {
    grid.rebuild(places.iter().zip(0..).map(|(&place, index)| (index, place, EntityKind::Player as u8)));
}

#[divan::bench(args = Layout::ALL, consts = COUNTS)]
fn rebuilding<const COUNT: usize>(bencher: Bencher<'_, '_>, layout: Layout) {
    let places = layout.places(COUNT, 1);
    let mut grid = Grid::new(COUNT, layouts::sights());
    bencher.bench_local(|| rebuild(&mut grid, black_box(&places)));
}

/// One viewer after the other, each where an entity is, with the reach it had last time.
#[divan::bench(args = Layout::ALL, consts = COUNTS, sample_count = 20, sample_size = 10_000)]
fn nearest<const COUNT: usize>(bencher: Bencher<'_, '_>, layout: Layout) {
    let places = layout.places(COUNT, 1);
    let mut grid = Grid::new(COUNT, layouts::sights());
    rebuild(&mut grid, &places);
    let (mut scratch, mut out) = (Scratch::new(), Vec::with_capacity(WANTED));
    let mut reaches = vec![Reach::default(); COUNT];
    let mut viewers = (0..COUNT).cycle();
    let mut query = || {
        let viewer = viewers.next().expect("there is no end to them");
        let query = Query { from: places[viewer], count: WANTED, turn: 0 };
        grid.nearest(&mut scratch, &query, &mut reaches[viewer], |index| usize::from(index) == viewer, &mut out);
        out.len()
    };
    (0..COUNT).for_each(|_| {
        query();
    });
    bencher.bench_local(query);
}

/// As a viewer that has just come: it looks as far as anything is seen.
#[divan::bench(args = Layout::ALL, sample_count = 20, sample_size = 1_000)]
fn nearest_for_the_first_time(bencher: Bencher<'_, '_>, layout: Layout) {
    let places = layout.places(10_000, 1);
    let mut grid = Grid::new(places.len(), layouts::sights());
    rebuild(&mut grid, &places);
    let (mut scratch, mut out) = (Scratch::new(), Vec::with_capacity(WANTED));
    let mut viewers = places.iter().cycle();
    bencher.bench_local(|| {
        let from = *viewers.next().expect("there is no end to them");
        let query = Query { from, count: WANTED, turn: 0 };
        grid.nearest(&mut scratch, &query, &mut Reach::default(), |_| false, &mut out);
        out.len()
    });
}

#[divan::bench]
fn difference(bencher: Bencher<'_, '_>) {
    let mut difference = Difference::new();
    let (mut entering, mut leaving) = (Vec::with_capacity(WANTED), Vec::with_capacity(WANTED));
    let current: Vec<u16> = (0..64).map(|n| n * 1000).collect();
    let wanted: Vec<u16> = (4..68).map(|n| n % 66 * 1000).collect();
    bencher.bench_local(|| {
        difference.compare(black_box(&current).iter().copied(), &wanted, &mut entering, &mut leaving);
    });
}
