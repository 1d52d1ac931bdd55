//! Closed rooms whose walls, floor and ceiling are sheets without thickness. Nobody leaves them, at whatever speed.

use crate::dice::Dice;
use crate::oracle::Oracle;
use crate::playground::{add_clutter, add_quad, flat, turned};
use ringshard_terrain::movement::{Steering, Tuning, Walker, keys, step};
use ringshard_terrain::{Plan, Terrain};

const CENTRE: [f32; 3] = [3_000.0, 3_000.0, 1_000.0];
/// Half of the length and width of a room, and its height.
const HALF: f32 = 400.0;
const HEIGHT: f32 = 700.0;

/// Adds the six sides of a room, each of `parts` by `parts` pieces. The room is turned about z.
fn add_room(plan: &mut Plan, angle: f32, parts: u32) {
    let corner = |along: f32, aside: f32, up: f32| turned(CENTRE, angle, along, aside, up);
    let side = |plan: &mut Plan, at: &dyn Fn(f32, f32) -> [f32; 3]| {
        let part = |number: u32| number as f32 / parts as f32;
        for a in 0..parts {
            for b in 0..parts {
                let (a, b, next_a, next_b) = (part(a), part(b), part(a + 1), part(b + 1));
                add_quad(plan, [at(a, b), at(next_a, b), at(next_a, next_b), at(a, next_b)]);
            }
        }
    };
    let across = |part: f32| (2.0 * part - 1.0) * HALF;
    for end in [-HALF, HALF] {
        side(plan, &|a, b| corner(end, across(a), b * HEIGHT));
        side(plan, &|a, b| corner(across(a), end, b * HEIGHT));
    }
    for up in [0.0, HEIGHT] {
        side(plan, &|a, b| corner(across(a), across(b), up));
    }
}

/// Whether a point is in the room, seen from above and from the side.
fn is_inside(angle: f32, point: [f32; 3]) -> bool {
    let (sin, cos) = angle.sin_cos();
    let [x, y, z] = std::array::from_fn(|axis| point[axis] - CENTRE[axis]);
    let (along, aside) = (x * cos + y * sin, y * cos - x * sin);
    along.abs() < HALF && aside.abs() < HALF && (0.0..HEIGHT - Tuning::default().height).contains(&z)
}

#[test]
fn nobody_leaves_a_closed_room() {
    for seed in 0..12 {
        let mut dice = Dice(seed);
        let angle = if seed % 3 == 0 { 0.0 } else { dice.between(0.0, 6.3) };
        let mut plan = flat();
        add_room(&mut plan, angle, 1 + dice.below(3) as u32 * 3);
        for _ in 0..seed {
            let low = CENTRE.map(|along| along - 300.0);
            let high = CENTRE.map(|along| along + 300.0);
            add_clutter(&mut plan, &mut dice, [[low[0], low[1], CENTRE[2]], high]);
        }
        let terrain = Terrain::of(&plan).unwrap();
        let oracle = Oracle::new(&terrain);
        let start = loop {
            let low = CENTRE.map(|along| along - 200.0);
            let point = dice.point([low[0], low[1], CENTRE[2] + 1.0], CENTRE.map(|along| along + 200.0));
            if oracle.inside(&Tuning::default(), point, -0.3).is_none() {
                break point;
            }
        };
        let mut walker = Walker::at(start);
        for number in 0..1_200 {
            if dice.below(10) == 0 {
                let fast = [600.0, 2_000.0, 6_000.0, 20_000.0, 1e9][dice.below(5) as usize];
                walker.velocity = dice.point([-fast; 3], [fast; 3]);
                walker.gait = dice.below(3) as u8;
            }
            let steering = Steering {
                forward: dice.next() as i8,
                left: dice.next() as i8,
                yaw: dice.next() as u16,
                keys: (dice.next() as u8) & (keys::RUN | keys::JUMP),
            };
            let before = walker;
            step(&terrain, &Tuning::default(), &mut walker, &steering);
            assert!(is_inside(angle, walker.point), "seed {seed}, step {number}: {before:?} {walker:?}");
            let inside = oracle.inside(&Tuning::default(), walker.point, 0.05);
            assert!(inside.is_none(), "seed {seed}, step {number}: in {inside:?}: {before:?} {walker:?}");
        }
    }
}
