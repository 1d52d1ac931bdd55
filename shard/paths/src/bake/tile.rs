//! The polygons of one tile.

use super::field::{Grid, field_of};
use super::outlines::polygons_of;
use super::square::Tile;
use super::{MeshError, MeshSettings, Polygons};
use crate::surface::nearest_height;
use rerecast::PolygonNavmesh;
use ringshard_terrain::Terrain;
use ringshard_terrain::file::VolumeKind;

/// Whether a character can stand everywhere on a tile: it has neither triangles, nor steep ground, nor volumes that matter.
pub fn is_open(terrain: &Terrain, settings: &MeshSettings, tile: &Tile) -> bool {
    let around = tile.wider(settings.margin());
    !has_triangles(terrain, &around) && !has_volumes(terrain, &around) && is_level(terrain, settings, &around)
}

fn has_triangles(terrain: &Terrain, tile: &Tile) -> bool {
    let (columns, mut any) = (terrain.columns(), false);
    terrain.triangles_near(tile.low, tile.high, |number| {
        let corners = &columns.triangles[number as usize];
        any |= (0..2).all(|axis| {
            let ends = corners.map(|corner| corner[axis]);
            ends.iter().any(|end| *end <= tile.high[axis]) && ends.iter().any(|end| *end >= tile.low[axis])
        });
    });
    any
}

/// Whether there is water or a closed area.
fn has_volumes(terrain: &Terrain, tile: &Tile) -> bool {
    terrain.columns().volumes.iter().any(|volume| {
        volume.kind != VolumeKind::Area as u32
            && (0..2).all(|axis| volume.low[axis] <= tile.high[axis] && volume.high[axis] >= tile.low[axis])
    })
}

fn is_level(terrain: &Terrain, settings: &MeshSettings, tile: &Tile) -> bool {
    let shape = terrain.shape();
    if shape.height_scale == 0.0 {
        return true;
    }
    // Half a square from one sample to the next: both triangles of each square are met.
    let spacing = shape.height_spacing;
    let squares = |axis: usize| {
        let first = (tile.low[axis].max(0.0) / spacing) as u32;
        first..=((tile.high[axis] / spacing) as u32).clamp(first, shape.heights[axis] - 2)
    };
    squares(1).all(|row| {
        squares(0).all(|column| {
            [[0.7, 0.3], [0.3, 0.7]].iter().all(|[x, y]| {
                let (_, [rise_x, rise_y]) = terrain.ground((column as f32 + x) * spacing, (row as f32 + y) * spacing);
                let normal_z = 1.0 / (1.0 + rise_x * rise_x + rise_y * rise_y).sqrt();
                normal_z >= settings.tuning.slope_limit
            })
        })
    })
}

/// Adds the whole tile as one polygon. It keeps its distance from the edge of the map.
pub fn add_rectangle(terrain: &Terrain, settings: &MeshSettings, tile: &Tile, all: &mut Polygons) {
    let ([width, depth, _], margin) = (terrain.map().size(), settings.tuning.radius);
    let [low_x, low_y] = tile.low.map(|axis| if axis <= 0.0 { margin } else { axis });
    let [high_x, high_y] =
        [(tile.high[0], width), (tile.high[1], depth)].map(|(axis, end)| if axis >= end { end - margin } else { axis });
    let first = all.vertices.len() as u32;
    for [x, y] in [[low_x, low_y], [high_x, low_y], [high_x, high_y], [low_x, high_y]] {
        all.vertices.push([x, y, terrain.height(x, y)]);
    }
    all.polygons.push((first..first + 4).collect());
}

/// Adds the polygons of a tile.
pub fn add(terrain: &Terrain, settings: &MeshSettings, tile: &Tile, all: &mut Polygons) -> Result<(), MeshError> {
    if is_open(terrain, settings, tile) {
        add_rectangle(terrain, settings, tile, all);
        return Ok(());
    }
    let is_built = has_triangles(terrain, &tile.wider(settings.margin()));
    let mut grid = Grid::new(settings, tile, is_built);
    let mesh = mesh_of(terrain, settings, &mut grid).map_err(|why| MeshError::Tile {
        from_x: tile.low[0] as u32,
        from_y: tile.low[1] as u32,
        to_x: tile.high[0] as u32,
        to_y: tile.high[1] as u32,
        why,
    })?;
    if let Some(mesh) = mesh {
        add_mesh(terrain, tile, &grid, &mesh, all);
    }
    Ok(())
}

fn mesh_of(terrain: &Terrain, settings: &MeshSettings, grid: &mut Grid) -> Result<Option<PolygonNavmesh>, String> {
    let Some(mut field) = field_of(terrain, settings, grid)? else { return Ok(None) };
    polygons_of(&mut field, grid.border).map(Some)
}

fn add_mesh(terrain: &Terrain, tile: &Tile, grid: &Grid, mesh: &PolygonNavmesh, all: &mut Polygons) {
    let first = all.vertices.len() as u32;
    for vertex in &mesh.vertices {
        let place = |axis: usize, count: u16| {
            // The last line is the same number as the first one of the next tile.
            if count == grid.cells { tile.high[axis] } else { tile.low[axis] + f32::from(count) * grid.cell }
        };
        let (x, y) = (place(0, vertex.x), place(1, vertex.z));
        let z = grid.base + f32::from(vertex.y) * grid.cell_height;
        all.vertices.push([x, y, nearest_height(terrain, [x, y], z)]);
    }
    for polygon in mesh.polygons() {
        let mut corners: Vec<u32> = polygon.map(|corner| first + u32::from(corner)).collect();
        if doubled_area(&all.vertices, &corners) < 0.0 {
            corners.reverse();
        }
        all.polygons.push(corners);
    }
}

/// Twice the area of a polygon, seen from above: positive if it is counter-clockwise.
pub fn doubled_area(vertices: &[[f32; 3]], corners: &[u32]) -> f64 {
    let at = |corner: u32| vertices[corner as usize].map(f64::from);
    let origin = at(corners[0]);
    corners[1..]
        .windows(2)
        .map(|pair| {
            let ([a_x, a_y, _], [b_x, b_y, _]) = (at(pair[0]), at(pair[1]));
            (a_x - origin[0]) * (b_y - origin[1]) - (a_y - origin[1]) * (b_x - origin[0])
        })
        .sum()
}
