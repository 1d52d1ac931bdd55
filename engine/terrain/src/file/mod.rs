//! The bytes of a map file.
//!
//! A file is a header and a fixed number of tables, one after the other. All numbers are little-endian. Each table begins at a
//! multiple of 64 bytes, so that a file that is mapped into memory is used as it is: nothing is parsed or copied.
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
//! The tables are the fields of [`Columns`], in their order.

mod bytes;
mod columns;
mod plan;
mod read;

pub use bytes::{Bytes, aligned};
pub use columns::{Columns, NO_CELLS, Shape, Spawn, Volume, VolumeKind, triangle_flags};
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
