//! What must be true of the tables of a map.

use super::columns::{CellTriangle, Columns, NO_CELLS, Shape, Spawn, Volume, VolumeKind, triangle_flags};
use super::limits::{
    CELL_TRIANGLES_MAX, HEIGHTS_MAX, NAME_BYTES_MAX, NAMES_BYTES_MAX, NAV_MAX, SECTIONS_MAX, SPAWNS_MAX, TRIANGLES_MAX,
    VOLUME_LISTS_MAX, VOLUMES_MAX,
};
use super::{Grid, SECTION_ROWS};
use ringshard_world::Map;

/// A table, and what is wrong with it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Fault {
    pub(super) table: &'static str,
    pub(super) why: String,
}

pub(super) fn fault(table: &'static str, why: impl Into<String>) -> Fault {
    Fault { table, why: why.into() }
}

fn wrong<T>(table: &'static str, why: impl Into<String>) -> Result<T, Fault> {
    Err(fault(table, why))
}

/// Checks all tables.
pub(super) fn check(columns: &Columns<'_>) -> Result<(), Fault> {
    let [shape] = *columns.shape else { return wrong("shape", "it must have one row") };
    let extent = check_shape(&shape, columns.heights)?;
    check_triangles(&extent, columns.triangles, columns.triangle_flags)?;
    check_cells(&extent, columns)?;
    check_volumes(columns.volumes, columns.names)?;
    check_volume_lists(&extent, columns)?;
    check_spawns(&extent, columns.spawns, columns.names)?;
    check_mesh(&extent, columns)
}

/// The extent of a map that is possible.
pub(super) struct Extent {
    pub(super) grid: Grid,
    /// The far corner.
    size: [f32; 3],
}

impl Extent {
    /// Whether a corner of geometry lies in the map. Foundations and roofs may reach out of it, by its height.
    fn has_corner(&self, [x, y, z]: [f32; 3]) -> bool {
        let [width, depth, height] = self.size;
        (0.0..=width).contains(&x) && (0.0..=depth).contains(&y) && (-height..=2.0 * height).contains(&z)
    }

    /// Whether a character can be at a point.
    fn has_point(&self, point: [f32; 3]) -> bool {
        (0..3).all(|axis| (0.0..=self.size[axis]).contains(&point[axis]))
    }
}

/// Refuses a table with too many rows.
fn check_count(table: &'static str, rows: usize, most: usize) -> Result<(), Fault> {
    if rows > most { wrong(table, format!("{rows} rows, and at most {most} are possible")) } else { Ok(()) }
}

/// Refuses the first row that is not `right`.
fn check_rows<T>(
    table: &'static str,
    rows: &[T],
    right: impl Fn(&T) -> bool,
    why: impl Fn(&T) -> String,
) -> Result<(), Fault> {
    match rows.iter().position(|row| !right(row)) {
        Some(at) => wrong(table, format!("row {at}: {}", why(&rows[at]))),
        None => Ok(()),
    }
}

/// Checks the shape and the height field.
pub(super) fn check_shape(shape: &Shape, heights: &[u16]) -> Result<Extent, Fault> {
    let Some(map) = shape.map() else {
        let Shape { section, sections_of_component, components, .. } = shape;
        let said = format!("sections of {section:?} units, {sections_of_component:?} per component, {components:?}");
        return wrong("shape", format!("no map can have {said} components"));
    };
    let (extent, spacing) = (Extent { grid: Grid::new(&map, shape), size: map.size() }, shape.height_spacing);
    check_count("sections", extent.grid.section_count(), SECTIONS_MAX)?;
    if !(spacing.is_normal() && spacing > 0.0 && spacing.recip().is_normal()) {
        return wrong("shape", format!("the spacing of heights is {spacing}, and must be positive"));
    }
    let [width, depth, height] = extent.size;
    let covers = |count: u32, length: f32| count >= 2 && (count - 1) as f32 * spacing >= length;
    let [along_x, along_y] = shape.heights;
    if !(covers(along_x, width) && covers(along_y, depth)) {
        let why =
            format!("{along_x} by {along_y} heights, {spacing} units apart, do not cover {width} by {depth} units");
        return wrong("shape", why);
    }
    let count = u64::from(along_x) * u64::from(along_y);
    if count != heights.len() as u64 {
        return wrong("heights", format!("there are {}, and the shape says {count}", heights.len()));
    }
    check_count("heights", heights.len(), HEIGHTS_MAX)?;
    let (lowest, highest) = heights.iter().fold((u16::MAX, 0), |(low, high), &it| (low.min(it), high.max(it)));
    let [lowest, highest] = [lowest, highest].map(|it| shape.height_base + shape.height_scale * f32::from(it));
    // Also false if one of them is no number.
    if !(shape.height_scale >= 0.0 && lowest >= 0.0 && highest <= height) {
        let why = format!("the ground reaches from {lowest} to {highest} units, and must stay between 0 and {height}");
        return wrong("heights", why);
    }
    Ok(extent)
}

/// Checks the static geometry.
pub(super) fn check_triangles(extent: &Extent, triangles: &[[[f32; 3]; 3]], flags: &[u8]) -> Result<(), Fault> {
    check_count("triangles", triangles.len(), TRIANGLES_MAX)?;
    let is_inside = |corners: &[[f32; 3]; 3]| corners.iter().all(|&corner| extent.has_corner(corner));
    check_rows("triangles", triangles, is_inside, |corners| {
        let corner = corners.iter().find(|&&corner| !extent.has_corner(corner));
        format!("the corner {:?} lies outside the map", corner.unwrap_or(&corners[0]))
    })?;
    if flags.len() != triangles.len() {
        return wrong("triangle flags", format!("{} rows for {} triangles", flags.len(), triangles.len()));
    }
    let is_known = |flags: &u8| flags & !triangle_flags::INVISIBLE == 0;
    check_rows("triangle flags", flags, is_known, |flags| format!("the flags {flags:#04x} are unknown"))
}

fn check_cells(extent: &Extent, columns: &Columns<'_>) -> Result<(), Fault> {
    let (sections, cells) = (extent.grid.section_count(), columns.cells);
    if columns.sections.len() != sections {
        return wrong("sections", format!("{} rows for the {sections} sections of the map", columns.sections.len()));
    }
    if !cells.len().is_multiple_of(SECTION_ROWS) {
        return wrong("cells", format!("{} rows, and each section has {SECTION_ROWS}", cells.len()));
    }
    let is_start = |&start: &u32| {
        start == NO_CELLS || (start as usize) < cells.len() && (start as usize).is_multiple_of(SECTION_ROWS)
    };
    check_rows("sections", columns.sections, is_start, |start| format!("no section's cells begin at {start}"))?;
    check_count("cell triangles", columns.cell_triangles.len(), CELL_TRIANGLES_MAX)?;
    for lists in cells.chunks_exact(SECTION_ROWS) {
        check_offsets("cells", lists, columns.cell_triangles.len())?;
    }
    let is_true = |entry: &CellTriangle| {
        let number = entry.triangle as usize;
        let corners = columns.triangles.get(number);
        corners
            .is_some_and(|corners| *entry == CellTriangle::new(entry.triangle, corners, columns.triangle_flags[number]))
    };
    check_rows("cell triangles", columns.cell_triangles, is_true, |entry| {
        format!("there is no triangle {} with these bounds and flags", entry.triangle)
    })
}

/// Checks where lists begin: in order, and up to `end`.
fn check_offsets(table: &'static str, offsets: &[u32], end: usize) -> Result<(), Fault> {
    if !offsets.is_sorted() {
        return wrong(table, "the lists are not in order");
    }
    match offsets.last() {
        Some(&last) if last as usize > end => wrong(table, format!("a list ends at {last}, and its table at {end}")),
        _ => Ok(()),
    }
}

/// Checks the volumes and their names.
pub(super) fn check_volumes(volumes: &[Volume], names: &[u8]) -> Result<(), Fault> {
    check_count("volumes", volumes.len(), VOLUMES_MAX)?;
    check_count("names", names.len(), NAMES_BYTES_MAX)?;
    let is_box = |it: &Volume| {
        (0..3).all(|axis| it.low[axis].is_finite() && it.high[axis].is_finite() && it.low[axis] < it.high[axis])
    };
    check_rows("volumes", volumes, is_box, |it| {
        format!("from {:?} to {:?} is no box: each number must be lower than its counterpart", it.low, it.high)
    })?;
    let is_known = |it: &Volume| VolumeKind::from_number(it.kind).is_some();
    check_rows("volumes", volumes, is_known, |it| format!("the kind {} is unknown", it.kind))?;
    check_rows("volumes", volumes, |it| is_name(names, it.name), |_| bad_name())
}

fn check_volume_lists(extent: &Extent, columns: &Columns<'_>) -> Result<(), Fault> {
    let (rows, sections) = (columns.section_volumes.len(), extent.grid.section_count());
    if rows != sections + 1 {
        return wrong("section volumes", format!("{rows} rows for the {sections} sections of the map"));
    }
    check_count("volume lists", columns.volume_lists.len(), VOLUME_LISTS_MAX)?;
    check_offsets("section volumes", columns.section_volumes, columns.volume_lists.len())?;
    let count = columns.volumes.len();
    check_rows(
        "volume lists",
        columns.volume_lists,
        |&volume| (volume as usize) < count,
        |volume| format!("there is no volume {volume}"),
    )
}

/// Checks the places where characters enter.
pub(super) fn check_spawns(extent: &Extent, spawns: &[Spawn], names: &[u8]) -> Result<(), Fault> {
    check_count("spawns", spawns.len(), SPAWNS_MAX)?;
    let is_inside = |it: &Spawn| extent.has_point(it.point);
    check_rows("spawns", spawns, is_inside, |it| format!("the point {:?} lies outside the map", it.point))?;
    let is_yaw = |it: &Spawn| it.yaw <= u32::from(u16::MAX);
    check_rows("spawns", spawns, is_yaw, |it| format!("the yaw {} is more than a turn", it.yaw))?;
    check_rows("spawns", spawns, |it| is_name(names, it.name), |_| bad_name())
}

fn bad_name() -> String {
    format!("its name is no text in the table of names, or longer than {NAME_BYTES_MAX} bytes")
}

fn is_name(names: &[u8], [begin, length]: [u32; 2]) -> bool {
    let bytes = begin.checked_add(length).and_then(|end| names.get(begin as usize..end as usize));
    length as usize <= NAME_BYTES_MAX && bytes.is_some_and(|bytes| str::from_utf8(bytes).is_ok())
}

fn check_mesh(extent: &Extent, columns: &Columns<'_>) -> Result<(), Fault> {
    let (corners, offsets) = (columns.nav_corners, columns.nav_polygons);
    let (vertices, polygons) = (columns.nav_vertices.len(), offsets.len().saturating_sub(1));
    check_count("navigation vertices", vertices, NAV_MAX)?;
    check_count("navigation polygons", polygons, NAV_MAX)?;
    match columns.nav_agent {
        [] if offsets.is_empty() && corners.is_empty() && vertices == 0 => {}
        [agent] if polygons > 0 && agent.iter().all(|it| it.is_finite() && *it >= 0.0) => {}
        [] => return wrong("navigation agent", "there is a mesh without an agent"),
        [_] if polygons == 0 => return wrong("navigation agent", "there is an agent without a mesh"),
        _ => return wrong("navigation agent", "a mesh has one agent, whose sizes are not negative"),
    }
    let is_inside = |&corner: &[f32; 3]| extent.has_corner(corner);
    let outside = |corner: &[f32; 3]| format!("the corner {corner:?} lies outside the map");
    check_rows("navigation vertices", columns.nav_vertices, is_inside, outside)?;
    check_offsets("navigation polygons", offsets, corners.len())?;
    if let Some(at) = offsets.windows(2).position(|ends| ends[1] - ends[0] < 3) {
        return wrong("navigation polygons", format!("row {at}: a polygon has fewer than three corners"));
    }
    let exists = |&corner: &u32| (corner as usize) < vertices;
    check_rows("navigation corners", corners, exists, |corner| format!("there is no corner {corner}"))?;
    if columns.nav_regions.len() != polygons {
        let why = format!("{} rows for {polygons} polygons", columns.nav_regions.len());
        return wrong("navigation regions", why);
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
