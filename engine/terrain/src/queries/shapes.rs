//! Balls, capsules and boxes against ground and static geometry. The lists of cells find the triangles near a body; parry
//! compares the body with each of them.

use super::beam::Beam;
use super::ray::{Impact, Surface};
use super::squares;
use crate::Terrain;
use crate::file::{CellTriangle, triangle_flags};
use parry3d::math::{Pose, Rotation, Vector};
use parry3d::query::details::{
    intersection_test_ball_point_query, intersection_test_cuboid_triangle, intersection_test_support_map_support_map,
};
use parry3d::query::gjk::{VoronoiSimplex, directional_distance};
use parry3d::shape::{Ball, Capsule, Cuboid, Triangle};
use ringshard_world::turn;

/// A body in a query, in units. It is placed by its centre. Lengths are positive and finite; a body with others meets nothing.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Body {
    /// A ball.
    Ball {
        /// Its radius.
        radius: f32,
    },
    /// An upright capsule: a cylinder along z with a half ball at each end.
    Capsule {
        /// The radius of cylinder and half balls.
        radius: f32,
        /// Half of the whole height, half balls included: at least the radius.
        half_height: f32,
    },
    /// An upright box.
    Box {
        /// Half of its length along x (at yaw 0), y and z.
        half: [f32; 3],
        /// Its rotation about z, in 65,536ths of a turn.
        yaw: u16,
    },
}

/// A body in parry's words. Boxes turn; the others need not.
enum Form {
    Ball(Ball),
    Capsule(Capsule),
    Box(Cuboid),
}

/// A body that was checked.
struct Solid {
    form: Form,
    rotation: Rotation,
    /// Half edges of the box around it.
    reach: [f32; 3],
}

impl Solid {
    fn new(body: &Body) -> Option<Solid> {
        let is_length = |length: f32| length > 0.0 && length.is_finite();
        match *body {
            Body::Ball { radius } => is_length(radius).then(|| Solid {
                form: Form::Ball(Ball::new(radius)),
                rotation: Rotation::IDENTITY,
                reach: [radius; 3],
            }),
            Body::Capsule { radius, half_height } => {
                let is_possible = is_length(radius) && is_length(half_height) && half_height >= radius;
                let end = Vector::new(0.0, 0.0, half_height - radius);
                is_possible.then(|| Solid {
                    form: Form::Capsule(Capsule::new(-end, end, radius)),
                    rotation: Rotation::IDENTITY,
                    reach: [radius, radius, half_height],
                })
            }
            Body::Box { half, yaw } => {
                let [x, y] = turn::direction(yaw);
                let reach = [half[0] * x.abs() + half[1] * y.abs(), half[0] * y.abs() + half[1] * x.abs(), half[2]];
                half.into_iter().all(is_length).then(|| Solid {
                    form: Form::Box(Cuboid::new(Vector::from_array(half))),
                    rotation: Rotation::from_rotation_z(y.atan2(x)),
                    reach,
                })
            }
        }
    }

    /// Where the body, whose centre begins at the origin, meets a triangle on its way: distance, point, and normal of the
    /// triangle towards the body.
    fn cast(&self, direction: Vector, length: f32, triangle: &Triangle) -> Option<(f32, Vector, Vector)> {
        let place = Pose::from_parts(Vector::ZERO, self.rotation).inverse();
        let way = self.rotation.inverse() * -direction;
        let mut simplex = VoronoiSimplex::new();
        let met = match &self.form {
            Form::Ball(ball) => directional_distance(&place, ball, triangle, way, &mut simplex),
            Form::Capsule(capsule) => directional_distance(&place, capsule, triangle, way, &mut simplex),
            Form::Box(cuboid) => directional_distance(&place, cuboid, triangle, way, &mut simplex),
        };
        let (distance, towards, point, _) = met.filter(|(distance, ..)| *distance <= length)?;
        if distance <= 0.0 {
            return Some((0.0, Vector::ZERO, -direction));
        }
        let normal = (self.rotation * -towards).try_normalize().unwrap_or(-direction);
        Some((distance, self.rotation * point + direction * distance, normal))
    }

    /// Whether the body, whose centre is the origin, touches a triangle.
    fn overlaps(&self, triangle: &Triangle) -> bool {
        let place = Pose::from_parts(Vector::ZERO, self.rotation).inverse();
        match &self.form {
            Form::Ball(ball) => intersection_test_ball_point_query(&place, ball, triangle).intersecting,
            Form::Capsule(capsule) => intersection_test_support_map_support_map(&place, capsule, triangle),
            Form::Box(cuboid) => intersection_test_cuboid_triangle(&place, cuboid, triangle),
        }
    }
}

impl Terrain {
    /// The first surface that a body meets on its way in a line between two points, if there is one. A body that touches
    /// something where it begins meets it at distance 0.
    ///
    /// Surfaces are the same as for [`Terrain::ray`]. They have no thickness: a body within a closed house meets nothing. A way
    /// that is not finite meets nothing. Costs about a microsecond for each triangle that is near.
    pub fn cast(&self, body: Body, from: [f32; 3], to: [f32; 3]) -> Option<Impact> {
        let solid = Solid::new(&body)?;
        let Some(beam) = Beam::between(self, from, to, solid.reach) else {
            return self.touching(&solid, from);
        };
        let direction = Vector::from_array(beam.direction);
        // Part by part, so that a long way does not look up what lies beside it.
        let part = self.shape().section[0] / crate::file::SECTION_CELLS as f32 + solid.reach[0].max(solid.reach[1]);
        let parts = (beam.length / part).ceil().clamp(1.0, 65_536.0);
        let mut first: Option<Impact> = None;
        for number in 0..parts as u32 {
            let begin = beam.length * (number as f32 / parts);
            let length = first.as_ref().map_or(beam.length / parts, |it| it.distance - begin - beam.skipped);
            if length < 0.0 {
                break;
            }
            let start = beam.point(begin);
            let end = beam.point(begin + length);
            self.each_facet(start, end, &solid, |corners, surface| {
                let left = first.as_ref().map_or(length, |it| it.distance - begin - beam.skipped);
                if let Some((distance, point, normal)) = solid.cast(direction, left, &triangle(corners, start)) {
                    let point = point.to_array();
                    first = Some(Impact {
                        distance: beam.skipped + begin + distance,
                        point: std::array::from_fn(|axis| start[axis] + point[axis]),
                        normal: normal.to_array(),
                        surface,
                    });
                }
            });
            if first.is_some() {
                break;
            }
        }
        first
    }

    /// Whether a body whose centre is at a point touches a surface, or its centre is under ground.
    pub fn overlaps(&self, body: Body, at: [f32; 3]) -> bool {
        let mut overlaps = false;
        self.each_overlap(body, at, |_| overlaps = true);
        overlaps
    }

    /// Passes to `each` what a body touches whose centre is at a point: each triangle once, and the ground once for each of
    /// its triangles, or if the centre is under ground.
    pub fn each_overlap(&self, body: Body, at: [f32; 3], mut each: impl FnMut(Surface)) {
        let Some(solid) = Solid::new(&body).filter(|_| at.iter().all(|along| along.is_finite())) else { return };
        let size = self.map().size();
        let is_on_map = (0..2).all(|axis| (0.0..=size[axis]).contains(&at[axis]));
        if is_on_map && at[2] < self.height(at[0], at[1]) {
            each(Surface::Ground);
        }
        self.each_facet(at, at, &solid, |corners, surface| {
            if solid.overlaps(&triangle(corners, at)) {
                each(surface);
            }
        });
    }

    fn touching(&self, solid: &Solid, at: [f32; 3]) -> Option<Impact> {
        let mut found = None;
        if at.iter().all(|along| along.is_finite()) {
            self.each_facet(at, at, solid, |corners, surface| {
                if found.is_none() && solid.overlaps(&triangle(corners, at)) {
                    found = Some(Impact { distance: 0.0, point: at, normal: [0.0, 0.0, 1.0], surface });
                }
            });
        }
        found
    }

    /// Passes on the triangles of ground and geometry near the way of a body.
    fn each_facet(&self, from: [f32; 3], to: [f32; 3], solid: &Solid, mut each: impl FnMut([[f32; 3]; 3], Surface)) {
        // A little more, so that no rounding leaves out a triangle that touches.
        let margin = solid.reach.map(|along| along * 1.001 + 0.25);
        let low = std::array::from_fn(|axis| from[axis].min(to[axis]) - margin[axis]);
        let high = std::array::from_fn(|axis| from[axis].max(to[axis]) + margin[axis]);
        let columns = self.columns();
        let is_wanted =
            |entry: &CellTriangle| entry.flags & u32::from(triangle_flags::INVISIBLE) == 0 && entry.reaches(low, high);
        self.entries_near([low[0], low[1]], [high[0], high[1]], is_wanted, |entry| {
            each(columns.triangles[entry.triangle as usize], Surface::Triangle(entry.triangle));
        });
        let shape = self.shape();
        let square = |at: f32, axis: usize| ((at * self.squares_per_unit) as u32).min(shape.heights[axis] - 2);
        for y in square(low[1], 1)..=square(high[1], 1) {
            for x in square(low[0], 0)..=square(high[0], 0) {
                let four = squares::heights(columns, [x, y]);
                let reaches = |corner: &u16| squares::height_of(shape, *corner);
                let least = four.iter().map(reaches).fold(f32::INFINITY, f32::min);
                let most = four.iter().map(reaches).fold(f32::NEG_INFINITY, f32::max);
                if least <= high[2] && most >= low[2] {
                    for greater_y in [false, true] {
                        each(squares::half(shape, [x, y], four, greater_y), Surface::Ground);
                    }
                }
            }
        }
    }
}

/// A triangle, relative to a point.
fn triangle(corners: [[f32; 3]; 3], from: [f32; 3]) -> Triangle {
    let [a, b, c] = corners.map(|corner| Vector::from_array(std::array::from_fn(|axis| corner[axis] - from[axis])));
    Triangle::new(a, b, c)
}
