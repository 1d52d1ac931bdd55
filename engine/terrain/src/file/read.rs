//! Reading a map file. Every number is checked here once, so that nothing is checked later.

use super::columns::{Columns, NO_CELLS, Shape, Volume, VolumeKind, triangle_flags};
use super::{ALIGNMENT, HEADER_BYTES, MAGIC, SECTION_CELLS, TABLES, VERSION};
use bytemuck::{AnyBitPattern, try_cast_slice};
use ringshard_world::Map;

/// Why a map file is refused.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum MapFileError {
    /// The file does not begin as a map file does.
    #[error("this is no map file: it does not begin with RINGMAP; make one with `ringshard map bake`")]
    Foreign,
    /// The file has another version. Holds it.
    #[error("the map file has version {0}, and this program reads version {VERSION}: bake the map again")]
    Version(u32),
    /// The file is shorter or longer than it says.
    #[error("the map file says that it has {said} bytes, and has {found}: it was cut off; copy it again")]
    Length {
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
    /// A table is not what it must be. Holds its name, and what is wrong.
    #[error("the map file is invalid: {table}: {why}; bake the map again")]
    Table {
        /// The name of the table.
        table: &'static str,
        /// What is wrong.
        why: String,
    },
}

fn wrong<T>(table: &'static str, why: impl Into<String>) -> Result<T, MapFileError> {
    Err(MapFileError::Table { table, why: why.into() })
}

/// Reads and checks a whole file. Gives its tables and its digest.
///
/// # Errors
/// [`MapFileError`]. Also if `bytes` does not begin at a multiple of 8.
pub fn read(bytes: &[u8]) -> Result<(Columns<'_>, u32), MapFileError> {
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
    if bytes.len() < MAGIC.len() || bytes[..MAGIC.len()] != MAGIC {
        return Err(MapFileError::Foreign);
    }
    if bytes.len() < HEADER_BYTES {
        return Err(MapFileError::Length { said: HEADER_BYTES as u64, found: bytes.len() as u64 });
    }
    let version = number(8) as u32;
    if version != VERSION {
        return Err(MapFileError::Version(version));
    }
    if number(16) != bytes.len() as u64 {
        return Err(MapFileError::Length { said: number(16), found: bytes.len() as u64 });
    }
    let (said, found) = ((number(8) >> 32) as u32, crc32c::crc32c(&bytes[16..]));
    if said != found {
        return Err(MapFileError::Damaged { said, found });
    }
    let columns = Tables { bytes, next: 0 }.columns()?;
    check(&columns)?;
    Ok((columns, said))
}

/// Takes the tables one after the other.
struct Tables<'a> {
    bytes: &'a [u8],
    next: usize,
}

impl<'a> Tables<'a> {
    fn columns(mut self) -> Result<Columns<'a>, MapFileError> {
        let columns = Columns {
            shape: self.take("shape")?,
            heights: self.take("heights")?,
            sections: self.take("sections")?,
            cells: self.take("cells")?,
            cell_triangles: self.take("cell triangles")?,
            triangles: self.take("triangles")?,
            triangle_flags: self.take("triangle flags")?,
            volumes: self.take("volumes")?,
            section_volumes: self.take("section volumes")?,
            volume_lists: self.take("volume lists")?,
            spawns: self.take("spawns")?,
            names: self.take("names")?,
            nav_vertices: self.take("navigation vertices")?,
            nav_polygons: self.take("navigation polygons")?,
            nav_corners: self.take("navigation corners")?,
            nav_regions: self.take("navigation regions")?,
            nav_agent: self.take("navigation agent")?,
        };
        assert_eq!(self.next, TABLES, "the tables are the fields of Columns");
        Ok(columns)
    }

    fn take<T: AnyBitPattern>(&mut self, table: &'static str) -> Result<&'a [T], MapFileError> {
        let entry = 32 + self.next * 16;
        self.next += 1;
        let number = |at: usize| u64::from_le_bytes(self.bytes[at..at + 8].try_into().expect("8 bytes"));
        let (begin, length) = (number(entry), number(entry + 8));
        let end = begin.checked_add(length).filter(|&end| end <= self.bytes.len() as u64);
        let Some(end) = end.filter(|_| begin >= HEADER_BYTES as u64 && begin.is_multiple_of(ALIGNMENT as u64)) else {
            return wrong(table, "it does not lie in the file, or begins at no multiple of 64");
        };
        let Ok(rows) = try_cast_slice(&self.bytes[begin as usize..end as usize]) else {
            return wrong(table, "it ends in the middle of a row, or the file is not aligned in memory");
        };
        Ok(rows)
    }
}

fn check(columns: &Columns<'_>) -> Result<(), MapFileError> {
    let (map, shape) = check_shape(columns)?;
    let [width, depth, height] = map.size();
    let is_inside = |[x, y, z]: [f32; 3]| {
        (0.0..=width).contains(&x) && (0.0..=depth).contains(&y) && (-height..=2.0 * height).contains(&z)
    };
    let (_, [along_x, along_y, _]) = map.shape();
    let sections = usize::from(along_x) * usize::from(along_y);
    check_geometry(columns, sections, is_inside)?;
    check_volumes(columns, sections)?;
    if !columns.spawns.iter().all(|spawn| is_inside(spawn.point) && is_name(columns, spawn.name)) {
        return wrong("spawns", "a spawn point lies outside the map, or has no valid name");
    }
    check_mesh(columns, is_inside)?;
    if shape.height_base.abs() > height || shape.height_scale * 65_535.0 > 2.0 * height {
        return wrong("shape", "the ground is higher or lower than the map");
    }
    Ok(())
}

fn check_shape(columns: &Columns<'_>) -> Result<(Map, Shape), MapFileError> {
    let [shape] = *columns.shape else { return wrong("shape", "it has one row") };
    let Some(map) = shape.map() else { return wrong("shape", "no map can have these sections") };
    let [width, depth, _] = map.size();
    let covers = |count: u32, length: f32| count >= 2 && (count - 1) as f32 * shape.height_spacing >= length;
    if !(shape.height_spacing.is_finite() && shape.height_spacing > 0.0) {
        return wrong("shape", "the spacing of heights is not a positive number");
    }
    if !(covers(shape.heights[0], width) && covers(shape.heights[1], depth)) {
        return wrong("shape", "the heights do not cover the map");
    }
    if !(shape.height_base.is_finite() && shape.height_scale.is_finite() && shape.height_scale >= 0.0) {
        return wrong("shape", "the base or scale of heights is no number");
    }
    if u64::from(shape.heights[0]) * u64::from(shape.heights[1]) != columns.heights.len() as u64 {
        return wrong("heights", "there are more or fewer than the shape says");
    }
    Ok((map, shape))
}

fn check_geometry(
    columns: &Columns<'_>,
    sections: usize,
    is_inside: impl Fn([f32; 3]) -> bool,
) -> Result<(), MapFileError> {
    const OFFSETS: usize = (SECTION_CELLS * SECTION_CELLS) as usize + 1;
    if columns.sections.len() != sections {
        return wrong("sections", "there is not one row for each section of the map");
    }
    let is_start = |&start: &u32| {
        start == NO_CELLS || (start as usize).is_multiple_of(OFFSETS) && (start as usize) < columns.cells.len()
    };
    if !columns.sections.iter().all(is_start) {
        return wrong("sections", "a section's cells do not exist");
    }
    if !columns.cells.len().is_multiple_of(OFFSETS) {
        return wrong("cells", "the last section is not complete");
    }
    for lists in columns.cells.chunks_exact(OFFSETS) {
        check_offsets("cells", lists, columns.cell_triangles.len())?;
    }
    let triangles = columns.triangles.len();
    if !columns.cell_triangles.iter().all(|&triangle| (triangle as usize) < triangles) {
        return wrong("cell triangles", "a list names a triangle that does not exist");
    }
    if columns.triangle_flags.len() != triangles {
        return wrong("triangle flags", "there is not one for each triangle");
    }
    if columns.triangle_flags.iter().any(|flags| flags & !triangle_flags::INVISIBLE != 0) {
        return wrong("triangle flags", "unknown flags");
    }
    if !columns.triangles.iter().flatten().all(|&corner| is_inside(corner)) {
        return wrong("triangles", "a corner lies outside the map");
    }
    Ok(())
}

/// Checks where lists begin: in order, and up to `end`.
fn check_offsets(table: &'static str, offsets: &[u32], end: usize) -> Result<(), MapFileError> {
    if !offsets.is_sorted() || offsets.last().is_some_and(|&last| last as usize > end) {
        return wrong(table, "the lists are not in order, or end outside their table");
    }
    Ok(())
}

fn check_volumes(columns: &Columns<'_>, sections: usize) -> Result<(), MapFileError> {
    let is_box = |volume: &Volume| {
        let finite = volume.low.iter().chain(&volume.high).all(|axis| axis.is_finite());
        finite && (0..3).all(|axis| volume.low[axis] < volume.high[axis])
    };
    let is_valid = |volume: &Volume| {
        is_box(volume) && VolumeKind::from_number(volume.kind).is_some() && is_name(columns, volume.name)
    };
    if !columns.volumes.iter().all(is_valid) {
        return wrong("volumes", "a volume is empty, of an unknown kind, or has no valid name");
    }
    if columns.section_volumes.len() != sections + 1 {
        return wrong("section volumes", "there is not one row for each section of the map");
    }
    check_offsets("section volumes", columns.section_volumes, columns.volume_lists.len())?;
    if !columns.volume_lists.iter().all(|&volume| (volume as usize) < columns.volumes.len()) {
        return wrong("volume lists", "a list names a volume that does not exist");
    }
    Ok(())
}

fn is_name(columns: &Columns<'_>, [begin, length]: [u32; 2]) -> bool {
    let end = begin.checked_add(length);
    let bytes = end.and_then(|end| columns.names.get(begin as usize..end as usize));
    bytes.is_some_and(|bytes| str::from_utf8(bytes).is_ok())
}

fn check_mesh(columns: &Columns<'_>, is_inside: impl Fn([f32; 3]) -> bool) -> Result<(), MapFileError> {
    let polygons = columns.nav_polygons.len().saturating_sub(1);
    match columns.nav_agent {
        [] if polygons == 0 => {}
        [agent] if polygons > 0 && agent.iter().all(|it| it.is_finite() && *it >= 0.0) => {}
        _ => return wrong("navigation agent", "a mesh has one agent, with positive sizes"),
    }
    if !columns.nav_vertices.iter().all(|&vertex| is_inside(vertex)) {
        return wrong("navigation vertices", "a corner lies outside the map");
    }
    check_offsets("navigation polygons", columns.nav_polygons, columns.nav_corners.len())?;
    if !columns.nav_polygons.windows(2).all(|ends| ends[1] - ends[0] >= 3) {
        return wrong("navigation polygons", "a polygon has fewer than three corners");
    }
    if !columns.nav_corners.iter().all(|&corner| (corner as usize) < columns.nav_vertices.len()) {
        return wrong("navigation corners", "a polygon names a corner that does not exist");
    }
    if columns.nav_regions.len() != polygons {
        return wrong("navigation regions", "there is not one for each polygon");
    }
    Ok(())
}

impl Shape {
    /// The map with these sections; `None` if there is no such map.
    pub fn map(&self) -> Option<Map> {
        let short = |counts: [u32; 3]| {
            Some([counts[0].try_into().ok()?, counts[1].try_into().ok()?, counts[2].try_into().ok()?])
        };
        Map::new(self.section, short(self.sections_of_component)?, short(self.components)?).ok()
    }
}
