//! Many queries at once. They are answered in the order of their places, so that neighbours find the map in the cache: for
//! thousands of queries in random order on a large map, that takes about half the time.

use super::ray::{Impact, Ray};
use crate::Terrain;

/// Queries that are sorted at a time. The list is on the stack.
const CHUNK: usize = 4_096;
/// Neighbouring queries are those in the same square of so many cells, as a power of two.
const NEAR_LOG2: u32 = 2;

impl Terrain {
    /// The first surface along each ray, as [`Terrain::ray`] finds it. For more than a few hundred rays that begin in many
    /// places, this is faster than one after the other.
    ///
    /// # Panics
    /// There are not as many `impacts` as rays.
    pub fn rays(&self, rays: &[Ray], impacts: &mut [Option<Impact>]) {
        assert_eq!(rays.len(), impacts.len(), "each ray has one impact");
        self.in_order_of_place(
            rays,
            |ray| ray.from,
            |at| {
                let Ray { from, direction, max } = rays[at];
                impacts[at] = self.ray(from, direction, max);
            },
        );
    }

    /// Whether nothing solid is between the points of each pair, as [`Terrain::sees`] finds it. For more than a few hundred
    /// pairs in many places, this is faster than one after the other.
    ///
    /// # Panics
    /// There are not as many results in `seen` as pairs.
    pub fn sees_all(&self, pairs: &[[[f32; 3]; 2]], seen: &mut [bool]) {
        assert_eq!(pairs.len(), seen.len(), "each pair has one result");
        self.in_order_of_place(pairs, |[from, _]| *from, |at| seen[at] = self.sees(pairs[at][0], pairs[at][1]));
    }

    /// Calls `answer` once with the number of each query.
    fn in_order_of_place<Q>(&self, queries: &[Q], place: impl Fn(&Q) -> [f32; 3], mut answer: impl FnMut(usize)) {
        let mut sorted = [0_u64; CHUNK];
        for (number, chunk) in queries.chunks(CHUNK).enumerate() {
            let sorted = &mut sorted[..chunk.len()];
            for (at, (sorted, query)) in sorted.iter_mut().zip(chunk).enumerate() {
                let from = place(query);
                let [x, y] = [0, 1].map(|axis| u64::from(self.grid.cell(from[axis], axis) >> NEAR_LOG2));
                *sorted = y << 40 | x << 16 | at as u64;
            }
            sorted.sort_unstable();
            for coded in sorted {
                answer(number * CHUNK + usize::from(*coded as u16));
            }
        }
    }
}
