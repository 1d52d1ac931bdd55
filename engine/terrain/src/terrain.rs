//! The ground, walls, water and places of a map.

use crate::file::{
    Bytes, CellTriangle, Columns, Grid, MapFileError, NO_CELLS, Plan, SECTION_CELLS, Shape, Spawn, Volume, VolumeKind,
    aligned, read,
};
use ringshard_world::Map;
use self_cell::self_cell;
use std::fmt;
use std::sync::{Arc, LazyLock};

self_cell! {
    struct Content {
        owner: Bytes,
        #[covariant]
        dependent: Columns,
    }
}

/// The geometry of a map. It does not change. All cores share one.
pub struct Terrain {
    content: Content,
    digest: u32,
    map: Map,
    pub(crate) grid: Grid,
    /// Squares of the height field per unit.
    pub(crate) squares_per_unit: f32,
}

impl Terrain {
    /// The terrain in the bytes of a map file. If they do not begin at a multiple of 4, they are copied.
    ///
    /// # Errors
    /// [`MapFileError`]
    pub fn read(bytes: Bytes) -> Result<Terrain, MapFileError> {
        let is_aligned = (*bytes).as_ref().as_ptr().addr().is_multiple_of(4);
        let bytes = if is_aligned { bytes } else { aligned((*bytes).as_ref()) };
        let mut digest = 0;
        let content = Content::try_new(bytes, |bytes| {
            let (columns, sum) = read((**bytes).as_ref())?;
            digest = sum;
            Ok(columns)
        })?;
        let shape = content.borrow_dependent().shape[0];
        let map = shape.map().expect("the shape was checked");
        Ok(Terrain {
            content,
            digest,
            map,
            grid: Grid::new(&map, &shape),
            squares_per_unit: 1.0 / shape.height_spacing,
        })
    }

    /// The terrain of a plan.
    ///
    /// # Errors
    /// [`MapFileError::Plan`] names what is not possible.
    pub fn of(plan: &Plan) -> Result<Terrain, MapFileError> {
        Terrain::read(Box::new(plan.write()?))
    }

    /// Level ground at height 0 on the default map.
    pub fn flat() -> Terrain {
        let plan = Plan::flat([25_600.0, 6_400.0], [4, 4, 1], [8, 8, 4]);
        Terrain::of(&plan).expect("the default map is possible")
    }

    /// [`Self::flat`], made once: all callers share it.
    pub fn shared_flat() -> Arc<Terrain> {
        static FLAT: LazyLock<Arc<Terrain>> = LazyLock::new(|| Arc::new(Terrain::flat()));
        FLAT.clone()
    }

    /// The map that it covers.
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// The checksum of its file. Two ends with the same checksum have the same geometry.
    pub fn digest(&self) -> u32 {
        self.digest
    }

    /// The tables of its file.
    #[inline]
    pub fn columns(&self) -> &Columns<'_> {
        self.content.borrow_dependent()
    }

    /// The shape of the map and of its height field.
    #[inline]
    pub fn shape(&self) -> &Shape {
        &self.columns().shape[0]
    }

    /// The height of the ground at a point. Outside the map it is that of the nearest edge. NaN counts as 0.
    #[inline]
    pub fn height(&self, x: f32, y: f32) -> f32 {
        self.ground(x, y).0
    }

    /// The height of the ground at a point, and its slope: how much it rises per unit along x and along y.
    ///
    /// Each square of the height field is two triangles. They meet at the diagonal from its lowest x and y to its highest.
    #[inline]
    pub fn ground(&self, x: f32, y: f32) -> (f32, [f32; 2]) {
        let columns = self.columns();
        let Shape { heights: [along_x, along_y], height_base, height_scale, .. } = columns.shape[0];
        let place = |at: f32, count: u32| {
            let at = at * self.squares_per_unit;
            // The cast takes negative numbers and NaN to 0.
            let square = (at as u32).min(count - 2);
            let part = at - square as f32;
            (square as usize, if part > 0.0 { part.min(1.0) } else { 0.0 })
        };
        let ((column, part_x), (row, part_y)) = (place(x, along_x), place(y, along_y));
        let first = row * along_x as usize + column;
        let height = |at: usize| height_base + height_scale * f32::from(columns.heights[at]);
        let (corner, opposite) = (height(first), height(first + along_x as usize + 1));
        let [rise_x, rise_y] = if part_x > part_y {
            let middle = height(first + 1);
            [middle - corner, opposite - middle]
        } else {
            let middle = height(first + along_x as usize);
            [opposite - middle, middle - corner]
        };
        let height = corner + part_x * rise_x + part_y * rise_y;
        (height, [rise_x * self.squares_per_unit, rise_y * self.squares_per_unit])
    }

    /// The triangles of static geometry near a rectangle, each once: all whose bounding box, seen from above, reaches into a
    /// cell that the rectangle touches. `low` and `high` are its corners with the lowest and the highest coordinates.
    #[inline]
    pub fn triangles_near(&self, low: [f32; 2], high: [f32; 2], mut each: impl FnMut(u32)) {
        self.entries_near(low, high, |_| true, |entry| each(entry.triangle));
    }

    /// Those of [`Self::triangles_near`] that are wanted, with the bounds of each.
    #[inline]
    pub(crate) fn entries_near<'a>(
        &'a self,
        low: [f32; 2],
        high: [f32; 2],
        is_wanted: impl Fn(&CellTriangle) -> bool,
        mut each: impl FnMut(&'a CellTriangle),
    ) {
        let columns = self.columns();
        let [[from_x, to_x], [from_y, to_y]] = [0, 1].map(|axis| [low, high].map(|it| self.grid.cell(it[axis], axis)));
        for y in from_y..=to_y {
            for x in from_x..=to_x {
                let section = y / SECTION_CELLS * self.grid.sections_along_x() + x / SECTION_CELLS;
                let cells = columns.sections[section as usize];
                if cells == NO_CELLS {
                    continue;
                }
                let cell = cells as usize + (y % SECTION_CELLS * SECTION_CELLS + x % SECTION_CELLS) as usize;
                let list = columns.cells[cell] as usize..columns.cells[cell + 1] as usize;
                for entry in &columns.cell_triangles[list] {
                    // A triangle in several of these cells counts in the first of them.
                    let is_first =
                        |axis: usize, at: u32, from: u32| at == from || self.grid.cell(entry.low[axis], axis) == at;
                    if is_wanted(entry) && is_first(0, x, from_x) && is_first(1, y, from_y) {
                        each(entry);
                    }
                }
            }
        }
    }

    /// The volumes that a point lies in.
    #[inline]
    pub fn volumes_at(&self, point: [f32; 3]) -> impl Iterator<Item = &Volume> {
        let columns = self.columns();
        let section = self.grid.section(point[0], point[1]);
        let list = columns.section_volumes[section] as usize..columns.section_volumes[section + 1] as usize;
        let volumes = columns.volume_lists[list].iter().map(|&number| &columns.volumes[number as usize]);
        volumes.filter(move |volume| (0..3).all(|axis| (volume.low[axis]..=volume.high[axis]).contains(&point[axis])))
    }

    /// The height of the water's surface, if the point is in water.
    #[inline]
    pub fn water_surface(&self, point: [f32; 3]) -> Option<f32> {
        let water = self.volumes_at(point).filter(|volume| volume.kind == VolumeKind::Water as u32);
        water.map(|volume| volume.high[2]).reduce(f32::max)
    }

    /// The places where characters enter.
    pub fn spawns(&self) -> &[Spawn] {
        self.columns().spawns
    }

    /// A name in the file: that of a [`Volume`] or a [`Spawn`] of this terrain.
    ///
    /// # Panics
    /// The name is that of another terrain.
    pub fn name(&self, [begin, length]: [u32; 2]) -> &str {
        let bytes = &self.columns().names[begin as usize..(begin + length) as usize];
        str::from_utf8(bytes).expect("names were checked")
    }
}

impl fmt::Debug for Terrain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terrain").field("map", &self.map).field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl PartialEq for Terrain {
    /// Terrains with the same digest are the same.
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}
