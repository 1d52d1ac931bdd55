//! The cells of a grid along a ray.
//!
//! A ray advances most along one of x and y. The walk takes the columns of cells across this axis one after the other, and in
//! each of them the few cells that the ray touches. Cells count as touched if the ray passes them by less than the padding,
//! so that no rounding leaves out a cell: what lies in two cells is met in one of them.

use super::beam::Beam;
use crate::Terrain;
use crate::file::SECTION_CELLS;

/// A grid of square cells from the corner of the map.
pub(super) struct Grid {
    /// The edge of a cell, in units.
    pub(super) edge: f32,
    pub(super) cells_per_unit: f32,
    /// Cells along x and y.
    pub(super) counts: [u32; 2],
}

/// The cells in one column that a ray touches, from the first to the last along each axis.
pub(super) struct Patch {
    pub(super) first: [u32; 2],
    pub(super) last: [u32; 2],
    /// The box around the ray there, with padding.
    pub(super) low: [f32; 3],
    pub(super) high: [f32; 3],
}

/// A horizontal direction that is shorter than this leaves no cell, whatever the length of the ray.
const UPRIGHT: f32 = 1e-12;

impl Grid {
    /// The cells that list the static geometry.
    pub(super) fn of_cells(terrain: &Terrain) -> Grid {
        let (_, [along_x, along_y, _]) = terrain.map().shape();
        Grid {
            edge: terrain.shape().section[0] / SECTION_CELLS as f32,
            cells_per_unit: terrain.grid.cells_per_unit,
            counts: [along_x, along_y].map(|sections| u32::from(sections) * SECTION_CELLS),
        }
    }

    /// The squares of the height field.
    pub(super) fn of_squares(terrain: &Terrain) -> Grid {
        let shape = terrain.shape();
        Grid {
            edge: shape.height_spacing,
            cells_per_unit: terrain.squares_per_unit,
            counts: shape.heights.map(|heights| heights - 1),
        }
    }

    /// By how much a coordinate can be off through rounding, and more: of 22 bits, the last one.
    pub(super) fn padding(&self) -> f32 {
        self.edge * self.counts[0].max(self.counts[1]) as f32 / (1 << 22) as f32
    }

    fn cell(&self, at: f32, axis: usize) -> u32 {
        // The cast takes negative numbers to 0.
        ((at * self.cells_per_unit) as u32).min(self.counts[axis] - 1)
    }

    /// Visits the cells along the beam up to the distance `limit`, the nearest first. `visit` returns the new limit.
    #[inline]
    pub(super) fn walk(&self, beam: &Beam, mut limit: f32, mut visit: impl FnMut(&Patch) -> f32) {
        let (padding, direction) = (self.padding(), beam.direction);
        let main = usize::from(direction[1].abs() > direction[0].abs());
        let (side, along) = (1 - main, direction[main]);
        let is_upright = along.abs() < UPRIGHT;
        let inverse = if is_upright { 0.0 } else { 1.0 / along };
        let slack = (padding * inverse).abs();
        let reach = if along < 0.0 { -padding } else { padding };
        let mut at = self.cell(beam.from[main] - reach, main);
        let last = self.cell(beam.from[main] + along * limit + reach, main);
        loop {
            let (near, far) = if along < 0.0 { (at + 1, at) } else { (at, at + 1) };
            let distance = |cell: u32| (cell as f32 * self.edge - beam.from[main]) * inverse;
            let begin = if is_upright { 0.0 } else { (distance(near) - slack).max(0.0) };
            if begin > limit {
                return;
            }
            let end = if is_upright { limit } else { (distance(far) + slack).min(limit) };
            let (mut low, mut high) = ([0.0; 3], [0.0; 3]);
            for axis in 0..3 {
                let (a, b) = (direction[axis] * begin, direction[axis] * end);
                low[axis] = beam.from[axis] + (a.min(b) - padding);
                high[axis] = beam.from[axis] + (a.max(b) + padding);
            }
            let (mut first, mut most) = ([at; 2], [at; 2]);
            first[side] = self.cell(low[side], side);
            most[side] = self.cell(high[side], side);
            limit = visit(&Patch { first, last: most, low, high });
            if at == last {
                return;
            }
            at = if along < 0.0 { at - 1 } else { at + 1 };
        }
    }
}
