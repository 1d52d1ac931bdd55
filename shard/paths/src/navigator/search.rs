//! The polygons that a path leads through: A* over polygons.

use super::mesh::{Mesh, Place, Side, distance, turn};
use ringshard_terrain::Terrain;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Searches, one after the other. It allocates nothing once it has searched widely.
#[derive(Debug)]
pub struct Search {
    /// Rows of earlier searches have another number.
    number: u32,
    rows: Vec<Row>,
    /// Polygons to look at: the estimated length of a path through them, as bits of a positive float.
    open: BinaryHeap<Reverse<(u32, u32)>>,
}

/// What a search knows of a polygon.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    search: u32,
    is_done: bool,
    /// The polygon before it.
    before: u32,
    /// Where the path enters, and its length up to there.
    entry: [f32; 3],
    length: f32,
}

impl Search {
    pub fn new(polygons: usize) -> Search {
        Search { number: 0, rows: vec![Row::default(); polygons], open: BinaryHeap::new() }
    }

    /// The polygons from one place to the other; `None` if it has looked at `most` polygons before it arrived.
    pub fn run(&mut self, mesh: &Mesh, terrain: &Terrain, begin: Place, end: Place, most: usize) -> Option<Vec<u32>> {
        if self.number == u32::MAX {
            self.rows.fill(Row::default());
            self.number = 0;
        }
        self.number += 1;
        self.open.clear();
        self.reach(begin.polygon, begin.polygon, begin.point, 0.0, end.point);
        let columns = terrain.columns();
        for _ in 0..most {
            let Reverse((_, polygon)) = self.open.pop()?;
            if polygon == end.polygon {
                return Some(self.corridor(begin.polygon, polygon));
            }
            let row = &mut self.rows[polygon as usize];
            if row.is_done {
                continue;
            }
            row.is_done = true;
            let Row { entry, length, before, .. } = *row;
            for side in mesh.sides(columns, polygon) {
                let Some(beyond) = side.beyond.filter(|&beyond| beyond != before) else { continue };
                let next = crossing(entry, end.point, side);
                self.reach(beyond, polygon, next, length + distance(entry, next), end.point);
            }
        }
        None
    }

    /// Notes that a path of this length enters a polygon, if it is the shortest so far.
    fn reach(&mut self, polygon: u32, before: u32, entry: [f32; 3], length: f32, goal: [f32; 3]) {
        let row = &mut self.rows[polygon as usize];
        if row.search != self.number || length < row.length && !row.is_done {
            *row = Row { search: self.number, is_done: false, before, entry, length };
            let estimate = length + distance(entry, goal);
            self.open.push(Reverse((estimate.to_bits(), polygon)));
        }
    }

    fn corridor(&self, begin: u32, end: u32) -> Vec<u32> {
        let mut corridor = vec![end];
        let mut at = end;
        while at != begin {
            at = self.rows[at as usize].before;
            corridor.push(at);
        }
        corridor.reverse();
        corridor
    }
}

/// Where the way from a point in a polygon to the goal crosses a side: straight, or at the end that is nearer to the line.
fn crossing(from: [f32; 3], goal: [f32; 3], Side { right, left, .. }: Side) -> [f32; 3] {
    let (of_right, of_left) = (turn(from, goal, right), turn(from, goal, left));
    if of_right > 0.0 || of_left < 0.0 || turn(right, left, goal) > 0.0 {
        // The line misses the side. The nearer end, by the way round.
        let way = |by: [f32; 3]| distance(from, by) + distance(by, goal);
        return if way(right) < way(left) { right } else { left };
    }
    let whole = of_left - of_right;
    let part = if whole > 0.0 { (-of_right / whole) as f32 } else { 0.5 };
    std::array::from_fn(|axis| right[axis] + part * (left[axis] - right[axis]))
}
