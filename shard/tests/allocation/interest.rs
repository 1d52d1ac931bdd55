//! The interest grid does not allocate.

use crate::layouts::{self, Layout};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard::world::interest::{Difference, Grid, Query, Reach, Scratch};

#[test]
fn rebuilds_and_queries_do_not_allocate() {
    for layout in Layout::ALL {
        let random = &mut ChaCha8Rng::seed_from_u64(1);
        let places = layout.places(10_000, 1).into_iter();
        let entities: Vec<_> = places.map(|place| (place, (random.next_u32() % 9) as u8)).collect();
        let mut grid = Grid::new(entities.len(), layouts::sights());
        let (mut scratch, mut difference) = (Scratch::new(), Difference::new());
        let (mut out, mut set) = (Vec::with_capacity(64), Vec::with_capacity(64));
        let (mut entering, mut leaving) = (Vec::with_capacity(64), Vec::with_capacity(64));
        let calls = allocation_counter::measure(|| {
            for count in [10_000, 1, 9_999] {
                grid.rebuild(
                    entities[..count].iter().zip(0..=u16::MAX).map(|(&(place, class), index)| (index, place, class)),
                );
                for (turn, &(from, _)) in (0..).zip(entities.iter().step_by(100)) {
                    let query = Query { from, count: 64, turn };
                    grid.nearest(&mut scratch, &query, &mut Reach::default(), |_| false, &mut out);
                    difference.compare(set.iter().copied(), &out, &mut entering, &mut leaving);
                    std::mem::swap(&mut set, &mut out);
                }
            }
        });
        assert_eq!(calls.count_total, 0, "{layout:?}");
    }
}
