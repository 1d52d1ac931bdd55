//! The bytes of a map file.
//!
//! A file is a header and a fixed number of tables, one after the other. All numbers are little-endian. Each table begins at
//! the first multiple of 64 after the one before, so that a file that is mapped into memory is used as it is: nothing is parsed
//! or copied.
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | [`MAGIC`] |
//! | 8..12 | [`VERSION`] |
//! | 12..16 | CRC-32C of all bytes from 16 to the end: the digest of the map |
//! | 16..24 | the length of the file |
//! | 24..32 | 0 |
//! | 32..304 | for each of the 17 tables: where it begins, and its length, both in bytes (64 bits each) |
//!
//! The tables are the fields of [`Columns`], in their order. Their rows:
//!
//! | table | a row, in bytes | rows |
//! |---|---|---|
//! | shape | [`Shape`], 52 | 1 |
//! | heights | 2 | as the shape says, in rows along x |
//! | sections | 4 | one per section of the map, in rows along x |
//! | cells | 4 | 64 x 64 + 1 per section that has geometry |
//! | cell triangles | [`CellTriangle`], 32 | as the cells say |
//! | triangles | 3 corners of 3 coordinates, 36 | |
//! | triangle flags | 1 | one per triangle |
//! | volumes | [`Volume`], 36 | |
//! | section volumes | 4 | one per section of the map, and one |
//! | volume lists | 4 | as the section volumes say |
//! | spawns | [`Spawn`], 24 | |
//! | names | 1 | |
//! | navigation vertices | 3 coordinates, 12 | |
//! | navigation polygons | 4 | one per polygon, and one; none without a mesh |
//! | navigation corners | 4 | as the polygons say |
//! | navigation regions | 4 | one per polygon |
//! | navigation agent | 16 | 1 with a mesh, 0 without |
//!
//! A cell is a 64th of a section along x and along y. The cell of a coordinate is `floor(coordinate * (64 / edge))`, computed
//! with 32-bit floats. The list of a cell has the triangles whose bounding box reaches into it, whatever their height.
//!
//! [`limits`] says how large a map may be. A reader refuses a file that breaks any rule of [`Columns`].

mod bytes;
mod check;
mod columns;
mod grid;
pub mod limits;
mod plan;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use bytes::{Bytes, aligned};
pub use columns::{CellTriangle, Columns, NO_CELLS, Shape, Spawn, Volume, VolumeKind, triangle_flags};
pub(crate) use grid::Grid;
pub use plan::{MeshPlan, Plan, SpawnPlan, VolumePlan};
pub use read::{MapFileError, read};

/// The first bytes of every map file.
pub const MAGIC: [u8; 8] = *b"RINGMAP\0";
/// The version of the format. Other versions are refused: bake the map again.
pub const VERSION: u32 = 1;
/// Cells of a section along x and y: static geometry is listed by cell.
pub const SECTION_CELLS: u32 = 64;

/// Tables of a file.
pub(crate) const TABLES: usize = 17;
/// Bytes of the header, with the list of the tables.
pub(crate) const HEADER_BYTES: usize = 32 + TABLES * 16;
/// Where tables begin: a multiple of this.
pub(crate) const ALIGNMENT: usize = 64;
/// Rows of the table `cells` for a section: where each cell's list begins, and where the last one ends.
pub(crate) const SECTION_ROWS: usize = (SECTION_CELLS * SECTION_CELLS) as usize + 1;
