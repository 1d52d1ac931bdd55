//! What a player expects of floors, stairs, slopes, walls and water.

use crate::dice::Dice;
use crate::playground::{add_quad, add_ramp, add_stairs, add_tessellated_floor, add_turned_box, flat, hills};
use ringshard_terrain::file::{VolumeKind, VolumePlan};
use ringshard_terrain::movement::{Gait, Steering, Tuning, Walker, keys, step};
use ringshard_terrain::{Plan, Terrain};

const RUN: Steering = Steering { forward: 127, left: 0, yaw: 0, keys: keys::RUN };

fn run(yaw: u16) -> Steering {
    Steering { yaw, ..RUN }
}

fn angle(yaw: u16) -> f32 {
    f32::from(yaw) / 65_536.0 * std::f32::consts::TAU
}

fn terrain(build: impl FnOnce(&mut Plan)) -> Terrain {
    let mut plan = flat();
    build(&mut plan);
    Terrain::of(&plan).unwrap()
}

/// Steps a character and gives where it was after each tick.
fn steps(terrain: &Terrain, walker: &mut Walker, steering: Steering, ticks: u32) -> Vec<Walker> {
    let mut one = || {
        step(terrain, &Tuning::default(), walker, &steering);
        *walker
    };
    (0..ticks).map(|_| one()).collect()
}

fn speed(walker: &Walker) -> f32 {
    walker.velocity[0].hypot(walker.velocity[1])
}

#[test]
fn a_floor_of_small_triangles_is_as_smooth_as_one_of_large_ones() {
    let terrain = terrain(|plan| add_tessellated_floor(plan, [1_500.0, 1_500.0, 50.0], 130, 23.7));
    for number in 0..64_u16 {
        let yaw = number << 10;
        let mut walker = Walker::at([3_000.0, 3_000.0, 50.25]);
        steps(&terrain, &mut walker, run(yaw), 20);
        let mut before = walker;
        for after in steps(&terrain, &mut walker, run(yaw), 100) {
            let went = (after.point[0] - before.point[0]).hypot(after.point[1] - before.point[1]);
            assert!((went - 10.0).abs() < 0.02, "yaw {yaw}: it went {went}: {before:?} {after:?}");
            assert!((after.point[2] - 50.25).abs() < 0.1 && after.gait() == Gait::Ground, "yaw {yaw}: {after:?}");
            before = after;
        }
    }
}

#[test]
fn a_floor_in_a_height_field_is_smooth_too() {
    let mut plan = hills(&mut Dice(1), 1);
    plan.shape.height_spacing = 200.0;
    let terrain = Terrain::of(&plan).unwrap();
    for number in 0..64_u16 {
        let mut walker = Walker::at([3_000.0, 3_000.0, 0.0]);
        steps(&terrain, &mut walker, run(number << 10), 20);
        for after in steps(&terrain, &mut walker, run(number << 10), 100) {
            assert!((speed(&after) - 600.0).abs() < 0.1 && after.gait() == Gait::Ground, "{after:?}");
        }
    }
}

#[test]
fn stairs_are_climbed_from_every_side_and_walked_down_on_the_ground() {
    for (number, rise) in [(0, 20.0), (1, 44.0), (2, 30.0), (3, 10.0), (5, 40.0), (6, 25.0)] {
        let yaw = 11_003_u16.wrapping_mul(number);
        let top = rise * 8.0;
        let terrain = terrain(|plan| {
            add_stairs(plan, [3_000.0, 3_000.0, 0.0], angle(yaw), 8, [30.0, 2_000.0, rise]);
            let [x, y, _] = crate::playground::turned([3_000.0, 3_000.0, 0.0], angle(yaw), 240.0, 0.0, 0.0);
            add_turned_box(plan, [x, y, -10.0], angle(yaw), [900.0, 2_000.0, top + 10.0]);
        });
        // Across the stairs at up to 40 degrees.
        for aside in [0_i16, 3_000, -3_000, 7_000] {
            for keys in [0, keys::RUN] {
                let steering = Steering { yaw: yaw.wrapping_add_signed(aside), keys, ..RUN };
                let start = crate::playground::turned([3_000.0, 3_000.0, 0.0], angle(yaw), -100.0, 1_000.0, 0.0);
                let mut walker = Walker::at(start);
                let ticks = if keys == 0 { 150 } else { 75 };
                let mut up = steps(&terrain, &mut walker, steering, ticks);
                up.retain(|walker| walker.gait() != Gait::Ground);
                assert!((walker.point[2] - top).abs() < 0.5, "rise {rise}, aside {aside}: {walker:?}");
                assert!(up.is_empty(), "rise {rise}, aside {aside}: it left the ground: {:?}", up[0]);
                let back = Steering { yaw: yaw.wrapping_add(1 << 15).wrapping_add_signed(aside), ..steering };
                let down = steps(&terrain, &mut walker, back, ticks + 40);
                assert!(walker.point[2] < 1.0, "rise {rise}, aside {aside}: it comes down: {walker:?}");
                for after in down {
                    assert_eq!(after.gait(), Gait::Ground, "rise {rise}, aside {aside}: {after:?}");
                }
            }
        }
    }
}

#[test]
fn a_step_that_is_too_high_is_not_climbed_in_any_way() {
    let terrain = terrain(|plan| add_turned_box(plan, [3_000.0, 2_000.0, -10.0], 0.0, [900.0, 2_000.0, 58.0]));
    for aside in (-12..=12).map(|number| number * 1_000_i16) {
        for keys in [0, keys::RUN] {
            let mut walker = Walker::at([2_900.0, 3_000.0, 0.0]);
            let steering = Steering { yaw: 0_u16.wrapping_add_signed(aside), keys, ..RUN };
            steps(&terrain, &mut walker, steering, 90);
            assert!(walker.point[2] < 0.5, "{aside}: {walker:?}");
        }
    }
}

/// A ramp along x whose normal has this z, from x = 3,000 on.
fn ramp(normal_z: f32) -> Terrain {
    let slope = (1.0 - normal_z * normal_z).sqrt() / normal_z;
    let long = (2_500.0 / slope).min(1_000.0);
    terrain(|plan| add_ramp(plan, [3_000.0, 2_000.0, -20.0], 0.0, [long, 2_000.0, long * slope]))
}

#[test]
fn a_ramp_up_to_the_limit_is_walked_up_and_one_above_is_not() {
    for keys in [0, keys::RUN] {
        for normal_z in [0.95, 0.8, 0.72, 0.705] {
            let (terrain, mut walker) = (ramp(normal_z), Walker::at([2_900.0, 3_000.0, 0.0]));
            let way = steps(&terrain, &mut walker, Steering { keys, ..RUN }, 80);
            assert!(walker.point[2] > 60.0, "{normal_z}: {walker:?}");
            assert!(way.iter().all(|walker| walker.gait() == Gait::Ground), "{normal_z}: it stays on the ground");
        }
        for normal_z in [0.69, 0.6, 0.4, 0.1] {
            for jump in [0, keys::JUMP] {
                let (terrain, mut walker) = (ramp(normal_z), Walker::at([2_900.0, 3_000.0, 0.0]));
                let way = steps(&terrain, &mut walker, Steering { keys: keys | jump, ..RUN }, 600);
                let highest = way.iter().map(|walker| walker.point[2]).fold(0.0, f32::max);
                let allowed = if jump == 0 { 1.0 } else { Tuning::default().jump_height() + 1.0 };
                assert!(highest <= allowed, "{normal_z}, jump {jump}: it gets up to {highest}");
            }
        }
    }
}

#[test]
fn nobody_climbs_a_steep_hill_or_a_steep_corner_by_jumping() {
    let mut plan = hills(&mut Dice(1), 1);
    // A pit whose sides rise by 2 units per unit, along x and y.
    let height = |number: u32| (number as f32 * 200.0 - 3_200.0).abs();
    plan.heights = (0..33 * 33)
        .map(|at| ((height(at % 33).max(height(at / 33)) - 600.0).clamp(0.0, 700.0) * 2.0 * 32.0) as u16)
        .collect();
    let terrain = Terrain::of(&plan).unwrap();
    for number in 0..16_u16 {
        let mut walker = Walker::at([3_200.0, 3_200.0, 0.0]);
        let steering = Steering { yaw: number << 12, keys: keys::RUN | keys::JUMP, ..RUN };
        let way = steps(&terrain, &mut walker, steering, 900);
        let highest = way.iter().map(|walker| walker.point[2]).fold(0.0, f32::max);
        assert!(highest <= Tuning::default().jump_height() + 2.0, "yaw {}: it gets up to {highest}", number << 12);
    }
}

#[test]
fn whoever_runs_at_a_wall_at_an_angle_goes_along_it_and_gains_no_speed() {
    for (number, tilt) in [(0, 0), (1, 5_000), (2, -9_000), (3, 12_000), (4, -14_000), (5, 2_000)] {
        let wall = 9_001_u16.wrapping_mul(number);
        let terrain = terrain(|plan| {
            let start = crate::playground::turned([3_000.0, 3_000.0, 0.0], angle(wall), -2_000.0, 0.0, -1.0);
            // In pieces, as walls are made of.
            for piece in 0..40 {
                let at = crate::playground::turned(start, angle(wall), piece as f32 * 100.0, 0.0, 0.0);
                add_turned_box(plan, at, angle(wall), [100.0, 10.0, 400.0]);
            }
        });
        // The wall is to the left of its direction; it goes at it from the right.
        let start = crate::playground::turned([3_000.0, 3_000.0, 0.0], angle(wall), 0.0, -100.0, 0.0);
        let mut walker = Walker::at(start);
        let into = (1 << 14_i16) as i16 + tilt;
        let yaw = wall.wrapping_add_signed(into);
        steps(&terrain, &mut walker, run(yaw), 60);
        let expected = 600.0 * angle(into as u16).cos().abs();
        let mut before = walker;
        for after in steps(&terrain, &mut walker, run(yaw), 60) {
            assert!(speed(&after) <= 600.1, "it gains speed: {after:?}");
            let went = (after.point[0] - before.point[0]).hypot(after.point[1] - before.point[1]) * 60.0;
            assert!((went - expected).abs() < 15.0, "wall {wall}, tilt {tilt}: {went} and not {expected}: {after:?}");
            before = after;
        }
    }
}

#[test]
fn a_character_comes_out_of_every_corner_again() {
    for spread in [0.05_f32, 0.2, 0.6, 1.2, 1.57, 2.2] {
        for number in 0..8_u16 {
            let yaw = number << 13 | 777;
            let terrain = terrain(|plan| {
                for side in [-spread / 2.0, spread / 2.0] {
                    let back = angle(yaw) + std::f32::consts::PI;
                    add_turned_box(plan, [3_000.0, 3_000.0, -1.0], back + side, [600.0, 4.0, 300.0]);
                }
            });
            let start = crate::playground::turned([3_000.0, 3_000.0, 0.0], angle(yaw), -900.0, 0.0, 0.0);
            let mut walker = Walker::at(start);
            steps(&terrain, &mut walker, run(yaw), 200);
            let deep = walker.point;
            steps(&terrain, &mut walker, Steering { keys: keys::JUMP | keys::RUN, ..run(yaw) }, 100);
            steps(&terrain, &mut walker, run(yaw.wrapping_add(1 << 15)), 60);
            let away = (walker.point[0] - deep[0]).hypot(walker.point[1] - deep[1]);
            assert!(away > 200.0, "spread {spread}, yaw {yaw}: it is stuck at {deep:?}: {walker:?}");
        }
    }
}

#[test]
fn whoever_stands_still_does_not_creep() {
    // On ramps, in the groove between two, on a ridge, and on hills.
    let groove = |slope: f32, up: f32| {
        terrain(|plan| {
            let (low, high) = (500.0 + up * slope * 400.0, 500.0 - (up - 1.0) * slope * 400.0);
            for side in [-400.0, 400.0] {
                let corner = |x: f32, y: f32, z: f32| [3_000.0 + x, 3_000.0 + y, z];
                add_quad(
                    plan,
                    [
                        corner(0.0, -400.0, low),
                        corner(0.0, 400.0, low),
                        corner(side, 400.0, high),
                        corner(side, -400.0, high),
                    ],
                );
            }
        })
    };
    let mut places = Vec::new();
    for slope in [0.05, 0.3, 0.6, 0.95] {
        places.extend([(groove(slope, 0.0), 3_000.0), (groove(slope, 1.0), 3_000.0), (groove(slope, 0.0), 3_200.0)]);
    }
    places.push((Terrain::of(&hills(&mut Dice(3), 100)).unwrap(), 3_130.0));
    places.push((Terrain::of(&hills(&mut Dice(4), 150)).unwrap(), 3_000.0));
    for (number, (terrain, x)) in places.iter().enumerate() {
        let mut walker = Walker::at([*x, 3_010.0, 1_000.0]);
        steps(terrain, &mut walker, Steering::default(), 240);
        assert_eq!(walker.gait(), Gait::Ground, "place {number}: {walker:?}");
        let before = walker;
        steps(terrain, &mut walker, Steering::default(), 1_200);
        let moved = (0..3).map(|axis| (walker.point[axis] - before.point[axis]).abs()).fold(0.0, f32::max);
        assert!(moved < 0.3, "place {number}: it crept by {moved}: {before:?} {walker:?}");
        assert_eq!(walker.gait(), Gait::Ground, "place {number}: {walker:?}");
    }
}

#[test]
fn a_swimmer_comes_up_and_goes_down_and_stays_where_it_is() {
    let terrain = terrain(|plan| {
        let (low, high) = ([1_000.0, 1_000.0, -10.0], [5_000.0, 5_000.0, 900.0]);
        plan.volumes.push(VolumePlan { low, high, kind: VolumeKind::Water, name: "lake".into() });
        add_turned_box(plan, [2_800.0, 2_800.0, 500.0], 0.3, [400.0, 400.0, 20.0]);
    });
    let with = |keys: u8| Steering { keys, ..Steering::default() };
    let mut walker = Walker::at([2_000.0, 2_000.0, 0.0]);
    let way = steps(&terrain, &mut walker, with(keys::JUMP), 240);
    assert!(way.iter().all(|walker| walker.point[2] < 900.0), "it does not fly out of the water");
    assert!((700.0..900.0).contains(&walker.point[2]), "{walker:?}");
    steps(&terrain, &mut walker, with(keys::DIVE), 60);
    assert!(walker.point[2] < 700.0 && walker.gait() == Gait::Swim, "{walker:?}");
    steps(&terrain, &mut walker, with(0), 60);
    let rest = walker.point;
    steps(&terrain, &mut walker, with(0), 300);
    let moved = (0..3).map(|axis| (walker.point[axis] - rest[axis]).abs()).fold(0.0, f32::max);
    assert!(moved < 1.0, "it drifts by {moved}");
    // Under a roof it does not come up.
    let mut walker = Walker::at([2_950.0, 3_050.0, 100.0]);
    steps(&terrain, &mut walker, with(keys::JUMP), 240);
    assert!(walker.point[2] < 500.0 - 179.0, "{walker:?}");
    let speed = steps(&terrain, &mut walker, Steering { keys: keys::DIVE, ..RUN }, 60);
    assert!(speed.iter().all(|walker| self::speed(walker) <= Tuning::default().swim_speed + 0.1));
}
