//! A ray that was checked: finite, with a direction of length 1, and cut to the space in which a map can have geometry.

use crate::Terrain;

/// A part of a ray in a map.
pub(super) struct Beam {
    /// Where it begins: in the map, or within rounding of it.
    pub(super) from: [f32; 3],
    /// Of length 1.
    pub(super) direction: [f32; 3],
    /// How far before `from` the ray begins, in units.
    pub(super) skipped: f32,
    /// Its length, in units.
    pub(super) length: f32,
    /// The length of the whole ray.
    pub(super) whole: f32,
}

impl Beam {
    /// The part of a ray in a map. `None` if it does not reach the map, or is no ray: a number is not finite, the direction is
    /// zero, or `max` is negative. `max` may be infinite.
    pub(super) fn new(terrain: &Terrain, from: [f32; 3], direction: [f32; 3], max: f32) -> Option<Beam> {
        // In 64 bits, squares of 32-bit floats neither overflow nor vanish.
        let direction = direction.map(f64::from);
        let norm = direction.iter().map(|along| along * along).sum::<f64>().sqrt();
        let is_ray = from.iter().all(|along| along.is_finite()) && norm.is_finite() && norm > 0.0 && max >= 0.0;
        if !is_ray {
            return None;
        }
        Beam::of(from, direction.map(|along| (along / norm) as f32), max).cut(terrain, [0.0; 3])
    }

    /// The part of the way from one point to another in a map, and around it by a margin along each axis; `None` if they are
    /// the same point or not finite.
    pub(super) fn between(terrain: &Terrain, from: [f32; 3], to: [f32; 3], margin: [f32; 3]) -> Option<Beam> {
        let way: [f64; 3] = std::array::from_fn(|axis| f64::from(to[axis]) - f64::from(from[axis]));
        let length = way.iter().map(|along| along * along).sum::<f64>().sqrt();
        if !(length.is_finite() && length > 0.0) {
            return None;
        }
        let direction = way.map(|along| (along / length) as f32);
        Beam::of(from, direction, length as f32).cut(terrain, margin)
    }

    fn of(from: [f32; 3], direction: [f32; 3], whole: f32) -> Beam {
        Beam { from, direction, skipped: 0.0, length: whole, whole }
    }

    /// The part in the space in which the map has geometry: from its height below 0 to twice its height.
    fn cut(self, terrain: &Terrain, margin: [f32; 3]) -> Option<Beam> {
        let [width, depth, height] = terrain.map().size();
        let (low, high) = ([0.0, 0.0, -height], [width, depth, 2.0 * height]);
        let low: [f32; 3] = std::array::from_fn(|axis| low[axis] - margin[axis]);
        let high: [f32; 3] = std::array::from_fn(|axis| high[axis] + margin[axis]);
        let to: [f32; 3] = std::array::from_fn(|axis| self.from[axis] + self.direction[axis] * self.length);
        let is_inside = |point: [f32; 3]| (0..3).all(|axis| (low[axis]..=high[axis]).contains(&point[axis]));
        if is_inside(self.from) && is_inside(to) {
            return Some(self);
        }
        let (mut enter, mut exit) = (0.0_f64, f64::from(self.length));
        for axis in 0..3 {
            let (from, along) = (f64::from(self.from[axis]), f64::from(self.direction[axis]));
            if along == 0.0 {
                if !(low[axis]..=high[axis]).contains(&self.from[axis]) {
                    return None;
                }
                continue;
            }
            let (a, b) = ((f64::from(low[axis]) - from) / along, (f64::from(high[axis]) - from) / along);
            enter = enter.max(a.min(b));
            exit = exit.min(a.max(b));
        }
        if enter > exit {
            return None;
        }
        let enters = |axis: usize| (f64::from(self.from[axis]) + f64::from(self.direction[axis]) * enter) as f32;
        let from = if enter > 0.0 { std::array::from_fn(enters) } else { self.from };
        Some(Beam { from, skipped: enter as f32, length: (exit - enter) as f32, ..self })
    }

    /// The point at this distance from its beginning.
    pub(super) fn point(&self, distance: f32) -> [f32; 3] {
        std::array::from_fn(|axis| self.from[axis] + self.direction[axis] * distance)
    }
}
