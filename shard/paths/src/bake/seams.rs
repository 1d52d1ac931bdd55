//! Joins the polygons of neighbouring tiles.
//!
//! Polygons of two tiles touch at a seam, but their corners there differ. Where two edges overlap, at the same height, each
//! polygon gets the other's corners, so that both have the same edge. A polygon then can have corners in the middle of a
//! straight side.

use super::square::Tile;
use super::{MeshSettings, Polygons};
use crate::surface::nearest_height;
use ringshard_terrain::Terrain;
use std::collections::BTreeMap;

/// Corners that are closer along a seam are one, in units.
const SAME: f32 = 0.5;

/// The lines at which tiles meet: of x, and of y.
#[derive(Default)]
pub struct Seams {
    lines: [std::collections::BTreeSet<u32>; 2],
}

/// A side of a polygon that lies on a seam.
#[derive(Clone, Copy, Debug)]
struct Side {
    polygon: u32,
    /// Its ends, the lower one first.
    ends: [u32; 2],
    /// Where these are along the seam.
    from: f32,
    to: f32,
}

/// New corners of a polygon's sides: for each polygon and the lower end of a side, where a corner is, and its number.
type NewCorners = BTreeMap<u32, Vec<([u32; 2], f32, u32)>>;

impl Seams {
    /// Notes the sides of a tile.
    pub fn add(&mut self, tile: &Tile) {
        for axis in 0..2 {
            self.lines[axis].insert(tile.low[axis].to_bits());
            self.lines[axis].insert(tile.high[axis].to_bits());
        }
    }

    /// Gives polygons at both sides of seams the same corners.
    pub fn join(&self, terrain: &Terrain, settings: &MeshSettings, all: &mut Polygons) {
        let (mut same, mut new) = (Same::new(all.vertices.len()), NewCorners::new());
        for axis in 0..2 {
            let mut seams = self.sides(axis, all);
            for [before, after] in seams.values_mut() {
                before.sort_by(|a, b| a.from.total_cmp(&b.from));
                after.sort_by(|a, b| a.from.total_cmp(&b.from));
                for (one, other) in overlaps(before, after) {
                    if meet(terrain, settings, axis, all, one, other) {
                        share(all, axis, [one, other], &mut same, &mut new);
                    }
                }
            }
        }
        insert(terrain, all, &mut same, new);
    }

    /// By seam: the sides of polygons before it, and after it.
    fn sides(&self, axis: usize, all: &Polygons) -> BTreeMap<u32, [Vec<Side>; 2]> {
        let mut sides = BTreeMap::<u32, [Vec<Side>; 2]>::new();
        for (number, corners) in all.polygons.iter().enumerate() {
            for (place, &a) in corners.iter().enumerate() {
                let b = corners[(place + 1) % corners.len()];
                let [from, to] = [a, b].map(|corner| all.vertices[corner as usize]);
                let line = from[axis].to_bits();
                if from[axis] != to[axis] || from[1 - axis] == to[1 - axis] || !self.lines[axis].contains(&line) {
                    continue;
                }
                // Polygons are counter-clockwise: the inside is at the left of a side.
                let goes_up = to[1 - axis] > from[1 - axis];
                let is_after = goes_up != (axis == 0);
                let (ends, from, to) = if goes_up {
                    ([a, b], from[1 - axis], to[1 - axis])
                } else {
                    ([b, a], to[1 - axis], from[1 - axis])
                };
                let side = Side { polygon: number as u32, ends, from, to };
                sides.entry(line).or_default()[usize::from(is_after)].push(side);
            }
        }
        sides
    }
}

/// Pairs of sides that overlap. Both lists are in order of where they begin.
fn overlaps<'a>(before: &'a [Side], after: &'a [Side]) -> impl Iterator<Item = (&'a Side, &'a Side)> {
    let longest = after.iter().map(|side| side.to - side.from).fold(0.0, f32::max);
    before.iter().flat_map(move |one| {
        let first = after.partition_point(|other| other.from < one.from - longest);
        let near = after[first..].iter().take_while(|other| other.from < one.to);
        near.filter(|other| other.to.min(one.to) - other.from.max(one.from) > 2.0 * SAME).map(move |other| (one, other))
    })
}

/// Whether a character can go from one side to the other: in the middle of their overlap, both have the same height.
fn meet(terrain: &Terrain, settings: &MeshSettings, axis: usize, all: &Polygons, one: &Side, other: &Side) -> bool {
    let middle = (one.from.max(other.from) + one.to.min(other.to)) / 2.0;
    let [a, b] = [one, other].map(|side| {
        let [low, high] = side.ends.map(|end| all.vertices[end as usize]);
        let part = (middle - side.from) / (side.to - side.from);
        let mut point = [middle; 2];
        point[axis] = low[axis];
        nearest_height(terrain, point, low[2] + part * (high[2] - low[2]))
    });
    (a - b).abs() <= settings.tuning.step_height
}

/// Makes both ends of an overlap corners of both sides.
fn share(all: &Polygons, axis: usize, sides: [&Side; 2], same: &mut Same, new: &mut NewCorners) {
    let along = |corner: u32| all.vertices[corner as usize][1 - axis];
    let low = sides[0].from.max(sides[1].from);
    let high = sides[0].to.min(sides[1].to);
    for (place, at) in [(0, low), (1, high)] {
        let is_end = |side: &Side| (along(side.ends[place]) - at).abs() <= SAME;
        match [is_end(sides[0]), is_end(sides[1])] {
            [true, true] => same.unite(sides[0].ends[place], sides[1].ends[place]),
            [true, false] => add(new, sides[1], at, sides[0].ends[place]),
            [false, true] => add(new, sides[0], at, sides[1].ends[place]),
            [false, false] => unreachable!("an overlap ends where one of the sides ends"),
        }
    }
}

fn add(new: &mut NewCorners, side: &Side, at: f32, corner: u32) {
    new.entry(side.polygon).or_default().push((side.ends, at, corner));
}

/// Inserts the new corners, and replaces those that are the same by one of them.
fn insert(terrain: &Terrain, all: &mut Polygons, same: &mut Same, mut new: NewCorners) {
    for (number, corners) in all.polygons.iter_mut().enumerate() {
        let mut added = new.remove(&(number as u32)).unwrap_or_default();
        added.sort_by(|(_, a, _), (_, b, _)| a.total_cmp(b));
        let mut result = Vec::with_capacity(corners.len() + added.len());
        for (place, &a) in corners.iter().enumerate() {
            let b = corners[(place + 1) % corners.len()];
            result.push(same.first(a));
            let mut between: Vec<_> = added
                .iter()
                .filter(|(ends, ..)| *ends == [a, b] || *ends == [b, a])
                .map(|&(ends, _, corner)| (ends, same.first(corner)))
                .collect();
            if between.first().is_some_and(|(ends, _)| *ends == [b, a]) {
                between.reverse();
            }
            result.extend(between.into_iter().map(|(_, corner)| corner));
        }
        result.dedup();
        while result.len() > 1 && result.first() == result.last() {
            result.pop();
        }
        *corners = result;
    }
    all.polygons.retain(|corners| corners.len() >= 3);
    for corner in all.polygons.iter().flatten() {
        let [x, y, z] = &mut all.vertices[*corner as usize];
        *z = nearest_height(terrain, [*x, *y], *z);
    }
}

/// Which corners are the same.
struct Same {
    parents: Vec<u32>,
}

impl Same {
    fn new(count: usize) -> Same {
        Same { parents: (0..count as u32).collect() }
    }

    fn first(&mut self, corner: u32) -> u32 {
        let mut at = corner;
        while self.parents[at as usize] != at {
            let above = self.parents[self.parents[at as usize] as usize];
            self.parents[at as usize] = above;
            at = above;
        }
        at
    }

    fn unite(&mut self, a: u32, b: u32) {
        let (a, b) = (self.first(a), self.first(b));
        self.parents[a.max(b) as usize] = a.min(b);
    }
}
