//! Random plans, and a slow and exact answer to every query.

use crate::dice::Dice;
use ringshard_terrain::file::triangle_flags::INVISIBLE;
use ringshard_terrain::{Plan, Surface, Terrain};

/// Edge of the maps of [`random_plan`], in units. A cell has 25 units, a square of the height field 100.
pub const EDGE: f32 = 3_200.0;

/// Hills, boxes, and triangles of all sizes and directions; a few of them let rays through.
pub fn random_plan(dice: &mut Dice, solids: usize) -> Plan {
    let mut plan = Plan::flat([1_600.0, 800.0], [2, 2, 1], [1, 1, 1]);
    plan.shape.height_spacing = 100.0;
    plan.shape.heights = [33, 33];
    plan.shape.height_scale = 1.0 / 64.0;
    plan.heights = (0..33 * 33).map(|_| (64 * dice.below(120)) as u16).collect();
    for _ in 0..solids {
        let low = dice.point([0.0, 0.0, -50.0], [EDGE - 400.0, EDGE - 400.0, 300.0]);
        if dice.below(2) == 0 {
            let size = dice.point([1.0; 3], [200.0; 3]);
            plan.add_box(low, std::array::from_fn(|axis| low[axis] + size[axis]));
        } else {
            let corner = |dice: &mut Dice| {
                let reach = dice.point([0.0; 3], [400.0; 3]);
                std::array::from_fn(|axis| low[axis] + reach[axis])
            };
            let flags = if dice.below(8) == 0 { INVISIBLE } else { 0 };
            plan.triangles.push(([corner(dice), corner(dice), corner(dice)], flags));
        }
    }
    plan
}

/// All that a ray can meet.
pub fn facets(terrain: &Terrain) -> Vec<([[f64; 3]; 3], Surface)> {
    let columns = terrain.columns();
    let triangles = columns.triangles.iter().zip(columns.triangle_flags).enumerate();
    let solid = triangles.filter(|(_, (_, flags))| **flags & INVISIBLE == 0);
    let mut all: Vec<_> = solid
        .map(|(number, (triangle, _))| (triangle.map(|it| it.map(f64::from)), Surface::Triangle(number as u32)))
        .collect();
    let shape = terrain.shape();
    let corner = |x: u32, y: u32| {
        let height = columns.heights[(y * shape.heights[0] + x) as usize];
        let height = f64::from(shape.height_base) + f64::from(shape.height_scale) * f64::from(height);
        [f64::from(x) * f64::from(shape.height_spacing), f64::from(y) * f64::from(shape.height_spacing), height]
    };
    for y in 0..shape.heights[1] - 1 {
        for x in 0..shape.heights[0] - 1 {
            let (a, b, c, d) = (corner(x, y), corner(x + 1, y), corner(x, y + 1), corner(x + 1, y + 1));
            all.extend([([a, b, d], Surface::Ground), ([a, d, c], Surface::Ground)]);
        }
    }
    all
}

pub fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|axis| a[axis] - b[axis])
}

pub fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// Where a ray meets the plane of a triangle (Moller and Trumbore, 1997), and how far inside the triangle that is: the least of
/// the three barycentric coordinates. `None` if the ray is almost parallel to the plane.
pub fn meets(corners: &[[f64; 3]; 3], from: [f64; 3], direction: [f64; 3]) -> Option<(f64, f64)> {
    let (p, q) = (minus(corners[1], corners[0]), minus(corners[2], corners[0]));
    let across = cross(direction, q);
    let determinant = dot(p, across);
    let area = dot(cross(p, q), cross(p, q)).sqrt();
    if determinant.abs() <= area * 1e-3 {
        return None;
    }
    let start = minus(from, corners[0]);
    let u = dot(start, across) / determinant;
    let up = cross(start, p);
    let v = dot(direction, up) / determinant;
    Some((dot(q, up) / determinant, u.min(v).min(1.0 - u - v)))
}
