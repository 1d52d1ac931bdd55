//! Hitboxes against dense sampling: a point is inside or outside, and nothing else is known of a shape.

use super::model::{part, signed};
use crate::dice::Dice;
use ringshard::world::rewind::{Hitbox, Ray};
use ringshard_world::Pose;
use std::f64::consts::PI;

const STEPS: usize = 4_000;

fn random_hitbox(dice: &mut Dice) -> Hitbox {
    let offset_z = 50.0 * signed(dice);
    match dice.below(3) {
        0 => Hitbox::Sphere { radius: 100.0 * part(dice), offset_z },
        1 => {
            let radius = 60.0 * part(dice);
            let half_height = if dice.per_mille(100) { radius } else { radius + 80.0 * part(dice) };
            Hitbox::Capsule { radius, half_height, offset_z }
        }
        _ => Hitbox::Box { half: [0; 3].map(|_| 5.0 + 95.0 * part(dice)), offset_z },
    }
}

fn random_pose(dice: &mut Dice) -> Pose {
    let rotation = [0; 3].map(|_| dice.bits() as u16);
    Pose { point: [0; 3].map(|_| 1_000.0 + 50.0 * signed(dice)), rotation, ..Pose::default() }
}

/// Whether a point is in a hitbox, from the definition of the shapes.
fn contains(hitbox: &Hitbox, pose: &Pose, point: [f64; 3]) -> bool {
    let [x, y, z]: [f64; 3] = std::array::from_fn(|axis| point[axis] - f64::from(pose.point[axis]));
    match *hitbox {
        Hitbox::Sphere { radius, offset_z } => {
            (x * x + y * y + (z - f64::from(offset_z)).powi(2)).sqrt() <= radius.into()
        }
        Hitbox::Capsule { radius, half_height, offset_z } => {
            let (radius, half_height) = (f64::from(radius), f64::from(half_height));
            let above = (z - f64::from(offset_z)).abs();
            let within = half_height - radius;
            let far = x.hypot(y);
            far <= radius && (above <= within || far.hypot(above - within) <= radius)
        }
        Hitbox::Box { half: [a, b, c], offset_z } => {
            // Length and direction of the point, instead of a rotation of it.
            let turn = y.atan2(x) - f64::from(pose.rotation[0]) / 32_768.0 * PI;
            let far = x.hypot(y);
            (far * turn.cos()).abs() <= a.into()
                && (far * turn.sin()).abs() <= b.into()
                && (z - f64::from(offset_z)).abs() <= c.into()
        }
    }
}

#[test]
fn a_ray_meets_a_hitbox_at_the_first_point_inside() {
    let dice = &mut Dice::new(1);
    let (mut met, mut begun_inside) = (0, 0);
    for case in 0..3_000 {
        let (hitbox, pose) = (random_hitbox(dice), random_pose(dice));
        let from = pose.point.map(|along| along + 150.0 * signed(dice));
        let mut to = pose.point.map(|along| along + 120.0 * signed(dice));
        for axis in 0..3 {
            if dice.per_mille(150) {
                to[axis] = from[axis];
            }
        }
        let direction: [f32; 3] = std::array::from_fn(|axis| to[axis] - from[axis]);
        let length = 100.0 + 300.0 * part(dice);
        let Some(ray) = Ray::new(from, direction, length) else { continue };
        let norm = direction.iter().map(|&along| f64::from(along).powi(2)).sum::<f64>().sqrt();
        let point =
            |far: f64| std::array::from_fn(|axis| f64::from(from[axis]) + f64::from(direction[axis]) / norm * far);
        let spacing = f64::from(length) / STEPS as f64;
        let first = (0..=STEPS).map(|step| step as f64 * spacing).find(|&far| contains(&hitbox, &pose, point(far)));
        let hit = hitbox.hit(&pose, &ray);
        match (first, hit) {
            (Some(first), Some(hit)) => {
                assert!(hit <= first + 1e-6 && hit >= first - spacing - 1e-6, "case {case}: {hit}, not {first}");
                met += 1;
                begun_inside += usize::from(first == 0.0);
            }
            // A ray that only grazes a hitbox may pass between two of the points.
            (None, Some(hit)) => {
                assert!(hitbox.distance(&pose, point(hit).map(|along| along as f32)) < 1e-3, "case {case}");
                assert!(!contains(&hitbox, &pose, point(hit + spacing + 1e-6)), "case {case}: {hit}");
            }
            (Some(first), None) => panic!("case {case}: {hitbox:?} is met at {first}"),
            (None, None) => {}
        }
    }
    assert!(met > 500 && begun_inside > 50, "{met} met, {begun_inside} begun inside");
}

#[test]
fn the_distance_of_a_point_is_that_of_the_nearest_point_inside() {
    let dice = &mut Dice::new(2);
    for case in 0..300 {
        let (hitbox, pose) = (random_hitbox(dice), random_pose(dice));
        let point = pose.point.map(|along| along + 250.0 * signed(dice));
        let from = point.map(f64::from);
        let distance = hitbox.distance(&pose, point);
        assert_eq!(distance == 0.0, contains(&hitbox, &pose, from), "case {case}: {hitbox:?}");
        // A search that goes on from the nearest point found so far, with ever smaller steps: shapes are convex.
        let (Hitbox::Sphere { offset_z, .. } | Hitbox::Capsule { offset_z, .. } | Hitbox::Box { offset_z, .. }) =
            hitbox;
        let mut nearest = pose.point.map(f64::from);
        nearest[2] += f64::from(offset_z);
        let far = |to: [f64; 3]| (0..3).map(|axis| (to[axis] - from[axis]).powi(2)).sum::<f64>().sqrt();
        let mut reach = 300.0;
        while reach > 1e-4 {
            for _ in 0..150 {
                let to = nearest.map(|along| along + reach * f64::from(signed(dice)));
                if far(to) < far(nearest) && contains(&hitbox, &pose, to) {
                    nearest = to;
                }
            }
            reach *= 0.8;
        }
        let found = far(nearest);
        assert!(
            distance <= found + 1e-6 && found <= distance + 1.0,
            "case {case}: {distance}, not {found}: {hitbox:?}"
        );
    }
}

#[test]
fn a_box_turns_from_x_towards_y() {
    let long = Hitbox::Box { half: [100.0, 1.0, 1.0], offset_z: 0.0 };
    let turned = |yaw| Pose { rotation: [yaw, 0, 0], ..Pose::default() };
    assert_eq!(long.distance(&turned(0), [99.0, 0.0, 0.0]), 0.0);
    assert_eq!(long.distance(&turned(16_384), [0.0, 99.0, 0.0]), 0.0);
    assert_eq!(long.distance(&turned(8_192), [60.0, 60.0, 0.0]), 0.0);
    assert!(long.distance(&turned(8_192), [60.0, -60.0, 0.0]) > 50.0);
}

#[test]
fn the_radius_covers_the_offset() {
    assert_eq!(Hitbox::Sphere { radius: 1.0, offset_z: 0.0 }.radius(), 3.0f32.sqrt());
    let tall = Hitbox::Capsule { radius: 40.0, half_height: 90.0, offset_z: 90.0 };
    assert!((180.0..190.0).contains(&tall.radius()), "{}", tall.radius());
}
