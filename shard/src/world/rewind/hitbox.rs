//! Hitboxes: shapes around entities, and their exact distances to rays and points, in 64-bit floats.

use super::ray::{Ray, dot};
use ringshard_world::Pose;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// A shape around an entity, in units of the map. Its centre is `offset_z` above the point of the entity's pose.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum Hitbox {
    /// A sphere.
    Sphere {
        /// Its radius.
        radius: f32,
        /// Its centre is this far above the entity's point.
        offset_z: f32,
    },
    /// An upright capsule: a cylinder along z with a half sphere at each end.
    Capsule {
        /// The radius of cylinder and half spheres.
        radius: f32,
        /// Half of the whole height, half spheres included: at least the radius.
        half_height: f32,
        /// Its centre is this far above the entity's point.
        offset_z: f32,
    },
    /// A box that turns with the entity's yaw; pitch and roll do not tilt it.
    Box {
        /// Half its length along x (at yaw 0), y and z.
        half: [f32; 3],
        /// Its centre is this far above the entity's point.
        offset_z: f32,
    },
}

impl Hitbox {
    /// Whether all lengths are finite and not negative, and a capsule is at least as high as wide.
    pub(super) fn is_possible(&self) -> bool {
        let length = |length: f32| length.is_finite() && length >= 0.0;
        self.offset_z().is_finite()
            && match *self {
                Hitbox::Sphere { radius, .. } => length(radius),
                Hitbox::Capsule { radius, half_height, .. } => {
                    length(radius) && length(half_height) && half_height >= radius
                }
                Hitbox::Box { half, .. } => half.into_iter().all(length),
            }
    }

    fn offset_z(&self) -> f32 {
        match *self {
            Hitbox::Sphere { offset_z, .. } | Hitbox::Capsule { offset_z, .. } | Hitbox::Box { offset_z, .. } => {
                offset_z
            }
        }
    }

    /// The box around the hitbox, whatever its yaw, relative to the entity's point: low and high corner.
    pub(super) fn bounds(&self) -> [[f64; 3]; 2] {
        let [x, y, z] = match *self {
            Hitbox::Sphere { radius, .. } => [radius; 3].map(f64::from),
            Hitbox::Capsule { radius, half_height, .. } => [radius, radius, half_height].map(f64::from),
            Hitbox::Box { half, .. } => {
                let [x, y, z] = half.map(f64::from);
                let wide = x.hypot(y);
                [wide, wide, z]
            }
        };
        let offset = f64::from(self.offset_z());
        [[-x, -y, offset - z], [x, y, offset + z]]
    }

    /// Greatest distance of a point of the hitbox from the entity's point, in units.
    pub fn radius(&self) -> f32 {
        let [low, high] = self.bounds();
        let farthest: [f64; 3] = std::array::from_fn(|axis| low[axis].abs().max(high[axis].abs()));
        dot(farthest, farthest).sqrt() as f32
    }

    /// Distance along a ray, in units, at which it meets the hitbox of an entity with this pose; 0 if it begins inside.
    /// `None` if it does not meet it.
    pub fn hit(&self, pose: &Pose, ray: &Ray) -> Option<f64> {
        let from = self.relative(pose, ray.from);
        let [enter, exit] = match *self {
            Hitbox::Sphere { radius, .. } => in_sphere(from, ray.direction, radius.into()),
            Hitbox::Capsule { radius, half_height, .. } => {
                in_capsule(from, ray.direction, radius.into(), f64::from(half_height) - f64::from(radius))
            }
            Hitbox::Box { half, .. } => {
                let turn = Turn::back(pose.rotation[0]);
                in_box(turn.apply(from), turn.apply(ray.direction), half.map(f64::from))
            }
        };
        let distance = enter.max(0.0);
        (distance <= exit && distance <= ray.length).then_some(distance)
    }

    /// Distance of a point from the hitbox of an entity with this pose, in units; 0 inside.
    pub fn distance(&self, pose: &Pose, point: [f32; 3]) -> f64 {
        let [x, y, z] = self.relative(pose, point.map(f64::from));
        let beyond = |along: f64, half: f64| (along.abs() - half).max(0.0);
        match *self {
            Hitbox::Sphere { radius, .. } => (dot([x, y, z], [x, y, z]).sqrt() - f64::from(radius)).max(0.0),
            Hitbox::Capsule { radius, half_height, .. } => {
                let radius = f64::from(radius);
                let z = beyond(z, f64::from(half_height) - radius);
                (dot([x, y, z], [x, y, z]).sqrt() - radius).max(0.0)
            }
            Hitbox::Box { half, .. } => {
                let turned = Turn::back(pose.rotation[0]).apply([x, y, z]);
                let outside: [f64; 3] = std::array::from_fn(|axis| beyond(turned[axis], half[axis].into()));
                dot(outside, outside).sqrt()
            }
        }
    }

    /// A point, as seen from the centre of the hitbox.
    fn relative(&self, pose: &Pose, point: [f64; 3]) -> [f64; 3] {
        let [x, y, z] = pose.point.map(f64::from);
        [point[0] - x, point[1] - y, point[2] - (z + f64::from(self.offset_z()))]
    }
}

/// A rotation about z.
struct Turn {
    sin: f64,
    cos: f64,
}

impl Turn {
    /// From the directions of the map to those of an entity with this yaw.
    fn back(yaw: u16) -> Turn {
        let (sin, cos) = (-f64::from(yaw) * TAU / 65_536.0).sin_cos();
        Turn { sin, cos }
    }

    fn apply(&self, [x, y, z]: [f64; 3]) -> [f64; 3] {
        [x * self.cos - y * self.sin, x * self.sin + y * self.cos, z]
    }
}

/// The interval of a line that is outside: its end comes before its beginning.
const OUTSIDE: [f64; 2] = [f64::INFINITY, f64::NEG_INFINITY];

/// The interval of a line, by distance from `from`, in a sphere around the origin.
fn in_sphere(from: [f64; 3], direction: [f64; 3], radius: f64) -> [f64; 2] {
    // The point of the line that is nearest to the centre. The usual difference of squares is not exact far away.
    let nearest = -dot(from, direction);
    let aside: [f64; 3] = std::array::from_fn(|axis| from[axis] + direction[axis] * nearest);
    let half_square = radius * radius - dot(aside, aside);
    if half_square < 0.0 {
        return OUTSIDE;
    }
    let half = half_square.sqrt();
    [nearest - half, nearest + half]
}

/// The same in an upright capsule: two spheres, `half_segment` above and below the origin, and the cylinder between them.
/// A capsule is convex, so the three intervals make one.
fn in_capsule(from: [f64; 3], direction: [f64; 3], radius: f64, half_segment: f64) -> [f64; 2] {
    let sphere = |centre: f64| in_sphere([from[0], from[1], from[2] - centre], direction, radius);
    let mut whole = in_cylinder(from, direction, radius, half_segment);
    for [enter, exit] in [sphere(half_segment), sphere(-half_segment)] {
        whole = [whole[0].min(enter), whole[1].max(exit)];
    }
    whole
}

fn in_cylinder(from: [f64; 3], direction: [f64; 3], radius: f64, half_segment: f64) -> [f64; 2] {
    let [x, y, z] = from;
    let [along_x, along_y, along_z] = direction;
    let flat_square = along_x * along_x + along_y * along_y;
    let [mut enter, mut exit] = if flat_square > 0.0 {
        let nearest = -(x * along_x + y * along_y) / flat_square;
        let aside = [x + along_x * nearest, y + along_y * nearest];
        let half_square = (radius * radius - aside[0] * aside[0] - aside[1] * aside[1]) / flat_square;
        if half_square < 0.0 {
            return OUTSIDE;
        }
        [nearest - half_square.sqrt(), nearest + half_square.sqrt()]
    } else if x * x + y * y <= radius * radius {
        [f64::NEG_INFINITY, f64::INFINITY]
    } else {
        return OUTSIDE;
    };
    clip(&mut enter, &mut exit, z, along_z, half_segment);
    if enter <= exit { [enter, exit] } else { OUTSIDE }
}

/// The same in a box around the origin.
fn in_box(from: [f64; 3], direction: [f64; 3], half: [f64; 3]) -> [f64; 2] {
    let (mut enter, mut exit) = (f64::NEG_INFINITY, f64::INFINITY);
    for axis in 0..3 {
        clip(&mut enter, &mut exit, from[axis], direction[axis], half[axis]);
    }
    [enter, exit]
}

/// Clips an interval of a line to the slab that reaches `half` to both sides of 0 along one axis.
fn clip(enter: &mut f64, exit: &mut f64, from: f64, along: f64, half: f64) {
    if along == 0.0 {
        if from.abs() > half {
            [*enter, *exit] = OUTSIDE;
        }
        return;
    }
    let (a, b) = ((-half - from) / along, (half - from) / along);
    *enter = enter.max(a.min(b));
    *exit = exit.min(a.max(b));
}
