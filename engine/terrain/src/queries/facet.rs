//! Where a ray meets a triangle.
//!
//! This is the watertight test of Woop, Benthin and Wald (2013): the triangle is sheared so that the ray becomes an axis. The
//! sides of two triangles with a common edge are then judged by the same products, so no ray passes between them.

use super::beam::Beam;

/// A ray, prepared for many triangles. Corners are relative to its beginning.
pub(super) struct Shear {
    /// The axis along which the ray advances most, last.
    axes: [usize; 3],
    /// By how much the other axes are sheared, and the scale of the last.
    shear: [f32; 3],
}

impl Shear {
    pub(super) fn new(beam: &Beam) -> Shear {
        let [x, y, z] = beam.direction.map(f32::abs);
        let axes = if z >= x && z >= y {
            [0, 1, 2]
        } else if y >= x {
            [2, 0, 1]
        } else {
            [1, 2, 0]
        };
        let [a, b, main] = axes.map(|axis| beam.direction[axis]);
        Shear { axes, shear: [a / main, b / main, 1.0 / main] }
    }

    /// The distance along the ray at which it meets a triangle, from either side; it may be negative. `None` if it passes, or
    /// runs in its plane.
    #[inline]
    pub(super) fn meets(&self, corners: [[f32; 3]; 3]) -> Option<f32> {
        let ([i, j, k], [across, down, scale]) = (self.axes, self.shear);
        let [[ax, ay, az], [bx, by, bz], [cx, cy, cz]] =
            corners.map(|corner| [corner[i] - across * corner[k], corner[j] - down * corner[k], corner[k] * scale]);
        let (u, v, w) = (cx * by - cy * bx, ax * cy - ay * cx, bx * ay - by * ax);
        if (u < 0.0 || v < 0.0 || w < 0.0) && (u > 0.0 || v > 0.0 || w > 0.0) {
            return None;
        }
        let whole = u + v + w;
        if whole == 0.0 {
            return None;
        }
        Some((u * az + v * bz + w * cz) / whole)
    }
}

/// The normal of a triangle, of length 1, on the side from which a ray comes. For a triangle without area, against the ray.
pub(super) fn normal(corners: [[f32; 3]; 3], direction: [f32; 3]) -> [f32; 3] {
    let [a, b, c] = corners.map(|corner| corner.map(f64::from));
    let (p, q): ([f64; 3], [f64; 3]) =
        (std::array::from_fn(|axis| b[axis] - a[axis]), std::array::from_fn(|axis| c[axis] - a[axis]));
    let cross = [p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]];
    let length = cross.iter().map(|along| along * along).sum::<f64>().sqrt();
    if length == 0.0 {
        return direction.map(|along| -along);
    }
    let towards: f64 = (0..3).map(|axis| cross[axis] * f64::from(direction[axis])).sum();
    let scale = if towards > 0.0 { -1.0 / length } else { 1.0 / length };
    cross.map(|along| (along * scale) as f32)
}
