//! The nearest places.

use super::{Kind, PlacesError, PlacesFile, check_limit};
use crate::places::cells::{Cell, Outward};
use crate::places::place::{NEAREST_MAX, Near};
use crate::places::position::{DISTANCE_MAX, Position};
use crate::places::schema;
use std::collections::BinaryHeap;

impl PlacesFile {
    /// The nearest places, the nearest first; of places at the same distance, the most important first.
    ///
    /// # Arguments
    /// `within`: places farther than this, in metres, are left out. `limit`: up to [`NEAREST_MAX`].
    ///
    /// # Errors
    /// [`PlacesError`].
    pub fn nearest(
        &self,
        centre: Position,
        within: f64,
        kind: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Near>, PlacesError> {
        check_limit(limit, NEAREST_MAX)?;
        let kinds = self.wanted(kind)?;
        let find = || {
            let mut found = Vec::new();
            for (distance, id) in self.nearest_ids(centre, within, &kinds, limit)? {
                found.extend(self.place(id)?.map(|place| Near { place, distance }));
            }
            Ok(found)
        };
        find().map_err(|error| self.failure(&error))
    }

    /// Distances and ids. Reads cell after cell, until no place of the next one can be among the nearest.
    pub(super) fn nearest_ids(
        &self,
        centre: Position,
        within: f64,
        kinds: &[&Kind],
        limit: usize,
    ) -> rusqlite::Result<Vec<(f64, i64)>> {
        let within = within.clamp(0.0, DISTANCE_MAX);
        // The farthest of the nearest is on top. A distance is never negative, so its bits have its order.
        let mut nearest: BinaryHeap<(u64, i64)> = BinaryHeap::with_capacity(limit + 1);
        let cells = kinds.iter().map(|kind| self.cells(kind)).collect();
        for (least, kind, cell) in Outward::new(centre, cells) {
            let farthest = nearest.peek().filter(|_| nearest.len() == limit);
            if least > within || farthest.is_some_and(|(distance, _)| f64::from_bits(*distance) < least) {
                break;
            }
            self.each_of_cell(kinds[kind], cell, |id, at| {
                let distance = centre.distance(at);
                if distance <= within {
                    nearest.push((distance.to_bits(), id));
                    if nearest.len() > limit {
                        nearest.pop();
                    }
                }
            })?;
        }
        Ok(nearest.into_sorted_vec().into_iter().map(|(distance, id)| (f64::from_bits(distance), id)).collect())
    }

    fn each_of_cell(&self, kind: &Kind, cell: Cell, mut each: impl FnMut(i64, Position)) -> rusqlite::Result<()> {
        let [rows, columns] = cell.units();
        (0..schema::tiers(kind.places)).try_for_each(|tier| self.each_between(kind, tier, rows, columns, &mut each))
    }
}
