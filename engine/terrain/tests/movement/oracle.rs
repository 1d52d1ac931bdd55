//! What must never be: a body in a triangle, or a way through one. The bodies are compared with parry, and lines in 64 bits.

use parry3d::math::{Pose, Vector};
use parry3d::query::intersection_test;
use parry3d::shape::{Cuboid, Triangle};
use ringshard_terrain::Terrain;
use ringshard_terrain::movement::{Tuning, Walker};

type Point = [f32; 3];

/// All triangles, each with the box around it.
pub struct Oracle {
    triangles: Vec<([Point; 3], [Point; 2])>,
}

impl Oracle {
    pub fn new(terrain: &Terrain) -> Oracle {
        let around = |corners: &[Point; 3]| {
            let fold = |pick: fn(f32, f32) -> f32| {
                std::array::from_fn(|axis| pick(pick(corners[0][axis], corners[1][axis]), corners[2][axis]))
            };
            [fold(f32::min), fold(f32::max)]
        };
        Oracle { triangles: terrain.columns().triangles.iter().map(|corners| (*corners, around(corners))).collect() }
    }

    fn near(&self, low: Point, high: Point) -> impl Iterator<Item = &[Point; 3]> {
        let reaches =
            move |[from, to]: &[Point; 2]| (0..3).all(|axis| from[axis] <= high[axis] && to[axis] >= low[axis]);
        self.triangles.iter().filter(move |(_, around)| reaches(around)).map(|(corners, _)| corners)
    }

    /// A triangle in the body of a character, which is smaller by `less` on each side.
    pub fn inside(&self, tuning: &Tuning, point: Point, less: f32) -> Option<&[Point; 3]> {
        let half = [tuning.radius - less, tuning.radius - less, tuning.height / 2.0 - less];
        let centre = [point[0], point[1], point[2] + tuning.height / 2.0];
        let low = std::array::from_fn(|axis| centre[axis] - half[axis]);
        let high = std::array::from_fn(|axis| centre[axis] + half[axis]);
        let body = Cuboid::new(Vector::from_array(half));
        self.near(low, high).find(|corners| {
            let [a, b, c] = corners.map(|corner| {
                let relative: Point = std::array::from_fn(|axis| corner[axis] - centre[axis]);
                Vector::from_array(relative)
            });
            let triangle = Triangle::new(a, b, c);
            // A triangle without area has no inside.
            triangle.area() > 1e-3 && is_hit(&body, &triangle)
        })
    }

    /// A triangle that the middle of the body has gone through, if it went straight.
    pub fn crossed(&self, tuning: &Tuning, from: &Walker, to: &Walker) -> Option<&[Point; 3]> {
        let middle = |walker: &Walker| {
            let [x, y, z] = walker.point;
            [x, y, z + tuning.height / 2.0]
        };
        let (from, to) = (middle(from), middle(to));
        let low = std::array::from_fn(|axis| from[axis].min(to[axis]));
        let high = std::array::from_fn(|axis| from[axis].max(to[axis]));
        self.near(low, high).find(|corners| crosses(corners, from, to))
    }
}

/// Whether a line between two points goes through a triangle.
fn crosses(corners: &[Point; 3], from: Point, to: Point) -> bool {
    let minus =
        |a: Point, b: Point| -> [f64; 3] { std::array::from_fn(|axis| f64::from(a[axis]) - f64::from(b[axis])) };
    let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let cross =
        |a: [f64; 3], b: [f64; 3]| [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    let (way, p, q) = (minus(to, from), minus(corners[1], corners[0]), minus(corners[2], corners[0]));
    let across = cross(way, q);
    let determinant = dot(p, across);
    if determinant.abs() < 1e-9 {
        return false;
    }
    let start = minus(from, corners[0]);
    let u = dot(start, across) / determinant;
    let up = cross(start, p);
    let (v, part) = (dot(way, up) / determinant, dot(q, up) / determinant);
    u >= 0.0 && v >= 0.0 && u + v <= 1.0 && (0.0..=1.0).contains(&part)
}

fn is_hit(body: &Cuboid, triangle: &Triangle) -> bool {
    let here = Pose::IDENTITY;
    intersection_test(&here, body, &here, triangle).expect("parry knows both shapes").intersecting
}
