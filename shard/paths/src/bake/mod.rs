//! Makes the navigation mesh of a terrain.
//!
//! | module | for |
//! |---|---|
//! | `square` | where a tile is |
//! | `tile` | the polygons of one tile |
//! | `field` | what a tile's heightfield holds: ground, triangles, water |
//! | `outlines` | the polygons of a heightfield: outlines of regions without holes |
//! | `seams` | joins the polygons of neighbouring tiles |
//! | `regions` | which polygons a path connects |
//!
//! Sections are cut into tiles of about 3,200 units. A tile is of one of three kinds:
//!
//! | the tile has | its polygons |
//! |---|---|
//! | ground that is level enough, and nothing else | one rectangle. If all tiles of a section are so, the section is one rectangle |
//! | steep ground or water, but no triangles | from voxels of [`MeshSettings::ground_cell`] |
//! | triangles | from voxels of [`MeshSettings::cell`] |
//!
//! Voxels, regions and contours are those of Recast, in its port `rerecast`. A tile is built with a border of its neighbours'
//! geometry, so that both sides of a seam agree. Then `seams` gives the polygons at both sides of a seam the same corners, so
//! that neighbours always share an edge with two corners. Every corner then lies on the ground or on a triangle.

mod field;
mod outlines;
mod regions;
mod seams;
mod square;
mod tile;

#[cfg(test)]
pub(crate) use tile::doubled_area;

use ringshard_terrain::Terrain;
use ringshard_terrain::file::MeshPlan;
use ringshard_terrain::movement::Tuning;

/// How large tiles should be, in units.
const TILE_EDGE: f32 = 3_200.0;
/// Tiles of a section along each axis, at most.
const PARTS_MAX: f32 = 32.0;

/// For whom and how finely a mesh is made.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MeshSettings {
    /// The character that walks on the mesh: its radius, height, step height, slope limit and swim depth.
    pub tuning: Tuning,
    /// Edge of a voxel where there are triangles, in units. An opening is always passable if it is wider than the character by
    /// 5 voxels.
    pub cell: f32,
    /// Edge of a voxel where there is only ground, in units.
    pub ground_cell: f32,
    /// Height of a voxel, in units.
    pub cell_height: f32,
    /// Whether paths lead through water in which a character swims.
    pub swims: bool,
    /// Regions smaller than this are left out, in units squared.
    pub region_area_min: f32,
}

impl Default for MeshSettings {
    fn default() -> Self {
        MeshSettings {
            tuning: Tuning::default(),
            cell: 12.5,
            ground_cell: 50.0,
            cell_height: 2.5,
            swims: false,
            region_area_min: 40_000.0,
        }
    }
}

impl MeshSettings {
    /// What is farther away from a tile than this does not change its polygons, in units.
    fn margin(&self) -> f32 {
        3.0 * self.tuning.radius
    }

    fn check(&self, tile: f32) -> Result<(), MeshError> {
        let Tuning { radius, height, step_height, slope_limit, .. } = self.tuning;
        let sizes = [self.cell, self.ground_cell, self.cell_height, radius, height, tile];
        if !sizes.iter().all(|size| size.is_finite() && *size > 0.0) {
            return Err(MeshError::Settings("sizes of voxels and of the character must be positive numbers".into()));
        }
        if !(step_height.is_finite() && step_height >= 0.0 && (0.0..=1.0).contains(&slope_limit)) {
            return Err(MeshError::Settings("the step height or the slope limit is out of range".into()));
        }
        if height / self.cell_height < 3.0 || height / self.cell_height > 250.0 {
            return Err(MeshError::Settings(format!(
                "a character of {height} units must be 3 to 250 voxels high: change the height of a voxel"
            )));
        }
        for cell in [self.cell, self.ground_cell] {
            if !(8.0..=1_024.0).contains(&(tile / cell)) {
                return Err(MeshError::Settings(format!(
                    "a tile of {tile} units must be 8 to 1,024 voxels wide: change the edge of a voxel, {cell} units"
                )));
            }
        }
        Ok(())
    }
}

/// Why there is no mesh.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MeshError {
    /// The settings are impossible. Holds why.
    #[error("the settings of the navigation mesh are impossible: {0}")]
    Settings(String),
    /// A part of the map cannot be meshed.
    #[error("the ground from ({from_x}, {from_y}) to ({to_x}, {to_y}) cannot be meshed: {why}; try a smaller voxel")]
    Tile {
        /// Where the part begins, in units.
        from_x: u32,
        /// Along y.
        from_y: u32,
        /// Where it ends.
        to_x: u32,
        /// Along y.
        to_y: u32,
        /// What is wrong.
        why: String,
    },
    /// There is no place on the map where the character can stand.
    #[error("nobody can stand anywhere on this map: is it under water, or steeper than the slope limit everywhere?")]
    Empty,
}

/// Polygons whose corners are in units of the map.
#[derive(Default)]
struct Polygons {
    vertices: Vec<[f32; 3]>,
    /// Counter-clockwise from above.
    polygons: Vec<Vec<u32>>,
}

/// Makes the navigation mesh of a terrain. It calls `progress` with the share that is done, from 0 to 1.
///
/// # Errors
/// [`MeshError`]
pub fn bake_mesh(
    terrain: &Terrain,
    settings: &MeshSettings,
    progress: &mut dyn FnMut(f32),
) -> Result<MeshPlan, MeshError> {
    let ([edge, _], [along_x, along_y, _]) = terrain.map().shape();
    let parts = (edge / TILE_EDGE).round().clamp(1.0, PARTS_MAX) as u32;
    settings.check(edge / parts as f32)?;
    let mut all = Polygons::default();
    let mut seams = seams::Seams::default();
    let sections = u32::from(along_x) * u32::from(along_y);
    for number in 0..sections {
        let at = [number % u32::from(along_x), number / u32::from(along_x)];
        let section = square::Tile::new(at, edge, 1);
        if tile::is_open(terrain, settings, &section) {
            tile::add_rectangle(terrain, settings, &section, &mut all);
            seams.add(&section);
        } else {
            for part in 0..parts * parts {
                let [x, y] = [part % parts, part / parts];
                let tile = square::Tile::new([at[0] * parts + x, at[1] * parts + y], edge, parts);
                tile::add(terrain, settings, &tile, &mut all)?;
                seams.add(&tile);
            }
        }
        progress(0.95 * (number + 1) as f32 / sections as f32);
    }
    seams.join(terrain, settings, &mut all);
    let mesh = regions::finish(terrain, settings, all);
    progress(1.0);
    if mesh.polygons.is_empty() { Err(MeshError::Empty) } else { Ok(mesh) }
}
