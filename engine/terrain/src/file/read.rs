//! Reading a map file. Every number is checked here once, so that nothing is checked later.

use super::check::{Fault, check, fault};
use super::columns::Columns;
use super::{ALIGNMENT, HEADER_BYTES, MAGIC, TABLES, VERSION};
use bytemuck::{AnyBitPattern, try_cast_slice};

const _: () = assert!(cfg!(target_endian = "little"), "tables are used as they lie in the file");

/// Why a map is refused.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum MapFileError {
    /// The file does not begin as a map file does.
    #[error("this is no map file: it does not begin with RINGMAP; make one with `ringshard map bake`")]
    Foreign,
    /// The file has another version. Holds it.
    #[error("the map file has version {0}, and this program reads version {VERSION}: bake the map again")]
    Version(u32),
    /// The file is shorter than it says.
    #[error("the map file says that it has {said} bytes, and has {found}: it was cut off; copy it again")]
    Short {
        /// The length in the header.
        said: u64,
        /// The real length.
        found: u64,
    },
    /// The file is longer than it says.
    #[error("the map file says that it has {said} bytes, and has {found}: something was appended; copy it again")]
    Long {
        /// The length in the header.
        said: u64,
        /// The real length.
        found: u64,
    },
    /// The content does not have the checksum of the header.
    #[error("the map file is damaged: its checksum is {found:08x} and should be {said:08x}; copy it again")]
    Damaged {
        /// The checksum in the header.
        said: u32,
        /// The checksum of the content.
        found: u32,
    },
    /// The bytes do not begin at a multiple of 4 in memory.
    #[error(
        "the map file does not begin at a multiple of 4 in memory: copy it with `ringshard_terrain::file::aligned`"
    )]
    Misaligned,
    /// A table of a file is not what it must be. Holds its name, and what is wrong.
    #[error("the map file is invalid: {table}: {why}; bake the map again")]
    Table {
        /// The name of the table.
        table: &'static str,
        /// What is wrong.
        why: String,
    },
    /// A plan from which no file can be written. Holds the table that would be wrong, and what is wrong.
    #[error("the map is not possible: {table}: {why}")]
    Plan {
        /// The name of the table.
        table: &'static str,
        /// What is wrong.
        why: String,
    },
}

/// Reads and checks a whole file. Gives its tables and its digest.
///
/// # Errors
/// [`MapFileError`]. Also if `bytes` does not begin at a multiple of 4.
pub fn read(bytes: &[u8]) -> Result<(Columns<'_>, u32), MapFileError> {
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
    if bytes.len() < MAGIC.len() || bytes[..MAGIC.len()] != MAGIC {
        return Err(MapFileError::Foreign);
    }
    if bytes.len() < HEADER_BYTES {
        return Err(MapFileError::Short { said: HEADER_BYTES as u64, found: bytes.len() as u64 });
    }
    let version = number(8) as u32;
    if version != VERSION {
        return Err(MapFileError::Version(version));
    }
    let (said, found) = (number(16), bytes.len() as u64);
    if found < said {
        return Err(MapFileError::Short { said, found });
    }
    if found > said {
        return Err(MapFileError::Long { said, found });
    }
    let (said, found) = ((number(8) >> 32) as u32, crc32c::crc32c(&bytes[16..]));
    if said != found {
        return Err(MapFileError::Damaged { said, found });
    }
    if !bytes.as_ptr().addr().is_multiple_of(4) {
        return Err(MapFileError::Misaligned);
    }
    let columns = columns(bytes).and_then(|columns| check(&columns).map(|()| columns));
    columns.map(|columns| (columns, said)).map_err(|Fault { table, why }| MapFileError::Table { table, why })
}

/// The tables, of which nothing is checked but their places.
fn columns(bytes: &[u8]) -> Result<Columns<'_>, Fault> {
    let mut tables = Tables { bytes, next: 0, end: HEADER_BYTES as u64 };
    if bytes[24..32] != [0; 8] {
        return Err(fault("header", "bytes 24 to 32 are not 0"));
    }
    let columns = Columns {
        shape: tables.take("shape")?,
        heights: tables.take("heights")?,
        sections: tables.take("sections")?,
        cells: tables.take("cells")?,
        cell_triangles: tables.take("cell triangles")?,
        triangles: tables.take("triangles")?,
        triangle_flags: tables.take("triangle flags")?,
        volumes: tables.take("volumes")?,
        section_volumes: tables.take("section volumes")?,
        volume_lists: tables.take("volume lists")?,
        spawns: tables.take("spawns")?,
        names: tables.take("names")?,
        nav_vertices: tables.take("navigation vertices")?,
        nav_polygons: tables.take("navigation polygons")?,
        nav_corners: tables.take("navigation corners")?,
        nav_regions: tables.take("navigation regions")?,
        nav_agent: tables.take("navigation agent")?,
    };
    assert_eq!(tables.next, TABLES, "the tables are the fields of Columns");
    if tables.end != bytes.len() as u64 {
        return Err(fault("header", "the file does not end with its last table"));
    }
    Ok(columns)
}

/// Takes the tables one after the other.
struct Tables<'a> {
    bytes: &'a [u8],
    next: usize,
    /// Where the last table ended.
    end: u64,
}

impl<'a> Tables<'a> {
    fn take<T: AnyBitPattern>(&mut self, table: &'static str) -> Result<&'a [T], Fault> {
        let entry = 32 + self.next * 16;
        let number = |at: usize| u64::from_le_bytes(self.bytes[at..at + 8].try_into().expect("8 bytes"));
        let (begin, length) = (number(entry), number(entry + 8));
        if begin != self.end.next_multiple_of(ALIGNMENT as u64) {
            return Err(fault(table, format!("it begins at byte {begin}, which is not where the one before ends")));
        }
        let Some(end) = begin.checked_add(length).filter(|&end| end <= self.bytes.len() as u64) else {
            return Err(fault(table, format!("it begins at byte {begin} and has {length} bytes: more than the file")));
        };
        (self.next, self.end) = (self.next + 1, end);
        let row = size_of::<T>();
        // Tables begin at multiples of 64, and the file at one of 4, so only the length can be wrong.
        try_cast_slice(&self.bytes[begin as usize..end as usize])
            .map_err(|_| fault(table, format!("its {length} bytes are no whole number of rows of {row} bytes")))
    }
}
