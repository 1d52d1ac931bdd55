//! Whether a body fits into a place.

use crate::source::Agent;
use ringshard_terrain::Terrain;

/// The highest ground below a point: its height and how level it is, the z of its normal. `None` if the ground is above it.
pub(super) fn support(terrain: &Terrain, [x, y, top]: [f32; 3]) -> Option<(f32, f32)> {
    let (ground, [along_x, along_y]) = terrain.ground(x, y);
    let mut best = (ground <= top).then(|| (ground, 1.0 / (1.0 + along_x * along_x + along_y * along_y).sqrt()))?;
    terrain.triangles_near([x, y], [x, y], |triangle| {
        let corners = &terrain.columns().triangles[triangle as usize];
        if let Some((z, normal)) = crossing(corners, [x, y, 0.0], 2)
            && z <= top
            && z >= best.0
        {
            best = (z, normal.abs());
        }
    });
    Some(best)
}

/// Where a line along an axis through a point meets a triangle, and the triangle's normal along that axis.
fn crossing(corners: &[[f32; 3]; 3], point: [f32; 3], axis: usize) -> Option<(f32, f32)> {
    let (right, up) = ((axis + 1) % 3, (axis + 2) % 3);
    let flat = corners.map(|corner| [f64::from(corner[right] - point[right]), f64::from(corner[up] - point[up])]);
    let cross = |a: [f64; 2], b: [f64; 2]| a[0] * b[1] - a[1] * b[0];
    // Twice the areas of the three triangles that the point makes with the sides.
    let areas = [cross(flat[1], flat[2]), cross(flat[2], flat[0]), cross(flat[0], flat[1])];
    let whole: f64 = areas.iter().sum();
    let is_inside = areas.iter().all(|area| *area >= 0.0) || areas.iter().all(|area| *area <= 0.0);
    if !is_inside || whole == 0.0 {
        return None;
    }
    let at: f64 = (0..3).map(|corner| areas[corner] / whole * f64::from(corners[corner][axis])).sum();
    let normal = normal(corners);
    let length = normal.iter().map(|it| it * it).sum::<f64>().sqrt();
    Some((at as f32, (normal[axis] / length) as f32))
}

fn normal([a, b, c]: &[[f32; 3]; 3]) -> [f64; 3] {
    let from_a = |to: &[f32; 3]| -> [f64; 3] { std::array::from_fn(|axis| f64::from(to[axis]) - f64::from(a[axis])) };
    cross(from_a(b), from_a(c))
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// What a body with its feet at a point collides with.
pub(super) fn obstacle(terrain: &Terrain, [x, y, z]: [f32; 3], agent: &Agent) -> Option<String> {
    let Agent { radius, height, step_height, .. } = *agent;
    // What is lower than a step is no obstacle.
    let low = [x - radius, y - radius, z + step_height];
    let high = [x + radius, y + radius, z + height];
    let mut hit = None;
    terrain.triangles_near([low[0], low[1]], [high[0], high[1]], |triangle| {
        let corners = &terrain.columns().triangles[triangle as usize];
        if hit.is_none() && touches(corners, low, high) {
            hit = Some(*corners);
        }
    });
    if let Some(corners) = hit {
        return Some(format!("collides with the triangle {corners:?}"));
    }
    let highest = [[0, 0], [0, 1], [1, 0], [1, 1]]
        .map(|[right, up]| terrain.height([low[0], high[0]][right], [low[1], high[1]][up]))
        .into_iter()
        .fold(f32::MIN, f32::max);
    if highest > low[2] {
        return Some(format!("collides with the ground, which is up to {} units higher around it", highest - z));
    }
    let middle = [x, y, (low[2] + high[2]) / 2.0];
    let is_inside = (0..6).all(|way| leaves(terrain, middle, way % 3, way < 3));
    is_inside.then(|| "lies in a solid".to_owned())
}

/// Whether a ray along an axis leaves a solid first: it meets the back of a triangle.
fn leaves(terrain: &Terrain, point: [f32; 3], axis: usize, forwards: bool) -> bool {
    let [width, depth, _] = terrain.map().size();
    let (mut low, mut high) = ([point[0], point[1]], [point[0], point[1]]);
    if axis < 2 && forwards {
        high[axis] = [width, depth][axis];
    } else if axis < 2 {
        low[axis] = 0.0;
    }
    let sign = if forwards { 1.0 } else { -1.0 };
    let mut nearest: Option<(f32, f32)> = None;
    terrain.triangles_near(low, high, |triangle| {
        let corners = &terrain.columns().triangles[triangle as usize];
        let Some((at, normal)) = crossing(corners, point, axis) else { return };
        let distance = (at - point[axis]) * sign;
        if distance >= 0.0 && nearest.is_none_or(|(least, _)| distance < least) {
            nearest = Some((distance, normal * sign));
        }
    });
    nearest.is_some_and(|(_, normal)| normal > 0.0)
}

/// Whether a triangle and a box have a point in common: no plane separates them.
fn touches(corners: &[[f32; 3]; 3], low: [f32; 3], high: [f32; 3]) -> bool {
    let half: [f64; 3] = std::array::from_fn(|axis| (f64::from(high[axis]) - f64::from(low[axis])) / 2.0);
    let middle: [f64; 3] = std::array::from_fn(|axis| (f64::from(high[axis]) + f64::from(low[axis])) / 2.0);
    let points: [[f64; 3]; 3] =
        corners.map(|corner| std::array::from_fn(|axis| f64::from(corner[axis]) - middle[axis]));
    let separates = |plane: [f64; 3]| {
        let reach: f64 = (0..3).map(|axis| half[axis] * plane[axis].abs()).sum();
        let along = points.map(|point| (0..3).map(|axis| plane[axis] * point[axis]).sum::<f64>());
        along.iter().all(|it| *it > reach) || along.iter().all(|it| *it < -reach)
    };
    let axes = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let side =
        |from: usize| -> [f64; 3] { std::array::from_fn(|axis| points[(from + 1) % 3][axis] - points[from][axis]) };
    let edges = (0..9).map(|pair| cross(axes[pair % 3], side(pair / 3)));
    !axes.into_iter().chain([normal(corners)]).chain(edges).any(separates)
}
