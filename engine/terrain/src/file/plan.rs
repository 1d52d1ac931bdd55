//! What a map is made of, and writing its file.

use super::columns::{NO_CELLS, Shape, Spawn, Volume, VolumeKind, triangle_flags};
use super::read::{MapFileError, read};
use super::{ALIGNMENT, HEADER_BYTES, MAGIC, SECTION_CELLS, TABLES, VERSION};
use bytemuck::{NoUninit, cast_slice};
use ringshard_world::Map;

/// What a map is made of. [`Plan::write`] makes a file of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// The shape.
    pub shape: Shape,
    /// The height field, in rows along x.
    pub heights: Vec<u16>,
    /// The static geometry: corners, and bits of [`triangle_flags`].
    pub triangles: Vec<([[f32; 3]; 3], u8)>,
    /// Boxes with a meaning.
    pub volumes: Vec<VolumePlan>,
    /// Places where characters enter.
    pub spawns: Vec<SpawnPlan>,
    /// The navigation mesh, if there is one.
    pub mesh: Option<MeshPlan>,
}

/// A box with a meaning.
#[derive(Clone, PartialEq, Debug)]
pub struct VolumePlan {
    /// The corner with the lowest coordinates.
    pub low: [f32; 3],
    /// The corner with the highest coordinates.
    pub high: [f32; 3],
    /// What it means.
    pub kind: VolumeKind,
    /// Its name.
    pub name: String,
}

/// A place where characters enter.
#[derive(Clone, PartialEq, Debug)]
pub struct SpawnPlan {
    /// Where the feet are.
    pub point: [f32; 3],
    /// Where the character looks, in 65,536ths of a turn.
    pub yaw: u16,
    /// Its name.
    pub name: String,
}

/// A navigation mesh.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct MeshPlan {
    /// Its corners.
    pub vertices: Vec<[f32; 3]>,
    /// Its polygons: corners, counter-clockwise from above, and the number of the region.
    pub polygons: Vec<(Vec<u32>, u32)>,
    /// Radius, height, step height and slope limit (the z of the normal) of the character for which it was made.
    pub agent: [f32; 4],
}

impl Plan {
    /// Level ground at height 0, without anything on it.
    pub fn flat(section: [f32; 2], sections_of_component: [u16; 3], components: [u16; 3]) -> Plan {
        let along = |axis: usize| u32::from(sections_of_component[axis]) * u32::from(components[axis]) + 1;
        let heights = [along(0), along(1)];
        Plan {
            shape: Shape {
                section,
                sections_of_component: sections_of_component.map(u32::from),
                components: components.map(u32::from),
                height_spacing: section[0],
                heights,
                height_base: 0.0,
                height_scale: 0.0,
            },
            heights: vec![0; heights[0] as usize * heights[1] as usize],
            triangles: Vec::new(),
            volumes: Vec::new(),
            spawns: Vec::new(),
            mesh: None,
        }
    }

    /// Adds a solid box.
    pub fn add_box(&mut self, low: [f32; 3], high: [f32; 3]) {
        self.triangles.extend(box_triangles(low, high).map(|triangle| (triangle, 0)));
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// [`MapFileError::Table`]: the plan is not possible.
    pub fn write(&self) -> Result<Vec<u8>, MapFileError> {
        let map = self
            .shape
            .map()
            .ok_or_else(|| MapFileError::Table { table: "shape", why: "no map can have these sections".into() })?;
        let mut solids = self.triangles.clone();
        for volume in self.volumes.iter().filter(|volume| volume.kind == VolumeKind::NoGo) {
            let sides = box_triangles(volume.low, volume.high);
            solids.extend(sides.map(|triangle| (triangle, triangle_flags::INVISIBLE)));
        }
        let (triangles, flags): (Vec<_>, Vec<_>) = solids.into_iter().unzip();
        let (sections, cells, cell_triangles) = cells_of(&map, &triangles);
        let (section_volumes, volume_lists) = volume_lists_of(&map, &self.volumes);
        let mut names = Vec::new();
        let volumes: Vec<_> = self
            .volumes
            .iter()
            .map(|it| Volume { low: it.low, high: it.high, kind: it.kind as u32, name: add_name(&mut names, &it.name) })
            .collect();
        let spawns: Vec<_> = self
            .spawns
            .iter()
            .map(|it| Spawn { point: it.point, yaw: it.yaw.into(), name: add_name(&mut names, &it.name) })
            .collect();
        let none = MeshPlan::default();
        let mesh = self.mesh.as_ref().unwrap_or(&none);
        let mut file = File::new();
        file.add(&[self.shape]);
        file.add(&self.heights);
        file.add(&sections);
        file.add(&cells);
        file.add(&cell_triangles);
        file.add(&triangles);
        file.add(&flags);
        file.add(&volumes);
        file.add(&section_volumes);
        file.add(&volume_lists);
        file.add(&spawns);
        file.add(&names);
        file.add(&mesh.vertices);
        file.add(&mesh.offsets());
        file.add(&mesh.polygons.iter().flat_map(|(corners, _)| corners.iter().copied()).collect::<Vec<u32>>());
        file.add(&mesh.polygons.iter().map(|&(_, region)| region).collect::<Vec<u32>>());
        file.add(self.mesh.as_ref().map(|mesh| mesh.agent).as_slice());
        let bytes = file.finish();
        // What the reader refuses is not written.
        read((*super::aligned(&bytes)).as_ref())?;
        Ok(bytes)
    }
}

impl MeshPlan {
    fn offsets(&self) -> Vec<u32> {
        if self.polygons.is_empty() {
            return Vec::new();
        }
        let ends = self.polygons.iter().scan(0, |end, (corners, _)| {
            *end += corners.len() as u32;
            Some(*end)
        });
        std::iter::once(0).chain(ends).collect()
    }
}

fn add_name(names: &mut Vec<u8>, name: &str) -> [u32; 2] {
    let begin = names.len() as u32;
    names.extend_from_slice(name.as_bytes());
    [begin, name.len() as u32]
}

/// The twelve triangles around a box.
fn box_triangles(low: [f32; 3], high: [f32; 3]) -> [[[f32; 3]; 3]; 12] {
    let corner = |bits: usize| std::array::from_fn(|axis| if bits >> axis & 1 == 0 { low[axis] } else { high[axis] });
    const SIDES: [[usize; 4]; 6] = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
    std::array::from_fn(|number| {
        let [a, b, c, d] = SIDES[number / 2];
        (if number.is_multiple_of(2) { [a, b, c] } else { [a, c, d] }).map(corner)
    })
}

/// The tables `sections`, `cells` and `cell_triangles`.
fn cells_of(map: &Map, triangles: &[[[f32; 3]; 3]]) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
    let ([edge, _], [along_x, along_y, _]) = map.shape();
    // The same product as in `Terrain`: a quotient could be rounded to another cell.
    let cells_per_unit = SECTION_CELLS as f32 / edge;
    let most = [u32::from(along_x), u32::from(along_y)].map(|sections| sections * SECTION_CELLS - 1);
    let mut lists = std::collections::BTreeMap::<(u32, u32), Vec<u32>>::new();
    for (number, triangle) in triangles.iter().enumerate() {
        let [(from_x, to_x), (from_y, to_y)] = std::array::from_fn(|axis| {
            let ends = triangle.map(|corner| (corner[axis] * cells_per_unit) as u32);
            let (low, high) = (ends.iter().min().expect("three"), ends.iter().max().expect("three"));
            ((*low).min(most[axis]), (*high).min(most[axis]))
        });
        for y in from_y..=to_y {
            for x in from_x..=to_x {
                lists.entry((y, x)).or_default().push(number as u32);
            }
        }
    }
    let (mut sections, mut cells, mut cell_triangles) = (Vec::new(), Vec::new(), Vec::new());
    for section_y in 0..u32::from(along_y) {
        for section_x in 0..u32::from(along_x) {
            let first = |section: u32| section * SECTION_CELLS;
            let rows = first(section_y)..first(section_y + 1);
            let columns = first(section_x)..first(section_x + 1);
            let is_empty = rows.clone().all(|y| lists.range((y, columns.start)..(y, columns.end)).next().is_none());
            if is_empty {
                sections.push(NO_CELLS);
                continue;
            }
            sections.push(cells.len() as u32);
            for y in rows {
                for x in columns.clone() {
                    cells.push(cell_triangles.len() as u32);
                    cell_triangles.extend(lists.get(&(y, x)).into_iter().flatten());
                }
            }
            cells.push(cell_triangles.len() as u32);
        }
    }
    (sections, cells, cell_triangles)
}

/// The tables `section_volumes` and `volume_lists`.
fn volume_lists_of(map: &Map, volumes: &[VolumePlan]) -> (Vec<u32>, Vec<u32>) {
    let ([edge, _], [along_x, along_y, _]) = map.shape();
    let (mut begins, mut lists) = (vec![0], Vec::new());
    for y in 0..along_y {
        for x in 0..along_x {
            let reaches = |volume: &VolumePlan, axis: usize, section: u16| {
                let (low, high) = (f32::from(section) * edge, f32::from(section + 1) * edge);
                volume.low[axis] <= high && volume.high[axis] >= low
            };
            let here = volumes.iter().enumerate().filter(|(_, it)| reaches(it, 0, x) && reaches(it, 1, y));
            lists.extend(here.map(|(number, _)| number as u32));
            begins.push(lists.len() as u32);
        }
    }
    (begins, lists)
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
