//! The heights on which something can stand at a point.

use ringshard_terrain::Terrain;

/// Calls `each` with the height of the ground at a point, and with the heights of all triangles above or below it.
pub fn heights_at(terrain: &Terrain, [x, y]: [f32; 2], mut each: impl FnMut(f32)) {
    each(terrain.height(x, y));
    let triangles = terrain.columns().triangles;
    terrain.triangles_near([x, y], [x, y], |number| {
        if let Some(z) = height_of(&triangles[number as usize], [x, y]) {
            each(z);
        }
    });
}

/// Of all heights at a point, the one nearest to `z`.
pub fn nearest_height(terrain: &Terrain, point: [f32; 2], z: f32) -> f32 {
    let mut best = f32::INFINITY;
    heights_at(terrain, point, |height| {
        if (height - z).abs() < (best - z).abs() {
            best = height;
        }
    });
    best
}

/// The height of a triangle at a point; `None` beside it, and for an upright triangle.
fn height_of(triangle: &[[f32; 3]; 3], [x, y]: [f32; 2]) -> Option<f32> {
    let [a, b, c] = triangle.map(|[at_x, at_y, z]| [f64::from(at_x - x), f64::from(at_y - y), f64::from(z)]);
    let cross = |p: [f64; 3], q: [f64; 3]| p[0] * q[1] - p[1] * q[0];
    let (of_a, of_b, of_c) = (cross(b, c), cross(c, a), cross(a, b));
    let area = of_a + of_b + of_c;
    let is_inside = of_a.min(of_b).min(of_c) >= 0.0 || of_a.max(of_b).max(of_c) <= 0.0;
    (is_inside && area.abs() > 1e-3).then(|| ((of_a * a[2] + of_b * b[2] + of_c * c[2]) / area) as f32)
}

/// How many triangles lie above a point. Inside a solid the number is odd.
pub fn triangles_above(terrain: &Terrain, [x, y, z]: [f32; 3]) -> usize {
    let triangles = terrain.columns().triangles;
    let mut above = 0;
    terrain.triangles_near([x, y], [x, y], |number| {
        above += usize::from(height_of(&triangles[number as usize], [x, y]).is_some_and(|height| height > z));
    });
    above
}
