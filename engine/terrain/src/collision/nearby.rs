//! The triangles that a box can meet in one tick.

use super::sweep::{Contact, box_against_triangle};
use crate::Terrain;
use crate::vector::{Vector, add, sub};

/// Triangles that are listed. If there are more, each sweep looks through the cells again.
const LISTED_MAX: usize = 96;

/// The triangles near a box, gathered once for all sweeps of a tick.
pub(crate) struct Nearby<'a> {
    terrain: &'a Terrain,
    low: Vector,
    high: Vector,
    listed: [u32; LISTED_MAX],
    count: usize,
}

impl<'a> Nearby<'a> {
    /// The triangles that reach into the box from `low` to `high`.
    #[inline]
    pub(crate) fn gather(terrain: &'a Terrain, low: Vector, high: Vector) -> Self {
        let mut nearby = Nearby { terrain, low, high, listed: [0; LISTED_MAX], count: 0 };
        let Nearby { listed, count, .. } = &mut nearby;
        terrain.triangles_near([low[0], low[1]], [high[0], high[1]], |triangle| {
            if reaches(&terrain.columns().triangles[triangle as usize], low, high) {
                if let Some(place) = listed.get_mut(*count) {
                    *place = triangle;
                }
                *count += 1;
            }
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
        let low = std::array::from_fn(|axis| centre[axis].min(end[axis]) - half[axis]);
        let high = std::array::from_fn(|axis| centre[axis].max(end[axis]) + half[axis]);
        let mut first: Option<Contact> = None;
        let mut meet = |triangle: u32| {
            let corners = &self.terrain.columns().triangles[triangle as usize];
            if reaches(corners, low, high) {
                let corners = corners.map(|corner| sub(corner, centre));
                let before = first.map_or(1.0, |contact| contact.part);
                let found = box_against_triangle(half, way, corners, before);
                first = found.map(|contact| Contact { top: contact.top + centre[2], ..contact }).or(first);
            }
        };
        if self.count <= LISTED_MAX {
            self.listed[..self.count].iter().for_each(|&triangle| meet(triangle));
        } else {
            self.terrain.triangles_near([self.low[0], self.low[1]], [self.high[0], self.high[1]], meet);
        }
        first
    }
}

/// Whether the box around a triangle overlaps a box.
#[inline]
fn reaches(corners: &[Vector; 3], low: Vector, high: Vector) -> bool {
    let [a, b, c] = corners;
    (0..3).all(|axis| a[axis].min(b[axis]).min(c[axis]) <= high[axis] && a[axis].max(b[axis]).max(c[axis]) >= low[axis])
}
