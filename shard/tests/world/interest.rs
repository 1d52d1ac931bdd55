//! The interest grid finds the entities that brute force finds, and looks at no more candidates than it may.

#[path = "../../benches/layouts/mod.rs"]
mod layouts;

use layouts::Layout;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard::world::interest::{
    CANDIDATES_MAX, CLASSES, COUNT_MAX, Counters, Grid, LOOKS_MAX, Query, RADIUS_STEPS_MAX, Reach, Scratch, Sight,
};
use ringshard_world::Position;
use ringshard_world::limits::WORLD_ENTITIES_MAX;

/// The position and class of an entity. Its index is its position in a list.
type Entity = (Position, u8);

struct World {
    sights: [Sight; CLASSES],
    entities: Vec<Entity>,
    grid: Grid,
    scratch: Scratch,
    out: Vec<u16>,
}

impl World {
    fn new(sights: [Sight; CLASSES], entities: Vec<Entity>) -> Self {
        let grid = Grid::new(entities.len(), sights);
        let mut world = World { sights, entities, grid, scratch: Scratch::new(), out: Vec::with_capacity(256) };
        world.rebuild();
        world
    }

    fn rebuild(&mut self) {
        self.grid.rebuild(self.entities.iter().zip(0..=u16::MAX).map(|(&(place, class), index)| (index, place, class)));
    }

    fn nearest(&mut self, query: &Query, reach: &mut Reach, excluded: impl Fn(u16) -> bool) -> &[u16] {
        self.grid.nearest(&mut self.scratch, query, reach, excluded, &mut self.out);
        &self.out
    }

    /// The sort key of an entity that is visible from there.
    fn key(&self, from: Position, index: u16) -> Option<u128> {
        let (at, class) = self.entities[usize::from(index)];
        let Sight { radius_steps, weight_log2 } = self.sights[usize::from(class)];
        let square: u128 = [(at.x, from.x), (at.y, from.y), (at.z, from.z)]
            .map(|(a, b)| u128::from(a.abs_diff(b)).pow(2))
            .iter()
            .sum();
        (square <= u128::from(radius_steps).pow(2)).then_some(square >> weight_log2)
    }

    /// Queries the grid and compares with brute force, unless the query was cut short.
    fn check(&mut self, query: Query, reach: &mut Reach, excluded: impl Fn(u16) -> bool) {
        let cut_short = self.scratch.counters.cut_short;
        let mut found = self.nearest(&query, reach, &excluded).to_vec();
        let mut keys: Vec<u128> =
            found.iter().map(|&index| self.key(query.from, index).expect("only visible entities are found")).collect();
        keys.sort_unstable();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), keys.len(), "an entity was found twice");
        assert!(!found.iter().any(|&index| excluded(index)));
        if self.scratch.counters.cut_short == cut_short {
            let indices = (0..self.entities.len()).map(|index| index as u16).filter(|&index| !excluded(index));
            let mut all: Vec<u128> = indices.filter_map(|index| self.key(query.from, index)).collect();
            all.sort_unstable();
            all.truncate(query.count);
            assert_eq!(keys, all, "{query:?}");
        }
    }
}

impl World {
    /// Queries the grid for the entities that are there, and compares query and box with brute force.
    fn check_among(&mut self, query: Query, there: &[bool]) {
        let mut all = Vec::new();
        self.grid.in_box(Position::default(), Position { x: !0, y: !0, z: !0 }, |index| all.push(index));
        all.sort_unstable();
        let indices = (0..there.len()).filter(|&index| there[index]).map(|index| index as u16);
        assert_eq!(all, indices.collect::<Vec<_>>());
        let found = self.nearest(&query, &mut Reach::default(), |_| false).to_vec();
        assert!(found.iter().all(|&index| there[usize::from(index)]), "an entity was found that is not there");
        self.check(query, &mut Reach::default(), |index| !there[usize::from(index)]);
    }
}

fn entities(places: Vec<Position>, random: &mut impl Rng) -> Vec<Entity> {
    places.into_iter().map(|place| (place, (random.next_u32() % 9) as u8)).collect()
}

/// Steps up to `steps` on each axis, in either direction.
fn moved(place: Position, steps: u32, random: &mut impl Rng) -> Position {
    let mut along = |at: u32| {
        let by = random.next_u32() % (2 * steps + 1);
        at.saturating_add(by).saturating_sub(steps)
    };
    Position { x: along(place.x), y: along(place.y), z: along(place.z) }
}

#[test]
fn the_grid_finds_what_brute_force_finds() {
    for (layout, seed) in Layout::ALL.into_iter().zip(1..) {
        for count in [1, 15, 16, 17, 300, 5_000] {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let entities = entities(layout.places(count, seed), random);
            let mut world = World::new(layouts::sights(), entities);
            for _ in 0..40 {
                let viewer = random.next_u32() as usize % count;
                let mut reach = Reach::default();
                let mut from = world.entities[viewer].0;
                for turn in 0..4 {
                    let query = Query { from, count: [1, 7, 64][random.next_u32() as usize % 3], turn };
                    world.check(query, &mut reach, |index| usize::from(index) == viewer);
                    from = moved(from, 100 << (6 * turn), random);
                }
            }
            // From outside a swarm, many boxes are equally far away.
            let allowed = if layout == Layout::Swarm { 8 } else { 0 };
            let cut_short = world.scratch.counters.cut_short;
            assert!(cut_short <= allowed, "{layout:?} of {count}: {cut_short} were cut short");
            // A large count among many excluded entities may exceed the limit of candidates.
            for turn in 0..40 {
                let from = world.entities[random.next_u32() as usize % count].0;
                let query = Query { from, count: COUNT_MAX, turn };
                world.check(query, &mut Reach::default(), |index| index % 4 < turn as u16 % 4);
            }
            let cut_short = world.scratch.counters.cut_short;
            assert!(cut_short <= 30, "{layout:?} of {count}: {cut_short} were cut short");
        }
    }
}

#[test]
fn a_box_has_exactly_the_entities_that_brute_force_finds() {
    for (layout, seed) in Layout::ALL.into_iter().zip(1..) {
        for count in [1, 16, 17, 3_000] {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let entities = entities(layout.places(count, seed), random);
            let mut world = World::new(layouts::sights(), entities);
            for number in 0..60 {
                // Some boxes have an entity exactly on a border, some are empty, some are upside down.
                let place = |random: &mut ChaCha8Rng| world.entities[random.next_u32() as usize % count].0;
                let (low, high) = (place(random), moved(place(random), 1 << (number % 20), random));
                let mut found = Vec::new();
                world.grid.in_box(low, high, |index| found.push(index));
                found.sort_unstable();
                let within = |at: &Position| {
                    (low.x..=high.x).contains(&at.x)
                        && (low.y..=high.y).contains(&at.y)
                        && (low.z..=high.z).contains(&at.z)
                };
                let all = world.entities.iter().zip(0..=u16::MAX).filter(|((at, _), _)| within(at));
                assert_eq!(found, all.map(|(_, index)| index).collect::<Vec<_>>(), "{layout:?} {low:?} {high:?}");
            }
            world.entities.clear();
            world.rebuild();
            world.grid.in_box(Position::default(), Position { x: !0, y: !0, z: !0 }, |index| panic!("{index} is gone"));
        }
    }
}

/// Entities walk, leap, change their class, appear and disappear. The grid follows, whether it has just been sorted or not.
#[test]
fn a_grid_that_is_updated_finds_what_brute_force_finds() {
    for (layout, seed) in Layout::ALL.into_iter().zip(1..) {
        for count in [1, 17, 900] {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let mut below = |end: usize| random.next_u32() as usize % end;
            let leaps = Layout::Uniform.places(count, seed + 9);
            let mut world = World::new(layouts::sights(), Vec::new());
            world.grid = Grid::new(count, layouts::sights());
            world.entities = layout.places(count, seed).into_iter().map(|place| (place, 0)).collect();
            let mut there = vec![false; count];
            for tick in 0..200 {
                let mut changed = vec![false; count];
                // Sometimes all at once, and sometimes hardly anything.
                for _ in 0..[0, 1, count / 8 + 1, 2 * count][below(4)] {
                    let index = below(count);
                    changed[index] = true;
                    match below(8) {
                        0 | 1 => there[index] = !there[index],
                        2 => world.entities[index].1 = below(9) as u8,
                        3 => world.entities[index].0 = leaps[index],
                        _ => world.entities[index].0.x = world.entities[index].0.x.wrapping_add(below(300) as u32),
                    }
                }
                let changed: Vec<u16> = (0..count).filter(|&index| changed[index]).map(|index| index as u16).collect();
                let entities = &world.entities;
                world.grid.update(&changed, |index| {
                    let at = usize::from(index);
                    there[at].then(|| entities[at])
                });
                if tick % 5 == 0 {
                    let query =
                        Query { from: world.entities[below(count)].0, count: [1, 30, 64][below(3)], turn: tick };
                    world.check_among(query, &there);
                }
            }
            let cut_short = world.scratch.counters.cut_short;
            assert!(cut_short <= 4, "{layout:?} of {count}: {cut_short} were cut short");
        }
    }
}

#[test]
fn among_ten_thousand_one_look_is_enough_and_rarely_cut_short() {
    for layout in Layout::ALL {
        let players = layout.places(10_000, 5).into_iter().map(|place| (place, 0)).collect();
        let mut world = World::new(layouts::sights(), players);
        let mut reaches = vec![Reach::default(); 10_000];
        let random = &mut ChaCha8Rng::seed_from_u64(6);
        for turn in 0..3 {
            for (viewer, reach) in reaches.iter_mut().enumerate().step_by(7) {
                let query = Query { from: world.entities[viewer].0, count: 64, turn };
                world.nearest(&query, reach, |index| usize::from(index) == viewer);
            }
            for (place, _) in &mut world.entities {
                *place = moved(*place, 30, random);
            }
            world.rebuild();
        }
        let Counters { queries, looks, candidates, cut_short } = world.scratch.counters;
        // Ten thousand entities within a quarter of a metre are too many.
        assert!(cut_short * 100 <= if layout == Layout::Point { queries } else { 0 }, "{layout:?}: {cut_short}");
        assert!(looks * 100 <= queries * 102, "{layout:?}: {looks} looks for {queries} queries");
        assert!(candidates <= queries * 512, "{layout:?}: {candidates} candidates for {queries} queries");
    }
}

#[test]
fn weights_and_radii_of_every_size_are_respected() {
    for seed in 0..20 {
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        let sights = [0; CLASSES].map(|_| Sight {
            radius_steps: (random.next_u32() & RADIUS_STEPS_MAX) >> (random.next_u32() % 24),
            weight_log2: (random.next_u32() % 6) as u8,
        });
        let layout = Layout::ALL[seed as usize % Layout::ALL.len()];
        let mut world = World::new(sights, entities(layout.places(700, seed), random));
        let mut reach = Reach::default();
        for turn in 0..50 {
            let near = world.entities[random.next_u32() as usize % 700].0;
            let query = Query { from: moved(near, 3_000, random), count: 20, turn };
            world.check(query, &mut reach, |_| false);
        }
    }
}

#[test]
fn few_entities_with_a_large_radius_are_found_among_many_with_a_small_one() {
    let mut sights = layouts::sights();
    sights[1].radius_steps = 100;
    for one_in in [20, 200] {
        let places = Layout::Uniform.places(20_000, 3).into_iter();
        let class = |number: usize| if number.is_multiple_of(one_in) { 3 } else { 1 };
        let mut world = World::new(sights, places.enumerate().map(|(number, place)| (place, class(number))).collect());
        for viewer in (1..20_000).step_by(999) {
            for count in [8, 64] {
                let query = Query { from: world.entities[viewer].0, count, turn: 0 };
                world.check(query, &mut Reach::default(), |_| false);
            }
        }
        let Counters { queries, cut_short, .. } = world.scratch.counters;
        assert!(cut_short <= if one_in == 20 { 0 } else { queries }, "{cut_short} of {queries}");
    }
}

#[test]
fn the_edges_of_the_coordinates_are_no_exception() {
    let edges = [0, 1, 1 << 16, (1 << 31) - 1, 1 << 31, u32::MAX - 70_000, u32::MAX - 1, u32::MAX];
    let mut sights = layouts::sights();
    sights[0].radius_steps = RADIUS_STEPS_MAX;
    for seed in 0..20 {
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        let mut edge = || edges[random.next_u32() as usize % edges.len()];
        let corners: Vec<Position> = (0..600).map(|_| Position { x: edge(), y: edge(), z: edge() }).collect();
        let places = corners.iter().map(|&corner| moved(corner, 2_000, random)).collect();
        let mut world = World::new(sights, entities(places, random));
        let mut reach = Reach::default();
        for (turn, from) in (0..).zip(corners).take(100) {
            world.check(Query { from, count: 10, turn }, &mut reach, |_| false);
        }
        assert_eq!(world.scratch.counters.cut_short, 0);
    }
}

#[test]
fn an_entity_is_visible_up_to_its_radius_and_no_step_further() {
    let at = Position { x: 1 << 20, y: 1 << 20, z: 1 << 10 };
    let mut sights = layouts::sights();
    sights[3].radius_steps = RADIUS_STEPS_MAX;
    for class in 0..9 {
        let mut world = World::new(sights, vec![(at, class)]);
        let radius = sights[usize::from(class)].radius_steps;
        for (steps, seen) in [(0, true), (radius, true), (radius + 1, false), (u32::MAX - at.x, false)] {
            let query = Query { from: Position { x: at.x + steps, ..at }, count: 1, turn: 0 };
            assert_eq!(world.nearest(&query, &mut Reach::default(), |_| false).len(), usize::from(seen));
        }
    }
}

#[test]
fn a_fourfold_weight_counts_like_half_the_distance() {
    let mut sights = layouts::sights();
    sights[1].weight_log2 = 2;
    let at = |x: u32| Position { x, y: 0, z: 0 };
    let mut world = World::new(sights, vec![(at(1_000), 0), (at(1_998), 1), (at(2_100), 1), (at(1_060), 0)]);
    let query = Query { from: at(0), count: 3, turn: 0 };
    let mut found = world.nearest(&query, &mut Reach::default(), |_| false).to_vec();
    found.sort_unstable();
    assert_eq!(found, [0, 1, 2]);
}

#[test]
fn an_empty_grid_finds_nothing_and_a_rebuild_forgets() {
    let mut grid = Grid::new(3, layouts::sights());
    let (mut scratch, mut out, mut reach) = (Scratch::new(), vec![9], Reach::default());
    let from = Position { x: 5, y: 5, z: 5 };
    let query = Query { from, count: 64, turn: 0 };
    grid.nearest(&mut scratch, &query, &mut reach, |_| false, &mut out);
    assert!(out.is_empty());
    grid.rebuild([(7, from, 0), (8, from, 0), (65_535, from, 0)].into_iter());
    grid.nearest(&mut scratch, &query, &mut reach, |index| index == 8, &mut out);
    out.sort_unstable();
    assert_eq!(out, [7, 65_535]);
    grid.rebuild([].into_iter());
    grid.nearest(&mut scratch, &query, &mut reach, |_| false, &mut out);
    assert!(out.is_empty());
}

#[test]
fn a_full_world_at_one_point_stays_within_the_limits_and_every_entity_gets_a_turn() {
    for (count, turns) in [(WORLD_ENTITIES_MAX, 200), (10_000, 20_000)] {
        let point = Layout::Point.places(count, 1);
        let mut world = World::new(layouts::sights(), point.into_iter().map(|place| (place, 0)).collect());
        let from = world.entities[0].0;
        let mut seen = vec![false; count];
        let mut reach = Reach::default();
        for turn in 0..turns {
            let found = world.nearest(&Query { from, count: 64, turn }, &mut reach, |_| false);
            assert_eq!(found.len(), 64);
            found.iter().for_each(|&index| seen[usize::from(index)] = true);
        }
        let missed = seen.iter().filter(|&&seen| !seen).count();
        assert!(missed == 0 || count == WORLD_ENTITIES_MAX, "{missed} entities never got a turn");
        let Counters { queries, looks, candidates, cut_short } = world.scratch.counters;
        assert_eq!((looks, cut_short), (queries, 0), "an entity as near as the farthest found is not nearer");
        assert!(candidates <= queries * CANDIDATES_MAX as u64);
    }
}

#[test]
fn a_query_without_a_result_stays_within_the_limits() {
    for layout in [Layout::Point, Layout::Crowd, Layout::Swarm] {
        let players = layout.places(30_000, 1).into_iter().map(|place| (place, 0)).collect();
        let mut world = World::new(layouts::sights(), players);
        for viewer in (1..30_000).step_by(1_111) {
            let query = Query { from: world.entities[viewer].0, count: 64, turn: 0 };
            let before = world.scratch.counters;
            assert!(world.nearest(&query, &mut Reach::default(), |_| true).is_empty());
            let after = world.scratch.counters;
            assert!(after.candidates - before.candidates <= (LOOKS_MAX * CANDIDATES_MAX) as u64);
            assert_eq!(after.cut_short, before.cut_short + 1, "a query that is cut short is counted");
        }
    }
}

#[test]
fn a_viewer_that_leaps_finds_its_new_neighbours() {
    let mut places = Layout::Crowd.places(9_000, 1);
    places.extend(Layout::Uniform.places(1_000, 2));
    let mut world = World::new(layouts::sights(), places.into_iter().map(|place| (place, 0)).collect());
    let mut reach = Reach::default();
    for turn in 0..60 {
        let viewer = if turn % 2 == 0 { 100 * turn } else { 9_000 + 10 * turn };
        let from = world.entities[viewer as usize].0;
        world.check(Query { from, count: 64, turn }, &mut reach, |_| false);
    }
    assert_eq!(world.scratch.counters.cut_short, 0);
}
