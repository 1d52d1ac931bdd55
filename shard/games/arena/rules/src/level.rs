//! The level: a square with walls, and a platform with steps in the middle.

use ringshard_terrain::{Plan, Terrain};
use std::sync::{Arc, LazyLock};

/// The corner of the arena on the map, in units along each axis.
pub const CORNER: f32 = 1_000.0;
/// The length of its sides.
pub const SIDE: f32 = 6_000.0;
/// Spawn points stand in so many rows of as many.
const SPAWN_ROWS: u32 = 8;
/// The walls: where they begin, how long they are along x and y, and how high. The first four enclose the arena.
const WALLS: [[f32; 5]; 8] = [
    [-100.0, -100.0, SIDE + 200.0, 100.0, 600.0],
    [-100.0, SIDE, SIDE + 200.0, 100.0, 600.0],
    [-100.0, 0.0, 100.0, SIDE, 600.0],
    [SIDE, 0.0, 100.0, SIDE, 600.0],
    [1_200.0, 1_200.0, 900.0, 120.0, 250.0],
    [3_900.0, 1_200.0, 120.0, 900.0, 250.0],
    [1_200.0, 3_900.0, 120.0, 900.0, 250.0],
    [3_600.0, 4_500.0, 900.0, 120.0, 250.0],
];
/// Steps of the platform: half of the width of each.
const STEPS: [f32; 4] = [300.0, 240.0, 180.0, 120.0];
/// How high each is.
const STEP_HEIGHT: f32 = 40.0;

/// The level, which all share.
pub fn terrain() -> Arc<Terrain> {
    static LEVEL: LazyLock<Arc<Terrain>> = LazyLock::new(|| Arc::new(Terrain::of(&plan()).expect("it is possible")));
    LEVEL.clone()
}

fn plan() -> Plan {
    // The default map of a server.
    let mut plan = Plan::flat([25_600.0, 6_400.0], [4, 4, 1], [8, 8, 4]);
    let mut add = |x: f32, y: f32, width: f32, depth: f32, height: f32| {
        let (x, y) = (CORNER + x, CORNER + y);
        plan.add_box([x, y, 0.0], [x + width, y + depth, height]);
    };
    WALLS.into_iter().for_each(|[x, y, width, depth, height]| add(x, y, width, depth, height));
    for (number, half) in (1_u8..).zip(STEPS) {
        let from = SIDE / 2.0 - half;
        add(from, from, 2.0 * half, 2.0 * half, STEP_HEIGHT * f32::from(number));
    }
    plan
}

/// A place to spawn. Places with consecutive numbers are far apart.
pub fn spawn_point(number: u32) -> [f32; 3] {
    let place = number.wrapping_mul(29) % (SPAWN_ROWS * SPAWN_ROWS);
    let [x, y] = [place % SPAWN_ROWS, place / SPAWN_ROWS].map(|row| (row as f32 + 0.5) * SIDE / SPAWN_ROWS as f32);
    [CORNER + x, CORNER + y, 0.0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ArenaRules, Body, Input};
    use ringshard_world::Rules;

    #[test]
    fn every_spawn_point_is_clear_of_walls_and_no_two_of_64_are_the_same() {
        let (rules, points) = (ArenaRules::default(), (0..64).map(spawn_point).collect::<Vec<_>>());
        for (number, &point) in points.iter().enumerate() {
            let mut body = Body::at(point, 0);
            rules.step(&mut body, &Input::default());
            assert_eq!(body.walker.point, point, "{number} is in a wall");
            assert!(!points[..number].contains(&point), "{number} is taken");
        }
    }
}
