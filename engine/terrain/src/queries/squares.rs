//! The height field as triangles: two per square, which meet at the diagonal from its lowest x and y to its highest.

use crate::Terrain;
use crate::file::{Columns, Shape};

/// The four heights of a square, as they are in the file: those with the lowest y first, of these the one with the lowest x.
#[inline]
pub(super) fn heights(columns: &Columns<'_>, [x, y]: [u32; 2]) -> [u16; 4] {
    let along_x = columns.shape[0].heights[0] as usize;
    let first = y as usize * along_x + x as usize;
    let (near, far) = (&columns.heights[first..first + 2], &columns.heights[first + along_x..first + along_x + 2]);
    [near[0], near[1], far[0], far[1]]
}

/// One half of a square: the one with greater x, or the one with greater y.
#[inline]
pub(super) fn half(shape: &Shape, [x, y]: [u32; 2], heights: [u16; 4], greater_y: bool) -> [[f32; 3]; 3] {
    let corner = |right: u32, up: u32| {
        let height = heights[(right + 2 * up) as usize];
        [(x + right) as f32 * shape.height_spacing, (y + up) as f32 * shape.height_spacing, height_of(shape, height)]
    };
    if greater_y { [corner(0, 0), corner(1, 1), corner(0, 1)] } else { [corner(0, 0), corner(1, 0), corner(1, 1)] }
}

/// A height of the file in units.
#[inline]
pub(super) fn height_of(shape: &Shape, height: u16) -> f32 {
    shape.height_base + shape.height_scale * f32::from(height)
}

impl Terrain {
    /// One half of a square of the height field.
    pub(super) fn half_square(&self, square: [u32; 2], greater_y: bool) -> [[f32; 3]; 3] {
        half(self.shape(), square, heights(self.columns(), square), greater_y)
    }
}
