//! Bodies: casts, overlaps, and places where characters can stand.

use crate::dice::Dice;
use crate::model::{EDGE, cross, dot, facets, minus, random_plan};
use ringshard_terrain::file::{VolumeKind, VolumePlan};
use ringshard_terrain::movement::{Gait, Steering, Tuning, Walker, step};
use ringshard_terrain::queries::Body;
use ringshard_terrain::{Plan, Surface, Terrain};

/// The distance of a point from a triangle, in 64 bits.
fn distance(point: [f64; 3], [a, b, c]: [[f64; 3]; 3]) -> f64 {
    let length = |way: [f64; 3]| dot(way, way).sqrt();
    let edge = |from: [f64; 3], to: [f64; 3]| {
        let way = minus(to, from);
        let part = if dot(way, way) == 0.0 { 0.0 } else { dot(minus(point, from), way) / dot(way, way) };
        let part = part.clamp(0.0, 1.0);
        length(minus(point, std::array::from_fn(|axis| from[axis] + way[axis] * part)))
    };
    let least = edge(a, b).min(edge(b, c)).min(edge(c, a));
    let normal = cross(minus(b, a), minus(c, a));
    let is_left = |from: [f64; 3], to: [f64; 3]| dot(cross(minus(to, from), minus(point, from)), normal) >= 0.0;
    if length(normal) > 0.0 && is_left(a, b) && is_left(b, c) && is_left(c, a) {
        least.min(dot(minus(point, a), normal).abs() / length(normal))
    } else {
        least
    }
}

fn bodies(dice: &mut Dice) -> Body {
    let radius = dice.between(5.0, 60.0);
    match dice.below(3) {
        0 => Body::Ball { radius },
        1 => Body::Capsule { radius, half_height: radius + dice.between(0.0, 80.0) },
        _ => Body::Box { half: dice.point([5.0; 3], [60.0; 3]), yaw: dice.next() as u16 },
    }
}

#[test]
fn a_ball_overlaps_what_is_nearer_than_its_radius() {
    let mut dice = Dice(21);
    let terrain = Terrain::of(&random_plan(&mut dice, 40)).unwrap();
    let facets = facets(&terrain);
    let mut overlaps = 0;
    for _ in 0..400 {
        let at = dice.point([0.0, 0.0, 0.0], [EDGE, EDGE, 300.0]);
        let radius = dice.between(1.0, 100.0);
        let from = at.map(f64::from);
        let nearest = facets.iter().map(|(corners, _)| distance(from, *corners)).fold(f64::INFINITY, f64::min);
        let found = terrain.overlaps(Body::Ball { radius }, at);
        let is_under = at[2] < terrain.height(at[0], at[1]);
        if (nearest - f64::from(radius)).abs() > 0.01 {
            assert_eq!(found, is_under || nearest < f64::from(radius), "{at:?} {radius} {nearest}");
        }
        overlaps += usize::from(found);
        // Each triangle is named once, and is really near.
        let mut named = Vec::new();
        terrain.each_overlap(Body::Ball { radius }, at, |surface| named.push(surface));
        for (number, surface) in named.iter().enumerate() {
            if let Surface::Triangle(triangle) = surface {
                assert!(!named[..number].contains(surface), "it is named once");
                let corners = terrain.columns().triangles[*triangle as usize].map(|it| it.map(f64::from));
                assert!(distance(from, corners) < f64::from(radius) + 0.01);
            }
        }
    }
    assert!((100..350).contains(&overlaps), "{overlaps}");
}

#[test]
fn a_cast_stops_where_the_body_first_touches_something() {
    let mut dice = Dice(22);
    let terrain = Terrain::of(&random_plan(&mut dice, 40)).unwrap();
    let (mut hits, mut misses) = (0, 0);
    while hits + misses < 300 {
        let body = bodies(&mut dice);
        let from = dice.point([100.0, 100.0, 130.0], [EDGE - 100.0, EDGE - 100.0, 500.0]);
        let reach = dice.between(10.0, 900.0);
        let to: [f32; 3] = std::array::from_fn(|axis| from[axis] + dice.between(-reach, reach));
        if terrain.overlaps(body, from) {
            assert_eq!(terrain.cast(body, from, to).map(|impact| impact.distance), Some(0.0));
            continue;
        }
        let way: [f32; 3] = std::array::from_fn(|axis| to[axis] - from[axis]);
        let length = way.iter().map(|along| along * along).sum::<f32>().sqrt();
        let at = |distance: f32| std::array::from_fn(|axis| from[axis] + way[axis] * (distance / length));
        let impact = terrain.cast(body, from, to);
        let free = impact.map_or(length, |impact| impact.distance);
        for number in 0..20 {
            let before = at((free - 0.1) * number as f32 / 19.0);
            // Where the centre is under ground, it has passed a surface.
            assert!(free < 0.1 || !terrain.overlaps(body, before), "{body:?} {from:?} {to:?} {impact:?} {number}");
        }
        if let Some(impact) = impact {
            let approach: f32 = (0..3).map(|axis| impact.normal[axis] * way[axis]).sum::<f32>() / length;
            assert!(approach < 0.01, "its normal is against the way: {impact:?}");
            // The more slanting the way, the longer until it is clearly inside.
            let beyond = at(impact.distance + 0.05 + 0.05 / approach.abs().max(0.01));
            assert!(terrain.overlaps(body, beyond), "{body:?} {from:?} {to:?} {impact:?}");
            hits += 1;
        } else {
            misses += 1;
        }
    }
    assert!(hits > 80 && misses > 40, "{hits} hits, {misses} misses");
}

#[test]
fn a_ball_hits_a_wall_a_radius_before_it() {
    let mut plan = Plan::flat([1_600.0, 800.0], [2, 2, 1], [1, 1, 1]);
    plan.add_box([1_000.0, 0.0, 0.0], [1_010.0, 3_000.0, 300.0]);
    let terrain = Terrain::of(&plan).unwrap();
    let from = [200.0, 1_000.0, 100.0];
    for body in [
        Body::Ball { radius: 50.0 },
        Body::Capsule { radius: 50.0, half_height: 90.0 },
        Body::Box { half: [50.0, 20.0, 90.0], yaw: 0 },
        Body::Box { half: [20.0, 50.0, 90.0], yaw: 1 << 14 },
    ] {
        let impact = terrain.cast(body, from, [3_000.0, 1_000.0, 100.0]).unwrap();
        assert!((impact.distance - 750.0).abs() < 0.1, "{body:?} {impact:?}");
        assert!(impact.normal[0] < -0.999 && (impact.point[0] - 1_000.0).abs() < 0.1, "{body:?} {impact:?}");
        assert!(matches!(impact.surface, Surface::Triangle(_)));
        assert_eq!(terrain.cast(body, from, [900.0, 1_000.0, 100.0]), None);
        let down = terrain.cast(body, [200.0, 1_000.0, 500.0], [200.0, 1_000.0, -500.0]).unwrap();
        assert_eq!(down.surface, Surface::Ground);
        assert!(down.point[2].abs() < 0.1 && down.normal[2] > 0.999, "{body:?} {down:?}");
    }
}

#[test]
fn whatever_the_numbers_are_a_cast_ends() {
    let mut dice = Dice(23);
    let terrain = Terrain::of(&random_plan(&mut dice, 20)).unwrap();
    let numbers = [0.0, -0.0, 1.0, -1.0, 1e-38, 1e30, -1e30, f32::MAX, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    let number = |dice: &mut Dice| match dice.below(3) {
        0 => numbers[dice.below(numbers.len() as u64) as usize],
        1 => f32::from_bits(dice.next() as u32),
        _ => dice.between(-100.0, EDGE),
    };
    for _ in 0..300 {
        let [a, b, c] = std::array::from_fn(|_| [number(&mut dice), number(&mut dice), number(&mut dice)]);
        // A body as large as the map touches all of it, which takes long here.
        let small = |length: f32| if length > 1e3 { length * 1e-36 } else { length };
        let body = match dice.below(3) {
            0 => Body::Ball { radius: small(c[0]) },
            1 => Body::Capsule { radius: small(c[0]), half_height: small(c[1]) },
            _ => Body::Box { half: c.map(small), yaw: dice.next() as u16 },
        };
        if let Some(impact) = terrain.cast(body, a, b) {
            assert!(impact.distance >= 0.0 && impact.point.iter().all(|along| along.is_finite()), "{impact:?}");
        }
        terrain.overlaps(body, a);
        terrain.nearest_walkable(&Tuning::default(), a, small(b[0]));
    }
}

#[test]
fn a_place_to_stand_is_near_level_dry_and_free() {
    let mut dice = Dice(24);
    let mut plan = random_plan(&mut dice, 60);
    let (low, high) = ([0.0, 0.0, 0.0], [1_000.0, 1_000.0, 500.0]);
    plan.volumes.push(VolumePlan { low, high, kind: VolumeKind::Water, name: "lake".into() });
    let (low, high) = ([2_000.0, 2_000.0, 0.0], [2_600.0, 2_600.0, 700.0]);
    plan.volumes.push(VolumePlan { low, high, kind: VolumeKind::NoGo, name: "closed".into() });
    let terrain = Terrain::of(&plan).unwrap();
    let mut found = 0;
    for _ in 0..200 {
        let point = dice.point([40.0, 40.0, 0.0], [EDGE - 40.0, EDGE - 40.0, 300.0]);
        let Some(place) = terrain.nearest_walkable(&Tuning::default(), point, 250.0) else { continue };
        let away = (0..3).map(|axis| (place[axis] - point[axis]).powi(2)).sum::<f32>().sqrt();
        assert!(away <= 250.01, "{point:?} {place:?}");
        assert!(!(place[0] < 1_000.0 && place[1] < 1_000.0 && place[2] < 380.0), "it is not in deep water: {place:?}");
        assert!(!(0..2).all(|axis| (2_000.0..2_600.0).contains(&place[axis])) || place[2] >= 700.0, "{place:?}");
        let mut walker = Walker::at(place);
        for _ in 0..30 {
            step(&terrain, &Tuning::default(), &mut walker, &Steering::default());
        }
        let moved = (0..3).map(|axis| (walker.point[axis] - place[axis]).abs()).fold(0.0, f32::max);
        assert!(moved < 1.0 && walker.gait() == Gait::Ground, "it stands there: {place:?} {walker:?}");
        found += 1;
    }
    assert!(found > 100, "{found} of 200");
}

#[test]
fn on_a_free_plain_the_nearest_place_is_the_point_itself() {
    let terrain = Terrain::flat();
    let place = terrain.nearest_walkable(&Tuning::default(), [5_000.0, 5_000.0, 30.0], 100.0);
    assert_eq!(place, Some([5_000.0, 5_000.0, 0.0]));
    assert_eq!(terrain.nearest_walkable(&Tuning::default(), [5_000.0, 5_000.0, 300.0], 100.0), None);
}
