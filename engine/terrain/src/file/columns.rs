//! The tables of a map file.

use crate::vector::most;
use bytemuck::{Pod, Zeroable};

/// In [`Columns::sections`]: the section has no static geometry.
pub const NO_CELLS: u32 = u32::MAX;

/// Bits of [`Columns::triangle_flags`].
pub mod triangle_flags {
    /// Characters cannot pass. Rays do: it bounds an area that nobody may enter.
    pub const INVISIBLE: u8 = 0x01;
}

/// The shape of the map and of its height field.
#[derive(Clone, Copy, PartialEq, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Shape {
    /// Edge and height of a section, in units.
    pub section: [f32; 2],
    /// Sections of a component, along each axis.
    pub sections_of_component: [u32; 3],
    /// Components, along each axis.
    pub components: [u32; 3],
    /// Distance of two heights along x and y, in units.
    pub height_spacing: f32,
    /// Heights along x and y: one more than the squares between them. The heights cover the map.
    pub heights: [u32; 2],
    /// The height of the value 0, in units.
    pub height_base: f32,
    /// Units per count of a height.
    pub height_scale: f32,
}

/// What a volume means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum VolumeKind {
    /// Characters swim in it. Its top is the surface.
    Water = 0,
    /// Nobody may enter it. Triangles that rays do not meet enclose it.
    NoGo = 1,
    /// The game gives it a meaning, by its name.
    Area = 2,
}

impl VolumeKind {
    /// The kind of that number.
    pub fn from_number(number: u32) -> Option<VolumeKind> {
        [VolumeKind::Water, VolumeKind::NoGo, VolumeKind::Area].get(number as usize).copied()
    }
}

/// A box with a meaning.
#[derive(Clone, Copy, PartialEq, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Volume {
    /// The corner with the lowest coordinates.
    pub low: [f32; 3],
    /// The corner with the highest coordinates.
    pub high: [f32; 3],
    /// The number of a [`VolumeKind`].
    pub kind: u32,
    /// Where its name begins in [`Columns::names`], and its length.
    pub name: [u32; 2],
}

/// A place where characters enter the world.
#[derive(Clone, Copy, PartialEq, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Spawn {
    /// Where its feet are.
    pub point: [f32; 3],
    /// Where it looks, in 65,536ths of a turn.
    pub yaw: u32,
    /// Where its name begins in [`Columns::names`], and its length. Several places may have the same name.
    pub name: [u32; 2],
}

/// A triangle in the list of a cell, with the box around it. The box alone rules out most triangles, and the boxes of a cell
/// lie side by side in memory.
#[derive(Clone, Copy, PartialEq, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct CellTriangle {
    /// The lowest coordinates of its corners.
    pub low: [f32; 3],
    /// The number of the triangle.
    pub triangle: u32,
    /// The highest coordinates of its corners.
    pub high: [f32; 3],
    /// Bits of [`triangle_flags`].
    pub flags: u32,
}

impl CellTriangle {
    /// The entry of a triangle.
    pub(crate) fn new(triangle: u32, corners: &[[f32; 3]; 3], flags: u8) -> CellTriangle {
        let [a, b, c] = corners;
        CellTriangle {
            low: std::array::from_fn(|axis| a[axis].min(b[axis]).min(c[axis])),
            triangle,
            high: std::array::from_fn(|axis| a[axis].max(b[axis]).max(c[axis])),
            flags: flags.into(),
        }
    }

    /// Whether the box around it overlaps a box.
    #[inline]
    pub(crate) fn reaches(&self, low: [f32; 3], high: [f32; 3]) -> bool {
        // The widest gap on any side, and one comparison: six comparisons would be six guesses of the processor.
        let gap = |axis: usize| most(self.low[axis] - high[axis], low[axis] - self.high[axis]);
        most(most(gap(0), gap(1)), gap(2)) <= 0.0
    }
}

/// The tables of a map file, checked: every offset and index is in range, every number is finite.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    /// The shape: one row.
    pub shape: &'a [Shape],
    /// The height field, in rows along x.
    pub heights: &'a [u16],
    /// For each section, in rows along x: where its cells begin in `cells`, or [`NO_CELLS`].
    pub sections: &'a [u32],
    /// For each section with geometry, [`SECTION_CELLS`](super::SECTION_CELLS) squared + 1 places in `cell_triangles`: where
    /// each cell's list begins, and where the last one ends. Cells are in rows along x.
    pub cells: &'a [u32],
    /// Lists of triangles, by cell: all that reach into the cell, whatever their height.
    pub cell_triangles: &'a [CellTriangle],
    /// The static geometry. Both sides of a triangle are solid.
    pub triangles: &'a [[[f32; 3]; 3]],
    /// For each triangle, bits of [`triangle_flags`].
    pub triangle_flags: &'a [u8],
    /// The volumes.
    pub volumes: &'a [Volume],
    /// For each section, where its list begins in `volume_lists`; and where the last one ends.
    pub section_volumes: &'a [u32],
    /// Lists of volumes, by section: all that reach into it.
    pub volume_lists: &'a [u32],
    /// The places where characters enter.
    pub spawns: &'a [Spawn],
    /// Names, in UTF-8.
    pub names: &'a [u8],
    /// Corners of the navigation mesh.
    pub nav_vertices: &'a [[f32; 3]],
    /// For each polygon of the mesh, where its corners begin in `nav_corners`; and where the last one ends. Empty without a
    /// mesh.
    pub nav_polygons: &'a [u32],
    /// Corners of the polygons, counter-clockwise from above.
    pub nav_corners: &'a [u32],
    /// Regions of the mesh, a number per polygon: a path leads from one polygon to another if their numbers are the same.
    pub nav_regions: &'a [u32],
    /// Radius, height, step height and slope limit (the z of the normal) of the character for which the mesh was made: one row
    /// with a mesh, none without.
    pub nav_agent: &'a [[f32; 4]],
}
