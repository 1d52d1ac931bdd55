//! A ray that was checked: finite, with a direction of length 1.

/// A ray, in units of the map.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ray {
    pub(super) from: [f64; 3],
    /// Of length 1.
    pub(super) direction: [f64; 3],
    pub(super) length: f64,
}

impl Ray {
    /// A ray of `length` units; `direction` need not have length 1, and `length` may be infinite.
    ///
    /// `None` if a coordinate is not finite, the direction is zero, or the length is negative or NaN.
    pub fn new(from: [f32; 3], direction: [f32; 3], length: f32) -> Option<Ray> {
        let from = from.map(f64::from);
        let direction = direction.map(f64::from);
        // Squares of 32-bit floats neither overflow nor vanish in 64 bits.
        let norm = dot(direction, direction).sqrt();
        let usable = from.iter().all(|along| along.is_finite()) && norm.is_finite() && norm > 0.0 && length >= 0.0;
        usable.then(|| Ray { from, direction: direction.map(|along| along / norm), length: length.into() })
    }

    /// The point at this distance from the start.
    pub fn point(&self, distance: f64) -> [f32; 3] {
        std::array::from_fn(|axis| (self.from[axis] + self.direction[axis] * distance) as f32)
    }

    /// The same ray with another unit of length, of `unit` present ones.
    pub(super) fn in_units_of(&self, unit: f64) -> Ray {
        Ray { from: self.from.map(|along| along / unit), direction: self.direction, length: self.length / unit }
    }

    /// The part of the ray in a box: distances of its two ends. `None` if there is none.
    pub(super) fn part_in(&self, low: [f64; 3], high: [f64; 3]) -> Option<[f64; 2]> {
        let (mut enter, mut exit) = (0.0f64, self.length);
        for axis in 0..3 {
            let (from, along) = (self.from[axis], self.direction[axis]);
            if along == 0.0 {
                if from < low[axis] || from > high[axis] {
                    return None;
                }
                continue;
            }
            let (a, b) = ((low[axis] - from) / along, (high[axis] - from) / along);
            enter = enter.max(a.min(b));
            exit = exit.min(a.max(b));
        }
        (enter <= exit).then_some([enter, exit])
    }
}

pub(super) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
