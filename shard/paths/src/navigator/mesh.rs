//! The polygons of a terrain's mesh, their neighbours, and which of them lie near a point.

use crate::surface::nearest_height;
use ringshard_terrain::Terrain;
use ringshard_terrain::file::Columns;
use std::collections::HashMap;

/// In [`Mesh::neighbours`]: nothing is beyond that side.
const NONE: u32 = u32::MAX;
/// Cells of the index along an axis, at most.
const CELLS_MAX: f32 = 512.0;
/// Edge of a cell, at least, in units.
const CELL_MIN: f32 = 1_600.0;
/// Points that are this near to a polygon lie in it, in units: coordinates are rounded.
const TOLERANCE: f64 = 0.05;
/// Polygons that a straight line crosses, at most.
const CROSSED_MAX: usize = 2_048;

/// What the map file does not say about its mesh.
#[derive(Debug)]
pub struct Mesh {
    /// For each corner of each polygon, the polygon beyond the side that begins there.
    neighbours: Vec<u32>,
    /// Edge of a cell, and cells along x and y.
    cell: f32,
    cells: [u32; 2],
    /// Where each cell's list of polygons begins in `lists`.
    begins: Vec<u32>,
    lists: Vec<u32>,
}

/// A point on the mesh.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Place {
    pub point: [f32; 3],
    pub polygon: u32,
}

/// A side of a polygon, seen from inside, and what is beyond.
#[derive(Clone, Copy, Debug)]
pub struct Side {
    pub right: [f32; 3],
    pub left: [f32; 3],
    pub beyond: Option<u32>,
}

/// The vector product of `a - origin` and `b - origin`: positive if `b` is at the left.
pub fn turn(origin: [f32; 3], a: [f32; 3], b: [f32; 3]) -> f64 {
    let along = |to: [f32; 3], axis: usize| f64::from(to[axis]) - f64::from(origin[axis]);
    along(a, 0) * along(b, 1) - along(a, 1) * along(b, 0)
}

pub fn distance([a_x, a_y, _]: [f32; 3], [b_x, b_y, _]: [f32; 3]) -> f32 {
    let [x, y] = [b_x - a_x, b_y - a_y];
    (x * x + y * y).sqrt()
}

/// The point of a segment that is nearest, from above.
fn nearest_on([a, b]: [[f32; 3]; 2], point: [f32; 3]) -> [f32; 3] {
    let [x, y] = [b[0] - a[0], b[1] - a[1]];
    let length = x * x + y * y;
    let part = ((point[0] - a[0]) * x + (point[1] - a[1]) * y) / length;
    let part = if length > 0.0 { part.clamp(0.0, 1.0) } else { 0.0 };
    [a[0] + part * x, a[1] + part * y, a[2] + part * (b[2] - a[2])]
}

impl Mesh {
    /// The mesh in a terrain's map file.
    pub fn of(terrain: &Terrain) -> Option<Mesh> {
        let columns = terrain.columns();
        if columns.nav_regions.is_empty() {
            return None;
        }
        let [width, depth, _] = terrain.map().size();
        let cell = (width.max(depth) / CELLS_MAX).max(CELL_MIN);
        let cells = [width, depth].map(|size| ((size / cell).ceil() as u32).max(1));
        let mut mesh = Mesh { neighbours: neighbours_of(columns), cell, cells, begins: Vec::new(), lists: Vec::new() };
        let mut lists = vec![Vec::new(); (cells[0] * cells[1]) as usize];
        for polygon in 0..columns.nav_regions.len() as u32 {
            let [low, high] = bounds(columns, polygon);
            mesh.cells_in(low, high).for_each(|cell| lists[cell].push(polygon));
        }
        mesh.begins.push(0);
        for list in lists {
            mesh.lists.extend(list);
            mesh.begins.push(mesh.lists.len() as u32);
        }
        Some(mesh)
    }

    /// Cells that a rectangle touches.
    fn cells_in(&self, low: [f32; 2], high: [f32; 2]) -> impl Iterator<Item = usize> + use<> {
        let place = |at: f32, axis: usize| ((at / self.cell) as u32).min(self.cells[axis] - 1);
        let [along_x, rows] = [0, 1].map(|axis| place(low[axis], axis)..=place(high[axis], axis));
        let width = self.cells[0];
        rows.flat_map(move |row| along_x.clone().map(move |column| (row * width + column) as usize))
    }

    fn polygons_in(&self, cell: usize) -> &[u32] {
        &self.lists[self.begins[cell] as usize..self.begins[cell + 1] as usize]
    }

    /// The sides of a polygon, counter-clockwise.
    pub fn sides<'a>(&'a self, columns: &'a Columns<'a>, polygon: u32) -> impl Iterator<Item = Side> + 'a {
        let (begin, end) = ends(columns, polygon);
        (begin..end).map(move |at| {
            let next = if at + 1 == end { begin } else { at + 1 };
            let corner = |at: usize| columns.nav_vertices[columns.nav_corners[at] as usize];
            let beyond = Some(self.neighbours[at]).filter(|&it| it != NONE);
            Side { right: corner(at), left: corner(next), beyond }
        })
    }

    /// The side between two neighbours.
    pub fn side_between(&self, columns: &Columns<'_>, from: u32, to: u32) -> Option<Side> {
        self.sides(columns, from).find(|side| side.beyond == Some(to))
    }

    /// Whether a point lies in a polygon, from above.
    pub fn contains(&self, columns: &Columns<'_>, polygon: u32, point: [f32; 3]) -> bool {
        self.sides(columns, polygon).all(|Side { right, left, .. }| {
            turn(right, left, point) >= -TOLERANCE * f64::from(distance(right, left)).max(TOLERANCE)
        })
    }

    /// The nearest place within a radius. Distances are in three dimensions.
    pub fn nearest(&self, terrain: &Terrain, point: [f32; 3], radius: f32) -> Option<Place> {
        let columns = terrain.columns();
        if !point.iter().all(|axis| axis.is_finite()) {
            return None;
        }
        let low = [point[0] - radius, point[1] - radius];
        let high = [point[0] + radius, point[1] + radius];
        let (mut best, mut place) = (radius * radius, None);
        for cell in self.cells_in(low, high) {
            for &polygon in self.polygons_in(cell) {
                let [polygon_low, polygon_high] = bounds(columns, polygon);
                let beside = |axis: usize| (polygon_low[axis] - point[axis]).max(point[axis] - polygon_high[axis]);
                if beside(0).max(beside(1)) > best.sqrt() + 1.0 {
                    continue;
                }
                let near = self.nearest_of(columns, polygon, point);
                let away = distance(near, point);
                if away * away > best {
                    continue;
                }
                let z = nearest_height(terrain, [near[0], near[1]], near[2]);
                let away = away * away + (z - point[2]) * (z - point[2]);
                if away <= best {
                    (best, place) = (away, Some(Place { point: [near[0], near[1], z], polygon }));
                }
            }
        }
        place
    }

    /// The point of a polygon that is nearest from above. Its height is between those of the corners.
    fn nearest_of(&self, columns: &Columns<'_>, polygon: u32, point: [f32; 3]) -> [f32; 3] {
        if self.contains(columns, polygon, point) {
            return [point[0], point[1], self.height(columns, polygon, point)];
        }
        let on_sides = self.sides(columns, polygon).map(|side| nearest_on([side.right, side.left], point));
        on_sides.min_by(|a, b| distance(*a, point).total_cmp(&distance(*b, point))).expect("a polygon has sides")
    }

    /// The height of a polygon at a point in it. It is flat between its first corner and each other side.
    pub fn height(&self, columns: &Columns<'_>, polygon: u32, point: [f32; 3]) -> f32 {
        let origin = columns.nav_vertices[columns.nav_corners[ends(columns, polygon).0] as usize];
        let mut height = origin[2];
        for Side { right, left, .. } in self.sides(columns, polygon) {
            let area = turn(origin, right, left);
            let parts = [turn(origin, right, point), turn(origin, point, left)].map(|it| it / area);
            if area > 1e-3 && parts[0] >= -1e-3 && parts[1] >= -1e-3 {
                let rise = |to: [f32; 3]| f64::from(to[2] - origin[2]);
                height = origin[2] + (parts[0] * rise(left) + parts[1] * rise(right)) as f32;
            }
        }
        height
    }

    /// The polygon at a point whose height is nearest.
    fn polygon_at(&self, terrain: &Terrain, point: [f32; 3]) -> Option<u32> {
        let columns = terrain.columns();
        let cell = self.cells_in([point[0], point[1]], [point[0], point[1]]).next()?;
        let here = self.polygons_in(cell).iter().copied().filter(|&it| self.contains(columns, it, point));
        let away = |polygon: u32| {
            let height = self.height(columns, polygon, point);
            (nearest_height(terrain, [point[0], point[1]], height) - point[2]).abs()
        };
        here.min_by(|&a, &b| away(a).total_cmp(&away(b)))
    }

    /// Whether the straight line from a place to a point stays on the mesh, and arrives at that height.
    pub fn sees(&self, terrain: &Terrain, from: Place, to: [f32; 3]) -> bool {
        let columns = terrain.columns();
        let (mut polygon, mut before) = (from.polygon, NONE);
        for _ in 0..CROSSED_MAX {
            if self.contains(columns, polygon, to) {
                let height = self.height(columns, polygon, to);
                return (nearest_height(terrain, [to[0], to[1]], height) - to[2]).abs() < 1.0;
            }
            // The line leaves through the side that it crosses from the inside.
            let way_out = self.sides(columns, polygon).find(|side| {
                side.beyond != Some(before)
                    && turn(from.point, to, side.right) <= 0.0
                    && turn(from.point, to, side.left) > 0.0
                    && turn(side.right, side.left, to) < 0.0
            });
            let Some(beyond) = way_out.and_then(|side| side.beyond) else { return false };
            (polygon, before) = (beyond, polygon);
        }
        false
    }

    /// Leaves out corners that a straight line can skip.
    pub fn straighten(&self, terrain: &Terrain, corners: &mut Vec<[f32; 3]>) {
        let (mut kept, mut next) = (1, 2);
        while next < corners.len() {
            if self.is_skippable(terrain, corners[kept - 1], corners[next]) {
                // The corner before `next` goes.
            } else {
                corners[kept] = corners[next - 1];
                kept += 1;
            }
            next += 1;
        }
        if corners.len() > 2 {
            corners[kept] = corners[corners.len() - 1];
            corners.truncate(kept + 1);
        }
    }

    fn is_skippable(&self, terrain: &Terrain, from: [f32; 3], to: [f32; 3]) -> bool {
        let length = distance(from, to);
        if length < 1.0 {
            return true;
        }
        // Corners of paths are corners of polygons. A little ahead, it is clear which polygon the line enters.
        let part = 0.2 / length;
        let ahead = [from[0] + part * (to[0] - from[0]), from[1] + part * (to[1] - from[1]), from[2]];
        let back = [to[0] - part * (to[0] - from[0]), to[1] - part * (to[1] - from[1]), to[2]];
        let back = [back[0], back[1], nearest_height(terrain, [back[0], back[1]], back[2])];
        let Some(polygon) = self.polygon_at(terrain, ahead) else { return false };
        self.sees(terrain, Place { point: ahead, polygon }, back)
    }
}

/// Where a polygon's corners begin and end.
fn ends(columns: &Columns<'_>, polygon: u32) -> (usize, usize) {
    let at = |number: u32| columns.nav_polygons[number as usize] as usize;
    (at(polygon), at(polygon + 1))
}

fn corners<'a>(columns: &'a Columns<'a>, polygon: u32) -> &'a [u32] {
    let (begin, end) = ends(columns, polygon);
    &columns.nav_corners[begin..end]
}

fn bounds(columns: &Columns<'_>, polygon: u32) -> [[f32; 2]; 2] {
    let (mut low, mut high) = ([f32::MAX; 2], [f32::MIN; 2]);
    for &corner in corners(columns, polygon) {
        for axis in 0..2 {
            low[axis] = low[axis].min(columns.nav_vertices[corner as usize][axis]);
            high[axis] = high[axis].max(columns.nav_vertices[corner as usize][axis]);
        }
    }
    [low, high]
}

/// For each corner of each polygon, the polygon beyond the side that begins there.
fn neighbours_of(columns: &Columns<'_>) -> Vec<u32> {
    let mut sides = HashMap::with_capacity(columns.nav_corners.len());
    let each = |mut each: Box<dyn FnMut(usize, [u32; 2], u32) + '_>| {
        for polygon in 0..columns.nav_regions.len() as u32 {
            let (begin, end) = ends(columns, polygon);
            for at in begin..end {
                let next = if at + 1 == end { begin } else { at + 1 };
                each(at, [columns.nav_corners[at], columns.nav_corners[next]], polygon);
            }
        }
    };
    each(Box::new(|_, side, polygon| _ = sides.insert(side, polygon)));
    let mut neighbours = vec![NONE; columns.nav_corners.len()];
    each(Box::new(|at, [a, b], _| neighbours[at] = sides.get(&[b, a]).copied().unwrap_or(NONE)));
    neighbours
}
