//! The level: a square with walls, and what a ray meets in it.

/// The corner of the arena on the map, in units along each axis.
pub const CORNER: f32 = 1_000.0;
/// The length of its sides.
pub const SIDE: f32 = 6_000.0;
/// Spawn points stand in so many rows of as many.
const SPAWN_ROWS: u32 = 8;

/// A wall: a rectangle, from one corner to the opposite one.
#[derive(Clone, Copy, Debug)]
pub struct Wall {
    /// The corner with the lower coordinates.
    pub low: [f32; 2],
    /// The corner with the higher coordinates.
    pub high: [f32; 2],
}

const fn wall(x: f32, y: f32, width: f32, depth: f32) -> Wall {
    Wall { low: [CORNER + x, CORNER + y], high: [CORNER + x + width, CORNER + y + depth] }
}

/// All walls. The first four enclose the arena.
pub const WALLS: [Wall; 9] = [
    wall(-100.0, -100.0, SIDE + 200.0, 100.0),
    wall(-100.0, SIDE, SIDE + 200.0, 100.0),
    wall(-100.0, 0.0, 100.0, SIDE),
    wall(SIDE, 0.0, 100.0, SIDE),
    wall(1_200.0, 1_200.0, 900.0, 120.0),
    wall(3_900.0, 1_200.0, 120.0, 900.0),
    wall(1_200.0, 3_900.0, 120.0, 900.0),
    wall(3_600.0, 4_500.0, 900.0, 120.0),
    wall(2_800.0, 2_800.0, 400.0, 400.0),
];

impl Wall {
    /// Whether a circle overlaps the wall. Corners count as if they were square.
    pub fn overlaps(&self, centre: [f32; 2], radius: f32) -> bool {
        (0..2).all(|axis| centre[axis] > self.low[axis] - radius && centre[axis] < self.high[axis] + radius)
    }

    /// How far a ray from `from` goes before it meets the wall; `most` if it does not meet it before.
    fn distance(&self, from: [f32; 2], direction: [f32; 2], most: f32) -> f32 {
        let (mut enter, mut leave) = (0.0_f32, most);
        for axis in 0..2 {
            // Along an axis in which the ray does not move, both are infinite.
            let to = |edge: f32| (edge - from[axis]) / direction[axis];
            let (low, high) = (to(self.low[axis]), to(self.high[axis]));
            (enter, leave) = (enter.max(low.min(high)), leave.min(low.max(high)));
        }
        if enter < leave { enter } else { most }
    }
}

/// How far a ray goes before it meets a wall, at most `most`. `direction` has length 1.
pub fn distance_to_wall(from: [f32; 2], direction: [f32; 2], most: f32) -> f32 {
    WALLS.iter().fold(most, |most, wall| wall.distance(from, direction, most))
}

/// A place to spawn. Places with consecutive numbers are far apart.
pub fn spawn_point(number: u32) -> [f32; 2] {
    let place = number.wrapping_mul(29) % (SPAWN_ROWS * SPAWN_ROWS);
    let step = SIDE / SPAWN_ROWS as f32;
    [place % SPAWN_ROWS, place / SPAWN_ROWS].map(|row| CORNER + (row as f32 + 0.5) * step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::movement::RADIUS;

    #[test]
    fn a_ray_ends_at_the_nearest_wall_in_its_way_and_passes_by_others() {
        let at = |x: f32, y: f32| [CORNER + x, CORNER + y];
        assert_eq!(distance_to_wall(at(1_500.0, 1_000.0), [0.0, 1.0], 9_000.0), 200.0);
        assert_eq!(distance_to_wall(at(1_500.0, 1_000.0), [0.0, 1.0], 150.0), 150.0, "the range ends first");
        assert_eq!(distance_to_wall(at(1_500.0, 1_000.0), [0.0, -1.0], 9_000.0), 1_000.0, "the enclosing wall");
        assert_eq!(distance_to_wall(at(2_200.0, 1_000.0), [0.0, 1.0], 9_000.0), 5_000.0, "beside the wall");
        let diagonal = distance_to_wall(at(2_700.0, 2_700.0), [0.5_f32.sqrt(); 2], 9_000.0);
        assert!((diagonal - 100.0 * 2.0_f32.sqrt()).abs() < 0.1, "the pillar in the middle, not {diagonal}");
    }

    #[test]
    fn every_spawn_point_is_clear_of_walls_and_no_two_of_64_are_the_same() {
        let points: Vec<_> = (0..64).map(spawn_point).collect();
        for (number, point) in points.iter().enumerate() {
            assert!(!WALLS.iter().any(|wall| wall.overlaps(*point, RADIUS)), "{number} is in a wall");
            assert!(point.iter().all(|axis| (CORNER..CORNER + SIDE).contains(axis)), "{number} is outside");
            assert!(!points[..number].contains(point), "{number} is taken");
        }
    }
}
