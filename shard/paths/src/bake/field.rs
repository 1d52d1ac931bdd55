//! What a tile's heightfield holds: the voxels on which a character can stand.

use super::MeshSettings;
use super::square::Tile;
use glam::{Vec3, Vec3A};
use rerecast::{Aabb3d, AreaType, CompactHeightfield, Heightfield, HeightfieldBuilder};
use ringshard_terrain::Terrain;
use ringshard_terrain::file::VolumeKind;

/// How far an outline may differ from the voxels, in voxels.
pub const OUTLINE_ERROR: f32 = 1.1;

/// The voxels of a tile.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    /// The tile, with its border.
    around: Tile,
    /// Edge of a voxel.
    pub cell: f32,
    pub cell_height: f32,
    /// Voxels of the tile without its border, along each axis.
    pub cells: u16,
    /// Voxels of the border.
    pub border: u16,
    /// Voxels that paths keep away from walls.
    radius: u16,
    /// How much higher the next voxel may be, in voxels.
    climb: u16,
    /// The height of the lowest voxel, in units.
    pub base: f32,
    /// Where voxels end.
    top: f32,
}

impl Grid {
    pub fn new(settings: &MeshSettings, tile: &Tile, is_built: bool) -> Grid {
        let edge = tile.high[0] - tile.low[0];
        let wanted = if is_built { settings.cell } else { settings.ground_cell };
        let cells = (edge / wanted).ceil();
        let cell = edge / cells;
        // An outline can cut off a corner. The body fits even there.
        let radius = (settings.tuning.radius / cell + OUTLINE_ERROR).ceil() as u16;
        let border = radius + 3;
        let rise = if is_built {
            settings.tuning.step_height
        } else {
            // The ground has no steps. This is how much it rises across a voxel's diagonal where it is steepest.
            let limit = settings.tuning.slope_limit.max(0.1);
            1.5 * cell * (1.0 - limit * limit).sqrt() / limit
        };
        Grid {
            around: tile.wider(f32::from(border) * cell),
            cell,
            cell_height: settings.cell_height,
            cells: cells as u16,
            border,
            radius,
            // Heights are rounded up to voxels, so that a difference can be larger by one.
            climb: (rise / settings.cell_height - 1.0).max(0.0) as u16,
            base: 0.0,
            top: 0.0,
        }
    }
}

/// A triangle, and whether its slope lets a character stand on it. Its corners are relative to the grid.
type Piece = ([Vec3A; 3], AreaType);

/// The field of a tile: the places where a character can stand, with a distance to walls. `None` if there is none.
pub fn field_of(
    terrain: &Terrain,
    settings: &MeshSettings,
    grid: &mut Grid,
) -> Result<Option<CompactHeightfield>, String> {
    let mut pieces = Vec::new();
    let limit = settings.tuning.slope_limit;
    ground_pieces(terrain, grid, limit, &mut pieces);
    static_pieces(terrain, grid, limit, &mut pieces);
    let heights = || pieces.iter().flat_map(|(corners, _)| corners.iter().map(|corner| corner.y));
    (grid.base, grid.top) = heights().fold((f32::MAX, f32::MIN), |(low, high), z| (low.min(z), high.max(z)));
    if grid.base > grid.top {
        return Ok(None);
    }
    grid.base -= grid.cell_height;
    let voxels = (grid.top - grid.base) / grid.cell_height + 2.0;
    if voxels > 60_000.0 {
        return Err(format!("it is {voxels:.0} voxels high, and 60,000 are the limit"));
    }
    let mut field = empty_field(grid, voxels)?;
    for (mut corners, area) in pieces {
        corners.iter_mut().for_each(|corner| corner.y -= grid.base);
        field.rasterize_triangle(corners, area, grid.climb).map_err(|error| error.to_string())?;
    }
    let height = (settings.tuning.height / grid.cell_height).ceil() as u16;
    field.filter_low_hanging_walkable_obstacles(grid.climb);
    field.filter_walkable_low_height_spans(height);
    let mut field = field.into_compact(height, grid.climb).map_err(|error| error.to_string())?;
    close(terrain, settings, grid, &mut field);
    erode(&mut field, grid.radius);
    Ok(field.areas.iter().any(AreaType::is_walkable).then_some(field))
}

fn empty_field(grid: &Grid, voxels: f32) -> Result<Heightfield, String> {
    let edge = f32::from(grid.cells + 2 * grid.border) * grid.cell;
    let max = Vec3::new(edge, voxels * grid.cell_height, edge);
    let aabb = Aabb3d { min: Vec3::ZERO, max };
    let builder = HeightfieldBuilder { aabb, cell_size: grid.cell, cell_height: grid.cell_height };
    builder.build().map_err(|error| error.to_string())
}

impl Grid {
    /// Rerecast's axes: y goes upwards. The corner of the grid is the origin, so that little is rounded.
    fn relative(&self, [x, y, z]: [f32; 3]) -> Vec3A {
        Vec3A::new(x - self.around.low[0], z, y - self.around.low[1])
    }
}

fn area_of(corners: &[Vec3A; 3], slope_limit: f32) -> AreaType {
    let normal = (corners[1] - corners[0]).cross(corners[2] - corners[0]);
    // Both sides are solid.
    let is_level = normal.y.abs() >= slope_limit * normal.length();
    if is_level { AreaType::DEFAULT_WALKABLE } else { AreaType::NOT_WALKABLE }
}

fn ground_pieces(terrain: &Terrain, grid: &Grid, slope_limit: f32, pieces: &mut Vec<Piece>) {
    let (shape, [width, depth, _]) = (terrain.shape(), terrain.map().size());
    let spacing = shape.height_spacing;
    let squares = |axis: usize, end: f32| {
        let first = (grid.around.low[axis].max(0.0) / spacing) as u32;
        first..=((grid.around.high[axis].min(end) / spacing) as u32).min(shape.heights[axis] - 2)
    };
    for row in squares(1, depth) {
        for column in squares(0, width) {
            let corner = |right: u32, up: u32| {
                let (column, row) = (column + right, row + up);
                let count = terrain.columns().heights[(row * shape.heights[0] + column) as usize];
                let z = shape.height_base + shape.height_scale * f32::from(count);
                grid.relative([column as f32 * spacing, row as f32 * spacing, z])
            };
            let (near, far) = (corner(0, 0), corner(1, 1));
            for corners in [[near, corner(1, 0), far], [near, far, corner(0, 1)]] {
                pieces.push((corners, area_of(&corners, slope_limit)));
            }
        }
    }
}

fn static_pieces(terrain: &Terrain, grid: &Grid, slope_limit: f32, pieces: &mut Vec<Piece>) {
    let columns = terrain.columns();
    terrain.triangles_near(grid.around.low, grid.around.high, |number| {
        let corners = columns.triangles[number as usize].map(|corner| grid.relative(corner));
        pieces.push((corners, area_of(&corners, slope_limit)));
    });
}

/// Closes what a character must not enter: what lies outside the map, under the ground or in deep water.
fn close(terrain: &Terrain, settings: &MeshSettings, grid: &Grid, field: &mut CompactHeightfield) {
    let [width, depth, _] = terrain.map().size();
    let tuning = &settings.tuning;
    for row in 0..field.height {
        for column in 0..field.width {
            let [x, y] = [(column, grid.around.low[0]), (row, grid.around.low[1])]
                .map(|(count, low)| low + (f32::from(count) + 0.5) * grid.cell);
            let is_outside = !(0.0..width).contains(&x) || !(0.0..depth).contains(&y);
            let ground = terrain.height(x, y);
            for span in field.cell_at(column, row).index_range() {
                let z = grid.base + f32::from(field.spans[span].y) * grid.cell_height;
                let is_deep = || {
                    let surface = terrain.water_surface([x, y, z]);
                    !settings.swims && surface.is_some_and(|surface| surface - z > tuning.swim_depth)
                };
                let is_buried = z < ground - tuning.step_height - grid.cell;
                if is_outside || is_buried || is_closed(terrain, [x, y, z], tuning.step_height) || is_deep() {
                    field.areas[span] = AreaType::NOT_WALKABLE;
                }
            }
        }
    }
}

/// Whether a point lies in a volume that nobody may enter, or on top of one.
fn is_closed(terrain: &Terrain, [x, y, z]: [f32; 3], step_height: f32) -> bool {
    let is_no_go = |z: f32| terrain.volumes_at([x, y, z]).any(|volume| volume.kind == VolumeKind::NoGo as u32);
    is_no_go(z) || is_no_go(z - step_height)
}

/// Closes what is nearer than `radius` voxels to a wall, a ledge or a closed voxel, along x and y: the body is a box that does
/// not turn, so that its corners reach farther than its sides.
fn erode(field: &mut CompactHeightfield, radius: u16) {
    for directions in [[0, 2], [1, 3]] {
        let mut areas = field.areas.clone();
        for row in 0..field.height {
            for column in 0..field.width {
                for span in field.cell_at(column, row).index_range() {
                    let is_free = |direction| has_room(field, [column, row], span, direction, radius);
                    if field.areas[span].is_walkable() && !directions.into_iter().all(is_free) {
                        areas[span] = AreaType::NOT_WALKABLE;
                    }
                }
            }
        }
        field.areas = areas;
    }
}

/// Whether a character can walk on from a voxel for so many voxels in a direction.
fn has_room(field: &CompactHeightfield, [column, row]: [u16; 2], span: usize, direction: u8, voxels: u16) -> bool {
    let (mut column, mut row, mut span) = (i32::from(column), i32::from(row), span);
    for _ in 0..voxels {
        let Some(layer) = field.spans[span].con(direction) else { return false };
        (column, row, span) = field.con_indices(column, row, direction, layer);
        if !field.areas[span].is_walkable() {
            return false;
        }
    }
    true
}
