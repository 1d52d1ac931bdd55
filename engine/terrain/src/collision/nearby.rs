//! The triangles that a box can meet in one tick.

use super::sweep::{Contact, box_against_triangle};
use crate::Terrain;
use crate::file::CellTriangle;
use crate::vector::{Vector, add, least, most, sub};

/// Triangles that are listed. If there are more, each sweep looks through the cells again.
const LISTED_MAX: usize = 32;

/// The triangles near a box, gathered once for all sweeps of a tick.
pub(crate) struct Nearby<'a> {
    terrain: &'a Terrain,
    low: Vector,
    high: Vector,
    listed: [&'a CellTriangle; LISTED_MAX],
    count: usize,
}

/// Fills the places of a list that are not used.
const NONE: CellTriangle = CellTriangle { low: [0.0; 3], triangle: 0, high: [0.0; 3], flags: 0 };

impl<'a> Nearby<'a> {
    /// The triangles that reach into the box from `low` to `high`.
    #[inline]
    pub(crate) fn gather(terrain: &'a Terrain, low: Vector, high: Vector) -> Self {
        let mut nearby = Nearby { terrain, low, high, listed: [&NONE; LISTED_MAX], count: 0 };
        let Nearby { listed, count, .. } = &mut nearby;
        let is_wanted = |entry: &CellTriangle| entry.reaches(low, high);
        terrain.entries_near([low[0], low[1]], [high[0], high[1]], is_wanted, |entry| {
            if let Some(place) = listed.get_mut(*count) {
                *place = entry;
            }
            *count += 1;
        });
        nearby
    }

    /// Whether there is none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Where a box with these half edges and this centre first meets a triangle on its way. The way lies within the box that
    /// was gathered.
    #[inline]
    pub(crate) fn sweep(&self, half: Vector, centre: Vector, way: Vector) -> Option<Contact> {
        let end = add(centre, way);
        let low = std::array::from_fn(|axis| least(centre[axis], end[axis]) - half[axis]);
        let high = std::array::from_fn(|axis| most(centre[axis], end[axis]) + half[axis]);
        let mut first: Option<Contact> = None;
        let mut meet = |entry: &CellTriangle| {
            if entry.reaches(low, high) {
                let corners =
                    self.terrain.columns().triangles[entry.triangle as usize].map(|corner| sub(corner, centre));
                let before = first.map_or(1.0, |contact| contact.part);
                let found = box_against_triangle(half, way, corners, before);
                first = found.map(|contact| Contact { top: entry.high[2], ..contact }).or(first);
            }
        };
        if self.count <= LISTED_MAX {
            self.listed[..self.count].iter().for_each(|entry| meet(entry));
        } else {
            self.terrain.entries_near([self.low[0], self.low[1]], [self.high[0], self.high[1]], |_| true, meet);
        }
        first
    }
}
