//! When a moving box meets a triangle: a moving separating-axis test, which is exact for two convex bodies.

use crate::vector::{Vector, cross, dot, least, most, scale, sub};

/// Where a moving box first meets something.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Contact {
    /// The part of the way that is free, 0 to 1.
    pub(crate) part: f32,
    /// The direction in which the obstacle pushes, of length 1.
    pub(crate) normal: Vector,
    /// The height of the highest corner of the obstacle.
    pub(crate) top: f32,
}

/// The axes across an edge of the triangle and an edge of the box, and three without length: a multiple of what processors
/// calculate at once.
const ACROSS: usize = 12;

/// A moving box, whose centre begins at the origin, and a triangle.
#[derive(Clone, Copy)]
struct Pair {
    half: Vector,
    way: Vector,
    corners: [Vector; 3],
}

/// When the projections on the axes so far begin and end to overlap.
struct Times {
    /// The latest begin, and its axis, towards the box. Below 0: they overlap already.
    enter: f32,
    towards: Vector,
    /// The earliest end.
    leave: f32,
}

/// When a box with these half edges, whose centre is the origin, meets a triangle on its way. What comes after `before`, a
/// part of the way, does not count. A box that overlaps the triangle already meets it at once, unless it moves out by the
/// shortest way.
#[inline]
pub(crate) fn box_against_triangle(half: Vector, way: Vector, corners: [Vector; 3], before: f32) -> Option<Contact> {
    let pair = Pair { half, way, corners };
    let mut times = Times { enter: -1.0, towards: [0.0; 3], leave: before };
    for axis in 0..3 {
        let mut unit = [0.0; 3];
        unit[axis] = 1.0;
        let [a, b, c] = corners.map(|corner| corner[axis]);
        times.project(unit, least(least(a, b), c), most(most(a, b), c), half[axis], way[axis])?;
    }
    let normal = cross(sub(corners[1], corners[0]), sub(corners[2], corners[1]));
    let at = dot(normal, corners[0]);
    times.project(normal, at, at, pair.reach(normal), dot(normal, way))?;
    pair.project_across(&mut times)?;
    let (part, towards) = if times.enter >= 0.0 { (times.enter, times.towards) } else { (0.0, pair.way_out()) };
    let length = dot(towards, towards).sqrt();
    if length == 0.0 || dot(towards, way) >= 0.0 {
        return None;
    }
    Some(Contact { part, normal: scale(towards, 1.0 / length), top: 0.0 })
}

impl Times {
    /// Takes in one axis: the triangle's projection is `low..=high`, that of the box `-reach..=reach`, moving by `speed`. None:
    /// they do not meet.
    #[inline]
    fn project(&mut self, axis: Vector, low: f32, high: f32, reach: f32, speed: f32) -> Option<()> {
        if low > reach {
            // The triangle is ahead.
            if speed <= 0.0 {
                return None;
            }
            let enter = (low - reach) / speed;
            if enter > self.enter {
                (self.enter, self.towards) = (enter, scale(axis, -1.0));
            }
        } else if high < -reach {
            if speed >= 0.0 {
                return None;
            }
            let enter = (high + reach) / speed;
            if enter > self.enter {
                (self.enter, self.towards) = (enter, axis);
            }
        }
        if speed != 0.0 {
            let passed = if speed > 0.0 { high + reach } else { low - reach };
            self.leave = least(self.leave, passed / speed);
        }
        if self.enter > self.leave { None } else { Some(()) }
    }
}

impl Pair {
    /// Half of the box's projection on an axis.
    #[inline]
    fn reach(&self, axis: Vector) -> f32 {
        self.half[0] * axis[0].abs() + self.half[1] * axis[1].abs() + self.half[2] * axis[2].abs()
    }

    /// The axes across the edges, as columns.
    #[inline]
    fn across(&self) -> [[f32; ACROSS]; 3] {
        let mut axes = [[0.0; ACROSS]; 3];
        for edge in 0..3 {
            let [x, y, z] = sub(self.corners[(edge + 1) % 3], self.corners[edge]);
            for (unit, axis) in [[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]].into_iter().enumerate() {
                (0..3).for_each(|part| axes[part][3 * edge + unit] = axis[part]);
            }
        }
        axes
    }

    /// Takes in the axes across the edges. All of them at once: the loops become vector instructions.
    #[inline]
    fn project_across(&self, times: &mut Times) -> Option<()> {
        let [x, y, z] = self.across();
        let (mut enters, mut leaves) = ([0.0; ACROSS], [0.0; ACROSS]);
        for axis in 0..ACROSS {
            let on = |vector: Vector| x[axis] * vector[0] + y[axis] * vector[1] + z[axis] * vector[2];
            let [a, b, c] = [on(self.corners[0]), on(self.corners[1]), on(self.corners[2])];
            let (low, high) = (least(least(a, b), c), most(most(a, b), c));
            let reach = self.half[0] * x[axis].abs() + self.half[1] * y[axis].abs() + self.half[2] * z[axis].abs();
            let speed = on(self.way);
            let (ahead, behind) = (low > reach, high < -reach);
            let gap = if ahead { low - reach } else { high + reach };
            let meets = if ahead { speed > 0.0 } else { speed < 0.0 };
            let enter = if meets { gap / speed } else { f32::INFINITY };
            enters[axis] = if ahead | behind { enter } else { -1.0 };
            let passed = if speed > 0.0 { high + reach } else { low - reach };
            leaves[axis] = if speed == 0.0 { f32::INFINITY } else { passed / speed };
        }
        times.leave = leaves.iter().fold(times.leave, |sum, &leave| least(sum, leave));
        let latest = enters.iter().fold(times.enter, |sum, &enter| most(sum, enter));
        if latest > times.leave {
            return None;
        }
        if latest > times.enter {
            let axis = enters.iter().position(|&enter| enter == latest).expect("it is one of them");
            let axis = [x[axis], y[axis], z[axis]];
            // Towards the box: against its way.
            let side = if dot(axis, self.way) > 0.0 { -1.0 } else { 1.0 };
            (times.enter, times.towards) = (latest, scale(axis, side));
        }
        Some(())
    }

    /// The shortest way out of a triangle that overlaps the box: an axis, towards the box.
    #[cold]
    fn way_out(&self) -> Vector {
        let [x, y, z] = self.across();
        let normal = cross(sub(self.corners[1], self.corners[0]), sub(self.corners[2], self.corners[1]));
        let across = (0..ACROSS).map(|axis| [x[axis], y[axis], z[axis]]);
        let axes = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], normal].into_iter().chain(across);
        let (mut least, mut out) = (f32::INFINITY, [0.0; 3]);
        for axis in axes {
            let [a, b, c] = self.corners.map(|corner| dot(axis, corner));
            let (behind, ahead) = (a.max(b).max(c) + self.reach(axis), self.reach(axis) - a.min(b).min(c));
            let (depth, towards) = if behind < ahead { (behind, axis) } else { (ahead, scale(axis, -1.0)) };
            let length = dot(axis, axis).sqrt();
            // An axis without length separates nothing.
            if length > 0.0 && depth / length < least {
                (least, out) = (depth / length, towards);
            }
        }
        out
    }
}
