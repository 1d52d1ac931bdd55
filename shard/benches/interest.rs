//! Times of a rebuild and of a query of the interest grid: `cargo bench -p ringshard --bench interest`. No test depends on
//! them.

mod layouts;

use divan::{Bencher, black_box};
use layouts::Layout;
use ringshard::world::interest::{Difference, Grid, Query, Reach, Scratch};
use ringshard_world::Position;
use ringshard_world::character::EntityKind;

const COUNTS: [usize; 3] = [1_000, 5_000, 10_000];
const WANTED: usize = 64;

fn main() {
    divan::main();
}

fn rebuild(grid: &mut Grid, positions: &[Position]) {
    grid.rebuild(positions.iter().zip(0..).map(|(&position, index)| (index, position, EntityKind::Player as u8)));
}

#[divan::bench(args = Layout::ALL, consts = COUNTS)]
fn rebuilding<const COUNT: usize>(bencher: Bencher<'_, '_>, layout: Layout) {
    let positions = layout.places(COUNT, 1);
    let mut grid = Grid::new(COUNT, layouts::sights());
    bencher.bench_local(|| rebuild(&mut grid, black_box(&positions)));
}

/// One viewer after the other, each at the position of an entity, with the reach of its last query.
#[divan::bench(args = Layout::ALL, consts = COUNTS, sample_count = 20, sample_size = 10_000)]
fn nearest<const COUNT: usize>(bencher: Bencher<'_, '_>, layout: Layout) {
    let positions = layout.places(COUNT, 1);
    let mut grid = Grid::new(COUNT, layouts::sights());
    rebuild(&mut grid, &positions);
    let (mut scratch, mut out) = (Scratch::new(), Vec::with_capacity(WANTED));
    let mut reaches = vec![Reach::default(); COUNT];
    let mut viewers = (0..COUNT).cycle();
    let mut query = || {
        let viewer = viewers.next().expect("there is no end to them");
        let query = Query { from: positions[viewer], count: WANTED, turn: 0 };
        grid.nearest(&mut scratch, &query, &mut reaches[viewer], |index| usize::from(index) == viewer, &mut out);
        out.len()
    };
    (0..COUNT).for_each(|_| {
        query();
    });
    bencher.bench_local(query);
}

/// A viewer without a last query: it looks as far as anything is seen.
#[divan::bench(args = Layout::ALL, sample_count = 20, sample_size = 1_000)]
fn nearest_for_the_first_time(bencher: Bencher<'_, '_>, layout: Layout) {
    let positions = layout.places(10_000, 1);
    let mut grid = Grid::new(positions.len(), layouts::sights());
    rebuild(&mut grid, &positions);
    let (mut scratch, mut out) = (Scratch::new(), Vec::with_capacity(WANTED));
    let mut viewers = positions.iter().cycle();
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
