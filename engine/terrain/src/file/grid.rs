//! Which cell a coordinate lies in. Writers and readers must agree to the bit, so this is the only place that computes it.

use super::SECTION_CELLS;
use super::columns::Shape;
use ringshard_world::Map;

/// The cells of a map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    /// Sections along x and y.
    sections: [u32; 2],
    pub(crate) cells_per_unit: f32,
}

impl Grid {
    pub(crate) fn new(map: &Map, shape: &Shape) -> Grid {
        let (_, [along_x, along_y, _]) = map.shape();
        let sections = [along_x, along_y].map(u32::from);
        Grid { sections, cells_per_unit: SECTION_CELLS as f32 / shape.section[0] }
    }

    /// Sections along x.
    #[inline]
    pub(crate) fn sections_along_x(&self) -> u32 {
        self.sections[0]
    }

    /// Sections along x times sections along y.
    pub(crate) fn section_count(&self) -> usize {
        self.sections[0] as usize * self.sections[1] as usize
    }

    /// The cell of a coordinate on an axis (0 or 1). Coordinates outside the map go to the nearest cell, and NaN to the first.
    /// A higher coordinate never has a lower cell.
    #[inline]
    pub(crate) fn cell(&self, at: f32, axis: usize) -> u32 {
        ((at * self.cells_per_unit) as u32).min(self.sections[axis] * SECTION_CELLS - 1)
    }

    /// The section of two coordinates: its row in the tables.
    #[inline]
    pub(crate) fn section(&self, x: f32, y: f32) -> usize {
        let [x, y] = [self.cell(x, 0), self.cell(y, 1)].map(|cell| cell / SECTION_CELLS);
        (y * self.sections[0] + x) as usize
    }
}
