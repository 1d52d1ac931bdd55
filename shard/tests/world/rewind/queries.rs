//! Rays and spheres find exactly what a search of all entities finds.

use super::model::{Found, HITBOXES, Model, Spread, Tick, moved, new_sample, part, signed};
use crate::dice::Dice;
use ringshard::world::rewind::{History, NO_HITBOX, REWIND_TICKS_MAX, Sample};
use ringshard_world::{EntityId, Map, Position};

/// A ray that meets something often: it begins or ends near an entity.
fn random_ray(model: &Model, spread: Spread, dice: &mut Dice) -> ([[f32; 3]; 2], f32) {
    let map = &model.map;
    let newest = model.newest();
    let near = |dice: &mut Dice| match newest.values().nth(dice.below(newest.len().max(1))) {
        Some(sample) => map.point(sample.position).map(|along| along + 100.0 * signed(dice)),
        None => spread.point(map, dice),
    };
    let from = if dice.per_mille(700) { near(dice) } else { spread.point(map, dice) };
    let from = if dice.per_mille(30) { from.map(|along| along + 3e6 * signed(dice)) } else { from };
    let to = near(dice);
    let mut direction: [f32; 3] = std::array::from_fn(|axis| to[axis] - from[axis]);
    // Rays along the axes are those that divide by zero.
    for along in &mut direction {
        if dice.per_mille(100) {
            *along = [0.0, -0.0, 1e-30][dice.below(3)];
        }
    }
    let length = [50.0, 5_000.0, 1e6, f32::INFINITY][dice.below(4)];
    ([from, direction], length)
}

fn check_queries(model: &Model, spread: Spread, dice: &mut Dice) {
    let (oldest, newest) = (model.history.oldest().unwrap(), model.history.newest().unwrap());
    let at = match dice.below(4) {
        0 => dice.between(oldest as u32, newest as u32).into(),
        1 => newest as f64,
        _ => oldest as f64 - 2.0 + (newest - oldest + 4) as f64 * f64::from(part(dice)),
    };
    let past = model.history.at(at);
    assert_eq!(past.at(), model.clamped(at));

    let (ray, length) = random_ray(model, spread, dice);
    let refused = dice.below(3) as u16;
    let accept = |id: EntityId| id.index % 3 != refused;
    let mut asked = Vec::new();
    let hit = past.ray(ray[0], ray[1], length, |id| {
        asked.push(id);
        accept(id)
    });
    let found = hit.map(|hit| (hit.id, hit.pose, hit.distance));
    assert_eq!(found, model.ray(at, ray, length, accept), "{spread:?} at {at}: {ray:?} {length}");
    let asked_in_all = asked.len();
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked.len(), asked_in_all, "an entity is asked about once");

    let centre = ray[0];
    let radius = [0.0, 100.0, 3_000.0, 1e5, f32::INFINITY][dice.below(5)];
    let mut touched: Vec<Found> = Vec::new();
    past.sphere(centre, radius, |id, pose, distance| touched.push((id, pose, distance)));
    touched.sort_by_key(|(id, ..)| *id);
    assert_eq!(touched, model.sphere(at, centre, radius), "{spread:?} at {at}: {centre:?} {radius}");
}

#[test]
fn rays_and_spheres_agree_with_a_search_of_all_entities() {
    let mut hits = 0;
    for (seed, spread) in (0..6).flat_map(|seed| Spread::ALL.map(|spread| (seed, spread))) {
        let dice = &mut Dice::new(seed * 10 + spread as u64);
        let entities_max = [1, 17, 300, 600][dice.below(4)];
        let mut model = Model::new(entities_max);
        let mut entities = Tick::new();
        let mut tick = 0;
        for _ in 0..80 {
            tick += if dice.per_mille(100) { u64::from(dice.between(2, 20)) } else { 1 };
            moved(&mut entities, entities_max, &model.map, spread, dice);
            if dice.per_mille(10) {
                entities.clear();
            }
            model.record(tick, &entities);
            for _ in 0..3 {
                check_queries(&model, spread, dice);
            }
            let ([from, direction], _) = random_ray(&model, spread, dice);
            hits += usize::from(model.history.at(tick as f64).ray(from, direction, 1e6, |_| true).is_some());
        }
    }
    assert!(hits > 200, "rays meet something: {hits}");
}

#[test]
fn a_full_world_of_large_and_small_entities_agrees_with_a_search() {
    let dice = &mut Dice::new(5);
    let mut model = Model::new(65_536);
    for (tick, spread) in (1..).zip([Spread::Map, Spread::Crowd, Spread::Crowd]) {
        let mut entities: Tick = (0..=u16::MAX).map(|index| (index, new_sample(&model.map, spread, dice))).collect();
        // All leap from tick to tick, across the map.
        entities.values_mut().for_each(|sample| sample.generation = 1);
        model.record(tick, &entities);
    }
    for _ in 0..10 {
        check_queries(&model, Spread::Map, dice);
    }
}

/// An entity that stands there in the first of two ticks, and is elsewhere in the second.
fn standing(point: [f32; 3], map: &Map) -> Sample {
    Sample { position: map.quantise(point), generation: 1, hitbox: 0, ..Sample::NONE }
}

#[test]
fn a_shot_hits_where_the_entity_was_and_not_where_it_is() {
    let map = Map::default();
    let mut history = History::new(4, map, HITBOXES);
    for tick in 10..=20u64 {
        let there = standing([1_000.0 + 100.0 * tick as f32, 1_000.0, 100.0], &map);
        history.record(tick, [(3, there)].into_iter());
    }
    let shot = |at: f64, x: f32| history.at(at).ray([x, 500.0, 110.0], [0.0, 2.0, 0.0], 1_000.0, |_| true);
    let hit = shot(12.5, 2_250.0).expect("the middle between two ticks is where it was");
    assert_eq!((hit.id, hit.pose.point[0]), (EntityId { index: 3, generation: 1 }, 2_250.0));
    assert!((hit.distance - 470.0).abs() < 0.5 && (hit.point[1] - 970.0).abs() < 0.5, "{hit:?}");
    assert_eq!(shot(20.0, 2_250.0), None, "it is elsewhere at present");
    assert!(shot(99.0, 3_000.0).is_some() && shot(f64::NAN, 3_000.0).is_some(), "the future is the present");
    assert!(shot(-5.0, 2_000.0).is_some(), "before the first tick it stands where it stood first");
}

#[test]
fn of_entities_at_the_same_distance_the_lowest_index_is_hit() {
    let map = Map::default();
    let mut history = History::new(500, map, HITBOXES);
    let there = standing([1_000.0; 3], &map);
    history.record(1, (0..500).rev().map(|index| (index, there)));
    let past = history.at(1.0);
    let hit = past.ray([0.0, 1_000.0, 1_000.0], [1.0, 0.0, 0.0], 2_000.0, |id| id.index >= 123);
    assert_eq!(hit.expect("all are in the way").id.index, 123);
}

#[test]
fn rays_and_spheres_that_are_no_such_things_find_nothing() {
    let map = Map::default();
    let mut history = History::new(1, map, HITBOXES);
    let nothing = |history: &History, from, direction, length| {
        assert_eq!(history.at(1.0).ray(from, direction, length, |_| true), None);
    };
    let (from, ahead) = ([1_000.0, 1_000.0, 1_010.0], [1.0, 0.0, 0.0]);
    nothing(&history, from, ahead, 100.0);
    history.record(1, [(0, standing([1_000.0; 3], &map))].into_iter());
    assert!(history.at(1.0).ray(from, ahead, 100.0, |_| true).is_some());
    assert!(history.at(1.0).ray(from, [0.0, 0.0, f32::MAX], 0.0, |_| true).is_some());
    for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        nothing(&history, [1_000.0, wrong, 1_000.0], ahead, 100.0);
        nothing(&history, from, [1.0, wrong, 0.0], 100.0);
        history.at(1.0).sphere([wrong; 3], 1e9, |_, _, _| panic!("nothing is there"));
    }
    nothing(&history, from, [0.0; 3], 100.0);
    nothing(&history, from, ahead, -1.0);
    nothing(&history, from, ahead, f32::NAN);
    history.at(1.0).sphere(from, f32::NAN, |_, _, _| panic!("nothing is there"));
    history.at(1.0).sphere(from, -1.0, |_, _, _| panic!("nothing is there"));
}

#[test]
fn an_entity_without_a_hitbox_has_a_pose_and_is_never_hit() {
    let map = Map::default();
    let mut history = History::new(1, map, HITBOXES);
    let ghost = Sample { hitbox: NO_HITBOX, ..standing([1_000.0; 3], &map) };
    history.record(1, [(0, ghost)].into_iter());
    let past = history.at(1.0);
    assert!(past.sample(0, 1).is_some());
    assert_eq!(past.ray([1_000.0; 3], [1.0, 0.0, 0.0], 10.0, |_| true), None);
    past.sphere([1_000.0; 3], 1e6, |_, _, _| panic!("it has no hitbox"));
}

#[test]
fn a_query_may_run_inside_another() {
    let map = Map::default();
    let mut history = History::new(2, map, HITBOXES);
    for tick in 1..=60u64 {
        history.record(tick, [(0, standing([1_000.0; 3], &map))].into_iter());
    }
    let ray = |at: f64, accept: &mut dyn FnMut(EntityId) -> bool| {
        history.at(at).ray([900.0, 1_000.0, 1_010.0], [1.0, 0.0, 0.0], 500.0, accept).is_some()
    };
    // The inner queries need more trees than there are: that of the outer one stays.
    let mut inner = 0;
    assert!(ray(60.0, &mut |_| {
        inner = (1..60u64).filter(|&tick| ray(tick as f64, &mut |_| true)).count();
        true
    }));
    assert_eq!(inner, 59);
    assert!(ray(60.0, &mut |_| true));
}

#[test]
fn a_pair_of_ticks_has_one_tree_however_often_it_is_queried() {
    let map = Map::default();
    let mut history = History::new(8, map, HITBOXES);
    history.record(1, std::iter::empty());
    for tick in 2..200u64 {
        history.record(tick, [(0, standing([1_000.0; 3], &map))].into_iter());
        for back in 0..30 {
            let past = history.at(tick as f64 - f64::from(back) / 2.0);
            past.sphere([1_000.0; 3], 1.0, |_, _, _| ());
        }
        assert!(history.trees_built() <= tick, "at tick {tick}: {} trees", history.trees_built());
    }
}

#[test]
fn a_tick_leaves_the_history_after_64_ticks() {
    let map = Map::default();
    let mut history = History::new(1, map, HITBOXES);
    assert_eq!((history.oldest(), history.newest()), (None, None));
    for tick in 1..=200u64 {
        history.record(tick * 3, [(0, standing([tick as f32, 0.0, 0.0], &map))].into_iter());
        let oldest = (tick * 3).saturating_sub(REWIND_TICKS_MAX as u64 - 1).max(1).div_ceil(3) * 3;
        assert_eq!((history.oldest(), history.newest()), (Some(oldest), Some(tick * 3)));
        assert_eq!(history.at(0.0).at(), oldest as f64);
    }
}

#[test]
fn an_entity_at_the_last_step_of_the_widest_map_is_found() {
    let map = Map::new([1e6, 1e6], [32_768, 32_768, 1], [1, 1, 1]).unwrap();
    let mut history = History::new(1, map, HITBOXES);
    let last = (1 << 31) - 1;
    let far = Sample { position: Position { x: last, y: last, z: 0 }, generation: 9, hitbox: 1, ..Sample::NONE };
    history.record(u64::from(u32::MAX) + 7, [(0, far)].into_iter());
    let past = history.at(f64::INFINITY);
    let pose = past.sample(0, 9).unwrap();
    assert!(past.ray([0.0, 0.0, 100.0], [1.0, 1.0, 0.0], f32::INFINITY, |_| true).is_some());
    let mut found = 0;
    past.sphere(pose.point, 1.0, |_, _, _| found += 1);
    assert_eq!(found, 1);
}
