//! Paths over small maps, checked without the mesh.

use super::bake::bake;
use super::plans::{add_wall, level, random, shape_ground, terrain, town};
use crate::surface::{heights_at, nearest_height};
use crate::{Navigator, NoPath, Path, PathJob};
use ringshard_terrain::Terrain;
use ringshard_terrain::file::Plan;
use std::sync::Arc;

/// The body that must fit everywhere, half of its width: a little less than that of a character.
const BODY: f32 = 34.0;
const STEP: f32 = 45.0;
const HEIGHT: f32 = 175.0;

fn navigator(mut plan: Plan) -> Navigator {
    plan.mesh = Some(bake(&terrain(&plan)));
    Navigator::of(&Arc::new(terrain(&plan))).expect("it has a mesh")
}

/// Walks along a path. At every step of 10 units, the ground must not rise by more than a step, and no triangle may be in the
/// body's box, from the step's height to the top.
fn check_walkable(terrain: &Terrain, path: &Path) {
    let mut z = path.corners[0][2];
    for pair in path.corners.windows(2) {
        let [from, to] = [pair[0], pair[1]];
        let length = (to[0] - from[0]).hypot(to[1] - from[1]);
        let steps = (length / 10.0).ceil().max(1.0);
        for number in 0..=steps as u32 {
            let part = number as f32 / steps;
            let [x, y] = [0, 1].map(|axis| from[axis] + part * (to[axis] - from[axis]));
            let floor = floor_at(terrain, [x, y, z]);
            // The ground rises across a voxel, so that a step can look higher at one of its sides.
            assert!((floor - z).abs() <= STEP + 12.5, "a step from {z} to {floor} at {x}, {y}");
            z = floor;
            assert!(!is_blocked(terrain, [x, y, z]), "a wall at {x}, {y}, {z}, between {from:?} and {to:?}");
        }
        assert!((z - to[2]).abs() < 5.0, "the path arrives at {z}, and its corner is {to:?}");
    }
}

/// The highest floor that is not higher than a step.
fn floor_at(terrain: &Terrain, [x, y, z]: [f32; 3]) -> f32 {
    let mut floor = f32::NEG_INFINITY;
    heights_at(terrain, [x, y], |height| {
        if height <= z + STEP {
            floor = floor.max(height);
        }
    });
    floor
}

/// Whether a triangle reaches into the box of a body that stands at a point.
fn is_blocked(terrain: &Terrain, [x, y, z]: [f32; 3]) -> bool {
    let (low, high) = ([x - BODY, y - BODY, z + STEP + 10.0], [x + BODY, y + BODY, z + HEIGHT]);
    let mut blocked = false;
    terrain.triangles_near([low[0], low[1]], [high[0], high[1]], |number| {
        blocked |= reaches_into(terrain.columns().triangles[number as usize], low, high);
    });
    blocked
}

/// Whether a triangle reaches into a box: what is left of it after cutting at the six sides.
fn reaches_into(triangle: [[f32; 3]; 3], low: [f32; 3], high: [f32; 3]) -> bool {
    let mut corners = triangle.to_vec();
    for axis in 0..3 {
        for (sign, limit) in [(1.0, low[axis]), (-1.0, high[axis])] {
            let inside = |corner: &[f32; 3]| sign * (corner[axis] - limit);
            let mut cut = Vec::new();
            for (place, &a) in corners.iter().enumerate() {
                let b = corners[(place + 1) % corners.len()];
                let (at_a, at_b) = (inside(&a), inside(&b));
                if at_a >= 0.0 {
                    cut.push(a);
                }
                if (at_a < 0.0) != (at_b < 0.0) {
                    let part = at_a / (at_a - at_b);
                    cut.push([0, 1, 2].map(|axis| a[axis] + part * (b[axis] - a[axis])));
                }
            }
            corners = cut;
        }
    }
    !corners.is_empty()
}

#[test]
fn a_path_goes_through_the_doorway() {
    let mut plan = level(2);
    add_wall(&mut plan, 3_190.0, 6_400.0, &[[2_000.0, 2_200.0]]);
    let navigator = navigator(plan);
    let path = navigator.find([1_000.0, 5_000.0, 0.0], [5_000.0, 5_000.0, 0.0]).expect("there is a door");
    check_walkable(navigator.terrain(), &path);
    // Round the two corners of the wall, 35 units away from them.
    let shortest = 2_155.0_f32.hypot(2_835.0) + 90.0 + 1_755.0_f32.hypot(2_835.0);
    assert!((shortest..shortest + 100.0).contains(&path.length()), "{} of {shortest}", path.length());
    assert!(path.corners.len() <= 5, "{path:?}");
}

#[test]
fn a_path_over_open_ground_is_straight() {
    let navigator = navigator(level(4));
    let path = navigator.find([200.0, 300.0, 0.0], [12_000.0, 9_000.0, 0.0]).expect("nothing is in the way");
    assert_eq!(path.corners, [[200.0, 300.0, 0.0], [12_000.0, 9_000.0, 0.0]]);
}

#[test]
fn both_floors_of_a_bridge_have_their_paths() {
    let mut plan = level(4);
    let valley = |x: f32| ((x - 6_400.0).abs() - 1_000.0).clamp(0.0, 600.0) * 0.75;
    shape_ground(&mut plan, |x, _| valley(x));
    plan.add_box([4_500.0, 6_000.0, 420.0], [8_300.0, 6_600.0, 450.0]);
    let navigator = navigator(plan);
    let over = navigator.find([4_000.0, 6_300.0, 450.0], [8_800.0, 6_300.0, 450.0]).expect("over the bridge");
    check_walkable(navigator.terrain(), &over);
    assert!(over.length() < 4_810.0);
    let under = navigator.find([6_400.0, 4_000.0, 0.0], [6_400.0, 9_000.0, 0.0]).expect("under the bridge");
    check_walkable(navigator.terrain(), &under);
    assert!(under.corners.iter().all(|corner| corner[2] < 10.0), "{under:?}");
    let down = navigator.find([6_400.0, 6_300.0, 450.0], [6_400.0, 6_300.0, 0.0]).expect("down to the road");
    check_walkable(navigator.terrain(), &down);
    assert!(down.length() > 3_000.0, "it does not jump: {down:?}");
}

#[test]
fn what_cannot_be_reached_is_said_without_a_search() {
    let mut plan = level(2);
    add_wall(&mut plan, 3_190.0, 6_400.0, &[]);
    let navigator = navigator(plan);
    let [west, east] = [[1_000.0, 1_000.0, 0.0], [5_000.0, 1_000.0, 0.0]];
    assert_eq!(navigator.find(west, east), Err(NoPath::Unreachable));
    assert_eq!(navigator.cache_counts().misses, 0);
    assert_ne!(navigator.region(west), navigator.region(east));
    assert!(!navigator.is_straight(west, east));
    assert!(navigator.is_straight(west, [2_000.0, 3_000.0, 0.0]));
}

#[test]
fn impossible_points_are_refused() {
    let navigator = navigator(level(1));
    let good = [1_000.0, 1_000.0, 0.0];
    for bad in [f32::NAN, f32::INFINITY, -1e30, 1e30, 1e38, -5_000.0] {
        for axis in 0..3 {
            let mut point = good;
            point[axis] = bad;
            assert_eq!(navigator.find(point, good), Err(NoPath::NoBeginning), "{point:?}");
            assert_eq!(navigator.find(good, point), Err(NoPath::NoGoal), "{point:?}");
            assert!(!navigator.is_straight(good, point) && !navigator.is_straight(point, good));
            assert_eq!(navigator.nearest(point, 400.0), None);
        }
    }
    assert_eq!(navigator.nearest([-100.0, 1_000.0, 0.0], 400.0).map(|it| it[0].round()), Some(35.0));
}

#[test]
fn all_paths_through_a_town_are_walkable() {
    let navigator = navigator(town(3, 20, 7));
    let terrain = navigator.terrain();
    let mut random = random(3);
    let (mut found, mut corners) = (0, 0);
    for _ in 0..200 {
        let mut point = || {
            let [x, y] = [random(9_600.0), random(9_600.0)];
            [x, y, nearest_height(terrain, [x, y], random(500.0))]
        };
        let (from, to) = (point(), point());
        match navigator.find(from, to) {
            Ok(path) => {
                check_walkable(terrain, &path);
                found += 1;
                corners += path.corners.len();
            }
            Err(NoPath::Unreachable | NoPath::NoBeginning | NoPath::NoGoal) => {}
            Err(error) => panic!("{error}: {from:?} to {to:?}"),
        }
    }
    assert!(found > 100, "{found} paths");
    assert!(corners > 3 * found, "the town has no obstacles: {corners} corners");
}

#[test]
fn the_second_path_between_two_polygons_needs_no_search() {
    let navigator = Arc::new(navigator(town(2, 5, 2)));
    let job =
        PathJob { navigator: navigator.clone(), ticket: 9, from: [60.0, 60.0, 400.0], to: [60.0, 6_300.0, 400.0] };
    let found = job.clone().run();
    assert_eq!(found.ticket, 9);
    assert_eq!(job.run(), found);
    let counts = navigator.cache_counts();
    assert_eq!((counts.misses, counts.hits), (1, 1));
}
