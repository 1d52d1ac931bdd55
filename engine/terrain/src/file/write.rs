//! Writing the file of a plan.

use super::check::{Extent, Fault, check_shape, check_spawns, check_triangles, check_volumes, fault};
use super::columns::{CellTriangle, NO_CELLS, Spawn, Volume, VolumeKind, triangle_flags};
use super::limits::{CELL_TRIANGLES_MAX, NAMES_BYTES_MAX, VOLUME_LISTS_MAX};
use super::plan::{MeshPlan, Plan, box_triangles};
use super::read::{MapFileError, read};
use super::{ALIGNMENT, Grid, HEADER_BYTES, MAGIC, SECTION_CELLS, SECTION_ROWS, TABLES, VERSION};
use bytemuck::{NoUninit, cast_slice};
use std::collections::HashMap;

impl Plan {
    /// The bytes of the file. The same plan gives the same bytes.
    ///
    /// # Errors
    /// [`MapFileError::Plan`] names the table and the row that is not possible.
    pub fn write(&self) -> Result<Vec<u8>, MapFileError> {
        let impossible = |Fault { table, why }| MapFileError::Plan { table, why };
        let bytes = self.tables().map_err(impossible)?.finish();
        // What the reader refuses is not written.
        match read((*super::aligned(&bytes)).as_ref()) {
            Ok(_) => Ok(bytes),
            Err(MapFileError::Table { table, why }) => Err(MapFileError::Plan { table, why }),
            Err(error) => Err(error),
        }
    }

    /// Writes the tables. Everything from which lists are made is checked before, because a bad number makes them endless.
    fn tables(&self) -> Result<File, Fault> {
        let extent = check_shape(&self.shape, &self.heights)?;
        let (triangles, flags) = self.solids();
        let mut names = Names::default();
        let volumes = self.volume_rows(&mut names)?;
        let spawns = self.spawn_rows(&mut names)?;
        check_volumes(&volumes, &names.bytes)?;
        check_triangles(&extent, &triangles, &flags)?;
        check_spawns(&extent, &spawns, &names.bytes)?;
        let cells = Cells::new(&extent, &triangles, &flags)?;
        let (section_volumes, volume_lists) = volume_lists(&extent, &volumes)?;
        let none = MeshPlan::default();
        let mesh = self.mesh.as_ref().unwrap_or(&none);
        let mut file = File::new();
        file.add(&[self.shape]);
        file.add(&self.heights);
        file.add(&cells.sections);
        file.add(&cells.cells);
        file.add(&cells.cell_triangles);
        file.add(&triangles);
        file.add(&flags);
        file.add(&volumes);
        file.add(&section_volumes);
        file.add(&volume_lists);
        file.add(&spawns);
        file.add(&names.bytes);
        file.add(&mesh.vertices);
        file.add(&mesh.offsets()?);
        file.add(&mesh.polygons.iter().flat_map(|(corners, _)| corners.iter().copied()).collect::<Vec<u32>>());
        file.add(&mesh.polygons.iter().map(|&(_, region)| region).collect::<Vec<u32>>());
        file.add(self.mesh.as_ref().map(|mesh| mesh.agent).as_slice());
        Ok(file)
    }

    /// The static geometry, with the boxes that nobody may enter.
    fn solids(&self) -> (Vec<[[f32; 3]; 3]>, Vec<u8>) {
        let mut solids = self.triangles.clone();
        for volume in self.volumes.iter().filter(|volume| volume.kind == VolumeKind::NoGo) {
            let sides = box_triangles(volume.low, volume.high);
            solids.extend(sides.map(|triangle| (triangle, triangle_flags::INVISIBLE)));
        }
        solids.into_iter().unzip()
    }

    fn volume_rows(&self, names: &mut Names) -> Result<Vec<Volume>, Fault> {
        let row = |it: &super::VolumePlan| {
            Ok(Volume { low: it.low, high: it.high, kind: it.kind as u32, name: names.add(&it.name)? })
        };
        self.volumes.iter().map(row).collect()
    }

    fn spawn_rows(&self, names: &mut Names) -> Result<Vec<Spawn>, Fault> {
        let row = |it: &super::SpawnPlan| Ok(Spawn { point: it.point, yaw: it.yaw.into(), name: names.add(&it.name)? });
        self.spawns.iter().map(row).collect()
    }
}

impl MeshPlan {
    /// Where the corners of each polygon begin, and where the last ones end.
    fn offsets(&self) -> Result<Vec<u32>, Fault> {
        if self.polygons.is_empty() {
            return Ok(Vec::new());
        }
        let mut offsets = vec![0_u32];
        for (corners, _) in &self.polygons {
            let last = offsets[offsets.len() - 1];
            let end = u32::try_from(corners.len()).ok().and_then(|more| last.checked_add(more));
            offsets.push(end.ok_or_else(|| fault("navigation polygons", "they have too many corners"))?);
        }
        Ok(offsets)
    }
}

/// The names, each once.
#[derive(Default)]
struct Names {
    bytes: Vec<u8>,
    places: HashMap<String, [u32; 2]>,
}

impl Names {
    fn add(&mut self, name: &str) -> Result<[u32; 2], Fault> {
        if let Some(&place) = self.places.get(name) {
            return Ok(place);
        }
        if name.len() > NAMES_BYTES_MAX - self.bytes.len() {
            return Err(fault("names", format!("they have more than {NAMES_BYTES_MAX} bytes")));
        }
        let place = [self.bytes.len() as u32, name.len() as u32];
        self.bytes.extend_from_slice(name.as_bytes());
        self.places.insert(name.to_owned(), place);
        Ok(place)
    }
}

/// The tables of these names.
#[derive(Default)]
struct Cells {
    sections: Vec<u32>,
    cells: Vec<u32>,
    cell_triangles: Vec<CellTriangle>,
}

impl Cells {
    fn new(extent: &Extent, triangles: &[[[f32; 3]; 3]], flags: &[u8]) -> Result<Cells, Fault> {
        let grid = &extent.grid;
        let listed = listed_triangles(grid, triangles)?;
        let entry = |triangle: u32| {
            let number = triangle as usize;
            CellTriangle::new(triangle, &triangles[number], flags[number])
        };
        let mut tables = Cells::default();
        let mut rest = &listed[..];
        for section in 0..grid.section_count() as u32 {
            if rest.first().is_none_or(|&(at, _)| at / SECTION_AREA != section) {
                tables.sections.push(NO_CELLS);
                continue;
            }
            tables.sections.push(tables.cells.len() as u32);
            for cell in 0..SECTION_AREA {
                tables.cells.push(tables.cell_triangles.len() as u32);
                let here = rest.iter().take_while(|&&(at, _)| at == section * SECTION_AREA + cell).count();
                tables.cell_triangles.extend(rest[..here].iter().map(|&(_, triangle)| entry(triangle)));
                rest = &rest[here..];
            }
            tables.cells.push(tables.cell_triangles.len() as u32);
        }
        assert!(rest.is_empty(), "every cell is in a section");
        assert!(tables.cells.len().is_multiple_of(SECTION_ROWS), "a section has a list for each cell");
        Ok(tables)
    }
}

/// Cells of a section.
const SECTION_AREA: u32 = SECTION_CELLS * SECTION_CELLS;

/// Which triangle is listed in which cell, in the order of the file: by section, by cell, by triangle.
fn listed_triangles(grid: &Grid, triangles: &[[[f32; 3]; 3]]) -> Result<Vec<(u32, u32)>, Fault> {
    let range = |corners: &[[f32; 3]; 3], axis: usize| {
        let cells = corners.map(|corner| grid.cell(corner[axis], axis));
        let [a, b, c] = cells;
        a.min(b).min(c)..=a.max(b).max(c)
    };
    let count = |corners: &[[f32; 3]; 3]| range(corners, 0).count() * range(corners, 1).count();
    let total = triangles.iter().fold(0_usize, |total, corners| total.saturating_add(count(corners)));
    if total > CELL_TRIANGLES_MAX {
        let why = format!("{total} rows, and at most {CELL_TRIANGLES_MAX} are possible: split the largest triangles");
        return Err(fault("cell triangles", why));
    }
    let mut listed = Vec::with_capacity(total);
    for (number, corners) in triangles.iter().enumerate() {
        for y in range(corners, 1) {
            for x in range(corners, 0) {
                let section = y / SECTION_CELLS * grid.sections_along_x() + x / SECTION_CELLS;
                let cell = y % SECTION_CELLS * SECTION_CELLS + x % SECTION_CELLS;
                listed.push((section * SECTION_AREA + cell, number as u32));
            }
        }
    }
    listed.sort_unstable();
    Ok(listed)
}

/// The tables `section_volumes` and `volume_lists`.
fn volume_lists(extent: &Extent, volumes: &[Volume]) -> Result<(Vec<u32>, Vec<u32>), Fault> {
    let (grid, mut listed) = (&extent.grid, Vec::new());
    for (number, volume) in volumes.iter().enumerate() {
        let range = |axis: usize| {
            grid.cell(volume.low[axis], axis) / SECTION_CELLS..=grid.cell(volume.high[axis], axis) / SECTION_CELLS
        };
        for y in range(1) {
            listed.extend(range(0).map(|x| (y * grid.sections_along_x() + x, number as u32)));
        }
        if listed.len() > VOLUME_LISTS_MAX {
            return Err(fault(
                "volume lists",
                format!("more than {VOLUME_LISTS_MAX} rows: use fewer or smaller volumes"),
            ));
        }
    }
    listed.sort_unstable();
    let begin = |section: usize| listed.partition_point(|&(at, _)| (at as usize) < section) as u32;
    let begins = (0..=grid.section_count()).map(begin).collect();
    Ok((begins, listed.into_iter().map(|(_, volume)| volume).collect()))
}

/// A file that is being written.
struct File {
    bytes: Vec<u8>,
    tables: usize,
}

impl File {
    fn new() -> Self {
        File { bytes: vec![0; HEADER_BYTES], tables: 0 }
    }

    fn add<T: NoUninit>(&mut self, rows: &[T]) {
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGNMENT), 0);
        let (begin, rows) = (self.bytes.len() as u64, cast_slice::<T, u8>(rows));
        self.bytes.extend_from_slice(rows);
        let entry = 32 + self.tables * 16;
        self.bytes[entry..entry + 8].copy_from_slice(&begin.to_le_bytes());
        self.bytes[entry + 8..entry + 16].copy_from_slice(&(rows.len() as u64).to_le_bytes());
        self.tables += 1;
    }

    fn finish(mut self) -> Vec<u8> {
        assert_eq!(self.tables, TABLES, "the tables are the fields of Columns");
        let length = self.bytes.len() as u64;
        self.bytes[..8].copy_from_slice(&MAGIC);
        self.bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        self.bytes[16..24].copy_from_slice(&length.to_le_bytes());
        let digest = crc32c::crc32c(&self.bytes[16..]);
        self.bytes[12..16].copy_from_slice(&digest.to_le_bytes());
        self.bytes
    }
}
