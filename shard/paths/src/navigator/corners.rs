//! The corners of the shortest path through a row of polygons: the funnel algorithm.

use super::mesh::{Mesh, turn};
use ringshard_terrain::Terrain;

impl Mesh {
    /// The corners of the path through the polygons of a corridor, from its beginning to its end.
    pub fn corners(&self, terrain: &Terrain, from: [f32; 3], to: [f32; 3], corridor: &[u32]) -> Vec<[f32; 3]> {
        let columns = terrain.columns();
        let sides = corridor.windows(2).filter_map(|pair| self.side_between(columns, pair[0], pair[1]));
        let mut gates: Vec<_> = sides.map(|side| [side.left, side.right]).collect();
        gates.push([to, to]);
        let mut corners = vec![from];
        // From `apex`, the path may lead anywhere between the points at the left and the right. Each has the number of the
        // gate where it stands.
        let (mut apex, mut left, mut right) = (from, (from, 0), (from, 0));
        let mut number = 0;
        while number < gates.len() {
            let [new_left, new_right] = gates[number];
            if turn(apex, right.0, new_right) >= 0.0 {
                if apex == right.0 || turn(apex, left.0, new_right) < 0.0 {
                    right = (new_right, number);
                } else {
                    // The right side crosses the left one: the path goes round the left corner.
                    (apex, number) = left;
                    corners.push(apex);
                    (left, right) = ((apex, number), (apex, number));
                    number += 1;
                    continue;
                }
            }
            if turn(apex, left.0, new_left) <= 0.0 {
                if apex == left.0 || turn(apex, right.0, new_left) > 0.0 {
                    left = (new_left, number);
                } else {
                    (apex, number) = right;
                    corners.push(apex);
                    (left, right) = ((apex, number), (apex, number));
                    number += 1;
                    continue;
                }
            }
            number += 1;
        }
        corners.push(to);
        corners.dedup_by(|a, b| a[0] == b[0] && a[1] == b[1]);
        if corners.len() == 1 {
            corners.push(to);
        }
        corners
    }
}
