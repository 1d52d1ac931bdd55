//! Rays and lines of sight.

use crate::dice::Dice;
use crate::model::{EDGE, cross, dot, facets, meets, minus, random_plan};
use proptest::prelude::{ProptestConfig, any, prop, proptest};
use ringshard_terrain::{Plan, Ray, Surface, Terrain};

/// The nearest distances at which a ray meets something: for sure, and perhaps, because it passes an edge closely or runs along
/// a surface.
fn bounds(facets: &[([[f64; 3]; 3], Surface)], from: [f32; 3], direction: [f64; 3]) -> (f64, f64) {
    const EDGE_PART: f64 = 1e-3;
    let from = from.map(f64::from);
    let (mut sure, mut perhaps) = (f64::INFINITY, f64::INFINITY);
    for (corners, _) in facets {
        let Some((distance, inside)) = meets(corners, from, direction) else {
            // If the ray comes near, it may be met anywhere from the nearest corner on, and need not be met.
            let size = corners.iter().map(|corner| length(minus(*corner, corners[0]))).fold(0.0, f64::max);
            let way = minus(corners[0], from);
            let along = dot(way, direction);
            let across = cross(minus(corners[1], corners[0]), minus(corners[2], corners[0]));
            let beside = minus(way, direction.map(|it| it * along));
            if length(beside) < size + 0.1 && dot(beside, across).abs() < (0.1 + size * 2e-3) * length(across) {
                perhaps = perhaps.min((along - size).max(0.0));
            }
            continue;
        };
        if inside >= -EDGE_PART && distance >= -0.01 {
            perhaps = perhaps.min(distance);
        }
        if inside >= EDGE_PART && distance >= 0.01 {
            sure = sure.min(distance);
        }
    }
    (sure, perhaps)
}

fn length(way: [f64; 3]) -> f64 {
    way.iter().map(|along| along * along).sum::<f64>().sqrt()
}

fn unit(way: [f64; 3]) -> [f64; 3] {
    let length = length(way);
    way.map(|along| along / length)
}

#[test]
fn a_ray_meets_the_nearest_of_all_triangles() {
    let (mut hits, mut misses, mut vague) = (0, 0, 0);
    for seed in 0..4 {
        let mut dice = Dice(seed);
        let terrain = Terrain::of(&random_plan(&mut dice, 60)).unwrap();
        let facets = facets(&terrain);
        for _ in 0..300 {
            let from = dice.point([-100.0, -100.0, -150.0], [EDGE + 100.0, EDGE + 100.0, 600.0]);
            let to = dice.point([0.0, 0.0, -100.0], [EDGE, EDGE, 700.0]);
            // One in three is nearly level, or along an axis.
            let way = match dice.below(6) {
                0 => [to[0] - from[0], to[1] - from[1], 0.1],
                1 => [0.0, to[1] - from[1], 0.0],
                2 => [0.0, 0.0, to[2] - from[2]],
                _ => std::array::from_fn(|axis| to[axis] - from[axis]),
            };
            let max = if dice.below(2) == 0 { 1_000.0 } else { f32::INFINITY };
            let direction = unit(way.map(f64::from));
            let (sure, perhaps) = bounds(&facets, from, direction);
            let found = terrain.ray(from, way, max);
            let distance = found.map_or(f64::INFINITY, |impact| impact.distance.into());
            // Rounding of the direction moves a ray aside; on a slanting surface that counts many times.
            let slack = 0.05 + perhaps.min(10_000.0) * 1e-5;
            vague += usize::from(perhaps + slack < sure);
            let sure = if sure > f64::from(max) - slack { f64::INFINITY } else { sure };
            assert!(
                perhaps - slack <= distance && distance <= sure + slack,
                "{perhaps} {distance} {sure} {from:?} {way:?}"
            );
            hits += usize::from(found.is_some());
            misses += usize::from(found.is_none());
        }
    }
    assert!(hits > 400 && misses > 200 && vague < 100, "{hits} hits, {misses} misses, {vague} vague");
}

#[test]
fn an_impact_tells_point_normal_and_surface() {
    let mut dice = Dice(77);
    let terrain = Terrain::of(&random_plan(&mut dice, 60)).unwrap();
    let (mut ground, mut triangles) = (0, 0);
    for _ in 0..2_000 {
        let from = dice.point([0.0, 0.0, 200.0], [EDGE, EDGE, 600.0]);
        let way = dice.point([-1.0, -1.0, -2.0], [1.0, 1.0, 0.0]);
        let Some(impact) = terrain.ray(from, way, f32::INFINITY) else { continue };
        let direction = unit(way.map(f64::from));
        let normal = impact.normal.map(f64::from);
        assert!((length(normal) - 1.0).abs() < 1e-5);
        assert!((0..3).map(|axis| normal[axis] * direction[axis]).sum::<f64>() <= 1e-6, "it looks towards the ray");
        let on_ray: [f64; 3] =
            std::array::from_fn(|axis| f64::from(from[axis]) + direction[axis] * f64::from(impact.distance));
        assert!(length(minus(on_ray, impact.point.map(f64::from))) < 0.01);
        match impact.surface {
            Surface::Ground => {
                let (height, [slope_x, slope_y]) = terrain.ground(impact.point[0], impact.point[1]);
                assert!((height - impact.point[2]).abs() < 0.02, "{height} {impact:?}");
                let flat = impact.normal[2].abs();
                let slopes = [-impact.normal[0] / impact.normal[2], -impact.normal[1] / impact.normal[2]];
                let same = (slopes[0] - slope_x).abs() < 1e-3 && (slopes[1] - slope_y).abs() < 1e-3;
                // On an edge between two slopes it may be the other one.
                let edge = [impact.point[0] / 100.0, impact.point[1] / 100.0].map(f32::fract);
                let on_edge = edge.iter().any(|part| *part < 1e-3 || *part > 0.999) || (edge[0] - edge[1]).abs() < 1e-3;
                assert!(flat > 0.0 && (same || on_edge), "{slopes:?} {slope_x} {slope_y}");
                ground += 1;
            }
            Surface::Triangle(number) => {
                let corners = terrain.columns().triangles[number as usize].map(|corner| corner.map(f64::from));
                for corner in corners {
                    let above: f64 =
                        (0..3).map(|axis| (f64::from(impact.point[axis]) - corner[axis]) * normal[axis]).sum();
                    assert!(above.abs() < 0.05, "the point is in the plane");
                }
                triangles += 1;
            }
        }
    }
    assert!(ground > 500 && triangles > 100, "{ground} {triangles}");
}

#[test]
fn no_ray_passes_between_two_triangles() {
    let mut dice = Dice(5);
    // A closed box, and a wall of many small triangles, far from the corner of a large map.
    let mut plan = Plan::flat([25_600.0, 6_400.0], [4, 4, 1], [8, 8, 4]);
    let low = [700_000.3, 750_000.7, 100.0];
    let corner = |x: u32, z: u32| [low[0] + x as f32 * 7.3, low[1], low[2] + z as f32 * 6.1];
    for x in 0..16 {
        for z in 0..16 {
            plan.triangles.push(([corner(x, z), corner(x + 1, z), corner(x, z + 1)], 0));
            plan.triangles.push(([corner(x + 1, z), corner(x + 1, z + 1), corner(x, z + 1)], 0));
        }
    }
    let (room_low, room_high) = ([100.0, 200.0, 50.0], [1_300.5, 1_100.25, 350.125]);
    plan.add_box(room_low, room_high);
    let terrain = Terrain::of(&plan).unwrap();
    for _ in 0..1_000 {
        // At corners and edges of the small triangles, from both sides.
        let at = corner(1 + dice.below(15) as u32, 1 + dice.below(15) as u32);
        let to_next = dice.between(0.0, 1.0);
        let target = [at[0] - 7.3 * to_next, at[1], at[2] + 6.1 * to_next * (dice.below(2) as f32)];
        let side = if dice.below(2) == 0 { 500.0 } else { -500.0 };
        let from = [dice.between(low[0], low[0] + 116.0), at[1] + side, dice.between(110.0, 190.0)];
        let way = std::array::from_fn(|axis| (target[axis] - from[axis]) * 2.0);
        let beyond: [f32; 3] = std::array::from_fn(|axis| from[axis] + way[axis]);
        let impact = terrain.ray(from, way, 2_000.0).expect("a wall has no gaps");
        assert!(matches!(impact.surface, Surface::Triangle(_)) && !terrain.sees(from, beyond));
        // From inside the closed box into its corners and edges.
        let inside = dice.point(room_low.map(|along| along + 1.0), room_high.map(|along| along - 1.0));
        let mut target = dice.point(room_low, room_high);
        for along in [dice.below(3), dice.below(3)] {
            target[along as usize] = if dice.below(2) == 0 { room_low } else { room_high }[along as usize];
        }
        let way = std::array::from_fn(|axis| target[axis] - inside[axis]);
        assert!(terrain.ray(inside, way, f32::INFINITY).is_some(), "from {inside:?} to {target:?}");
    }
}

#[test]
fn no_ray_falls_through_the_ground() {
    let mut dice = Dice(6);
    let terrain = Terrain::of(&random_plan(&mut dice, 0)).unwrap();
    for _ in 0..4_000 {
        // On lines and corners of squares, on diagonals, and at the borders of the map.
        let line = |dice: &mut Dice| dice.below(33) as f32 * 100.0;
        let (a, b) = (line(&mut dice), dice.between(0.0, EDGE));
        let [x, y] = match dice.below(4) {
            0 => [a, b],
            1 => [b, a],
            2 => [b, b],
            _ => [a, line(&mut dice)],
        };
        let impact = terrain.ray([x, y, 500.0], [0.0, 0.0, -1.0], f32::INFINITY).expect("the ground has no holes");
        assert!((impact.point[2] - terrain.height(x, y)).abs() < 0.01);
        let aside = [dice.between(0.0, EDGE), dice.between(0.0, EDGE), 500.0];
        let way = [x - aside[0], y - aside[1], -501.0];
        assert!(terrain.ray(aside, way, f32::INFINITY).is_some(), "from {aside:?} to {x} {y}");
    }
}

#[test]
fn two_points_see_each_other_if_the_ray_between_them_is_free() {
    let mut dice = Dice(9);
    let terrain = Terrain::of(&random_plan(&mut dice, 40)).unwrap();
    let mut seen = 0;
    for _ in 0..5_000 {
        let from = dice.point([0.0, 0.0, 0.0], [EDGE, EDGE, 400.0]);
        let reach = dice.between(10.0, 1_500.0);
        let to: [f32; 3] = std::array::from_fn(|axis| from[axis] + dice.between(-reach, reach));
        let way: [f32; 3] = std::array::from_fn(|axis| to[axis] - from[axis]);
        let sees = terrain.sees(from, to);
        assert_eq!(sees, terrain.sees(to, from), "sight is mutual");
        let whole = length(way.map(f64::from)) as f32;
        let impact = terrain.ray(from, way, whole);
        // Surfaces that touch the ends do not count.
        let distance = impact.map_or(f32::INFINITY, |impact| impact.distance);
        if distance > 0.25 && distance < whole - 0.25 {
            assert!(!sees, "{impact:?} is between {from:?} and {to:?}");
        }
        assert!(sees || distance.is_finite(), "nothing is between {from:?} and {to:?}");
        seen += usize::from(sees);
    }
    assert!((1_000..4_000).contains(&seen), "{seen} of 5000");
}

#[test]
fn many_queries_at_once_have_the_same_answers() {
    let mut dice = Dice(10);
    let terrain = Terrain::of(&random_plan(&mut dice, 40)).unwrap();
    // More than are sorted at a time, and not a multiple of that.
    let point = |dice: &mut Dice| dice.point([-50.0, -50.0, 0.0], [EDGE + 50.0, EDGE + 50.0, 300.0]);
    let pairs: Vec<_> = (0..9_001).map(|_| [point(&mut dice), point(&mut dice)]).collect();
    let mut seen = vec![false; pairs.len()];
    terrain.sees_all(&pairs, &mut seen);
    let rays: Vec<_> = pairs.iter().map(|&[from, direction]| Ray { from, direction, max: direction[0] }).collect();
    let mut impacts = vec![None; rays.len()];
    terrain.rays(&rays, &mut impacts);
    for (number, [from, to]) in pairs.iter().enumerate() {
        assert_eq!(seen[number], terrain.sees(*from, *to));
        assert_eq!(impacts[number], terrain.ray(*from, *to, to[0]));
    }
    assert!(seen.contains(&true) && seen.contains(&false));
}

#[test]
fn who_stands_on_the_ground_is_seen_to_the_feet() {
    let terrain = Terrain::flat();
    assert!(terrain.sees([1_000.0, 1_000.0, 170.0], [3_000.0, 1_500.0, 0.0]));
    assert!(!terrain.sees([1_000.0, 1_000.0, 170.0], [3_000.0, 1_500.0, -1.0]));
    assert!(terrain.sees([5.0; 3], [5.0; 3]), "a point sees itself");
}

#[test]
fn a_ray_from_outside_meets_what_is_in_the_map() {
    let mut plan = Plan::flat([1_600.0, 800.0], [2, 2, 1], [1, 1, 1]);
    plan.add_box([100.0, 100.0, 0.0], [200.0, 200.0, 100.0]);
    let terrain = Terrain::of(&plan).unwrap();
    let impact = terrain.ray([-10_000.0, 150.0, 50.0], [1.0, 0.0, 0.0], f32::INFINITY).unwrap();
    assert!((impact.distance - 10_100.0).abs() < 0.01 && impact.normal == [-1.0, 0.0, 0.0], "{impact:?}");
    assert_eq!(terrain.ray([-10_000.0, 150.0, 50.0], [1.0, 0.0, 0.0], 10_099.0), None);
    assert_eq!(terrain.ray([-10_000.0, 150.0, 50.0], [-1.0, 0.0, 0.0], f32::INFINITY), None);
    assert!(!terrain.sees([-5_000.0, 150.0, 50.0], [5_000.0, 150.0, 50.0]));
    assert!(terrain.sees([-5_000.0, -150.0, 50.0], [5_000.0, -150.0, 50.0]));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_numbers_are_a_ray_ends(
        from in prop::array::uniform3(any::<f32>()),
        direction in prop::array::uniform3(any::<f32>()),
        max in any::<f32>(),
        bits in prop::array::uniform3(any::<u32>()),
    ) {
        thread_local! {
            static TERRAIN: Terrain = Terrain::of(&random_plan(&mut Dice(3), 40)).unwrap();
        }
        TERRAIN.with(|terrain| {
            let odd = bits.map(f32::from_bits);
            let within = [EDGE / 2.0, EDGE / 3.0, 100.0];
            for (from, direction) in
                [(from, direction), (within, odd), (odd, direction), (within, direction), (odd, odd)]
            {
                for max in [max, 1_000.0, f32::INFINITY, f32::from_bits(bits[0])] {
                    if let Some(impact) = terrain.ray(from, direction, max) {
                        assert!(impact.distance >= 0.0 && impact.point.iter().all(|along| along.is_finite()));
                        assert!(impact.normal.iter().all(|along| along.is_finite()));
                    }
                }
                assert_eq!(terrain.sees(from, direction), terrain.sees(direction, from));
            }
        });
    }
}
