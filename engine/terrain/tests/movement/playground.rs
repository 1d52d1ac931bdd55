//! Random plans with all that a character can run against.

use crate::dice::Dice;
use ringshard_terrain::Plan;
use ringshard_terrain::file::{VolumeKind, VolumePlan};

/// Edge of the playground, in units.
pub const EDGE: f32 = 6_400.0;

type Point = [f32; 3];

/// Level ground at height 0.
pub fn flat() -> Plan {
    Plan::flat([EDGE, 3_200.0], [1, 1, 1], [1, 1, 1])
}

/// Gentle and steep hills, up to this high.
pub fn hills(dice: &mut Dice, high: u64) -> Plan {
    let mut plan = flat();
    plan.shape.height_spacing = 200.0;
    plan.shape.heights = [33, 33];
    plan.shape.height_scale = 1.0 / 32.0;
    plan.heights = (0..33 * 33).map(|_| (32 * dice.below(high)) as u16).collect();
    plan
}

/// Adds a quadrangle.
pub fn add_quad(plan: &mut Plan, [a, b, c, d]: [Point; 4]) {
    plan.triangles.extend([([a, b, c], 0), ([a, c, d], 0)]);
}

/// A point `along` and `aside` of a point, turned by an angle, and `up` above it.
pub fn turned([x, y, z]: Point, angle: f32, along: f32, aside: f32, up: f32) -> Point {
    let (sin, cos) = angle.sin_cos();
    [x + along * cos - aside * sin, y + along * sin + aside * cos, z + up]
}

/// A box that is turned about z: it reaches this far along and aside of a point.
pub fn add_turned_box(plan: &mut Plan, at: Point, angle: f32, [long, wide, tall]: Point) {
    let corner = |along: f32, aside: f32, up: f32| turned(at, angle, along, aside, up);
    let ring = |up: f32| [corner(0.0, 0.0, up), corner(long, 0.0, up), corner(long, wide, up), corner(0.0, wide, up)];
    let (low, high) = (ring(0.0), ring(tall));
    add_quad(plan, low);
    add_quad(plan, high);
    for side in 0..4 {
        let next = (side + 1) % 4;
        add_quad(plan, [low[side], low[next], high[next], high[side]]);
    }
}

/// A ramp without thickness.
pub fn add_ramp(plan: &mut Plan, at: Point, angle: f32, [long, wide, tall]: Point) {
    let corner = |along: f32, aside: f32, up: f32| turned(at, angle, along, aside, up);
    add_quad(plan, [corner(0.0, 0.0, 0.0), corner(long, 0.0, tall), corner(long, wide, tall), corner(0.0, wide, 0.0)]);
}

/// Stairs of solid steps.
pub fn add_stairs(plan: &mut Plan, at: Point, angle: f32, steps: u32, [deep, wide, rise]: Point) {
    for step in 0..steps {
        let from = turned(at, angle, deep * step as f32, 0.0, -10.0);
        add_turned_box(plan, from, angle, [deep, wide, 10.0 + rise * (step + 1) as f32]);
    }
}

/// A floor of small triangles with diagonals in both directions.
pub fn add_tessellated_floor(plan: &mut Plan, [x, y, z]: Point, cells: u32, edge: f32) {
    let at = |column: u32, row: u32| [x + column as f32 * edge, y + row as f32 * edge, z];
    for row in 0..cells {
        for column in 0..cells {
            let ring = [at(column, row), at(column + 1, row), at(column + 1, row + 1), at(column, row + 1)];
            let turn = ((row * 7 + column * 3) % 2) as usize;
            add_quad(plan, std::array::from_fn(|corner| ring[(corner + turn) % 4]));
        }
    }
}

/// Adds something at a random place, whose foot is at the height `floor` gives.
pub fn add_clutter(plan: &mut Plan, dice: &mut Dice, [low, high]: [Point; 2]) {
    let at = dice.point(low, [high[0], high[1], low[2]]);
    let angle = if dice.below(3) == 0 { 0.0 } else { dice.between(0.0, 6.3) };
    let size = |dice: &mut Dice, low: f32, high: f32| dice.between(low, high);
    match dice.below(8) {
        // A block, often one that can be stepped upon or jumped at.
        0 => {
            let block = [size(dice, 5.0, 300.0), size(dice, 5.0, 300.0), size(dice, 2.0, 250.0)];
            add_turned_box(plan, at, angle, block);
        }
        // A thin wall, in the ground, or in the air.
        1 => {
            let wall = [size(dice, 50.0, 500.0), size(dice, 0.05, 3.0), size(dice, 100.0, 400.0)];
            let at = [at[0], at[1], at[2] + if dice.below(3) == 0 { size(dice, 0.0, 200.0) } else { -1.0 }];
            add_turned_box(plan, at, angle, wall);
        }
        2 => {
            let stair = [size(dice, 20.0, 60.0), size(dice, 60.0, 200.0), size(dice, 5.0, 60.0)];
            add_stairs(plan, at, angle, 6, stair);
        }
        3 => {
            let ramp = [size(dice, 50.0, 400.0), size(dice, 50.0, 300.0), size(dice, 10.0, 500.0)];
            add_ramp(plan, at, angle, ramp);
        }
        // A wedge: two walls that meet at an acute angle.
        4 => {
            let wall = [size(dice, 150.0, 400.0), size(dice, 1.0, 10.0), 300.0];
            add_turned_box(plan, at, angle, wall);
            add_turned_box(plan, at, angle + size(dice, 0.1, 1.2), wall);
        }
        // A low ceiling, perhaps one that slants.
        5 => {
            let at = [at[0], at[1], at[2] + size(dice, 120.0, 260.0)];
            if dice.below(2) == 0 {
                add_turned_box(plan, at, angle, [size(dice, 100.0, 400.0), size(dice, 100.0, 400.0), 10.0]);
            } else {
                let slant = size(dice, -150.0, 100.0);
                add_ramp(plan, at, angle, [size(dice, 100.0, 400.0), size(dice, 100.0, 400.0), slant]);
            }
        }
        // A beam over which to step, or to stoop.
        6 => {
            let at = [at[0], at[1], at[2] + size(dice, 0.0, 60.0)];
            add_turned_box(plan, at, angle, [size(dice, 100.0, 400.0), size(dice, 2.0, 20.0), size(dice, 2.0, 20.0)]);
        }
        _ => {
            let around = |dice: &mut Dice| {
                let to = dice.point([-150.0, -150.0, -20.0], [150.0, 150.0, 300.0]);
                [at[0] + to[0], at[1] + to[1], at[2] + to[2]]
            };
            plan.triangles.push(([around(dice), around(dice), around(dice)], 0));
        }
    }
}

/// Clutter everywhere, on hills or on level ground, with a lake in a corner.
pub fn playground(dice: &mut Dice) -> Plan {
    let mut plan = match dice.below(3) {
        0 => flat(),
        1 => hills(dice, 80),
        _ => hills(dice, 500),
    };
    let highest = plan.heights.iter().copied().max().unwrap_or(0);
    let highest = f32::from(highest) * plan.shape.height_scale;
    for _ in 0..120 {
        let floor = dice.between(0.0, highest);
        add_clutter(&mut plan, dice, [[600.0, 600.0, floor], [EDGE - 600.0, EDGE - 600.0, floor]]);
    }
    plan.volumes.push(VolumePlan {
        low: [0.0, 0.0, -10.0],
        high: [2_000.0, 2_000.0, 400.0],
        kind: VolumeKind::Water,
        name: "lake".into(),
    });
    plan.triangles.retain(|(corners, _)| corners.iter().flatten().all(|along| *along > -100.0));
    plan
}
