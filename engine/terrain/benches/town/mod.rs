//! A hilly map with towns: houses with walls and stairs, fences, a lake. And characters in it.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

use ringshard_terrain::file::{VolumeKind, VolumePlan};
use ringshard_terrain::{Plan, Terrain};

/// Edge of the map in units.
pub const EDGE: f32 = 204_800.0;
/// The height of the lake.
const LAKE: f32 = 300.0;
const SPACING: f32 = 200.0;
const SQUARES: u32 = 1_024;
const TOWNS: u64 = 40;
const HOUSES: u64 = 150;

/// A generator of random numbers: SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * (self.next() >> 40) as f32 / (1 << 24) as f32
    }
}

/// The map, and where its parts are.
pub struct Town {
    pub terrain: Terrain,
    /// Points in the streets of towns, with the height of the ground.
    pub streets: Vec<[f32; 3]>,
    /// Points at the foot of stairs that lead along x.
    pub stairs: Vec<[f32; 3]>,
    /// Points a little before long walls across x.
    pub walls: Vec<[f32; 3]>,
    /// Points in the lake.
    pub water: Vec<[f32; 3]>,
    /// Points in the open.
    pub meadows: Vec<[f32; 3]>,
}

/// The height of the hills. Towns are on them.
fn hills(x: f32, y: f32) -> f32 {
    1_000.0 + 400.0 * (x / 9_000.0).sin() * (y / 7_000.0).cos() + 60.0 * (x / 900.0).sin() + 40.0 * (y / 700.0).sin()
}

pub fn town() -> Town {
    let mut dice = Dice(1);
    let mut plan = Plan::flat([25_600.0, 6_400.0], [4, 4, 1], [2, 2, 1]);
    plan.shape.height_spacing = SPACING;
    plan.shape.heights = [SQUARES + 1; 2];
    plan.shape.height_scale = 0.05;
    let place = |number: u32| number as f32 * SPACING;
    let corners = (0..=SQUARES).flat_map(|y| (0..=SQUARES).map(move |x| (place(x), place(y))));
    // The lake is a square in the middle.
    let is_lake = |x: f32, y: f32| (x - EDGE / 2.0).abs() < 8_000.0 && (y - EDGE / 2.0).abs() < 8_000.0;
    plan.heights = corners.map(|(x, y)| if is_lake(x, y) { 0 } else { (hills(x, y) / 0.05) as u16 }).collect();
    plan.volumes.push(VolumePlan {
        low: [EDGE / 2.0 - 8_000.0, EDGE / 2.0 - 8_000.0, -10.0],
        high: [EDGE / 2.0 + 8_000.0, EDGE / 2.0 + 8_000.0, LAKE],
        kind: VolumeKind::Water,
        name: "lake".into(),
    });
    let [mut streets, mut stairs, mut walls, mut water, mut meadows] = [const { Vec::new() }; 5];
    for town in 0..TOWNS {
        let centre = loop {
            let centre = [dice.between(6_000.0, EDGE - 6_000.0), dice.between(6_000.0, EDGE - 6_000.0)];
            if (centre[0] - EDGE / 2.0).abs() > 16_000.0 || (centre[1] - EDGE / 2.0).abs() > 16_000.0 {
                break centre;
            }
        };
        for _ in 0..HOUSES {
            let [x, y] = centre.map(|along| along + dice.between(-4_000.0, 4_000.0));
            let (wide, deep, tall) =
                (dice.between(300.0, 900.0), dice.between(300.0, 900.0), dice.between(250.0, 900.0));
            let ground = hills(x, y);
            match dice.below(6) {
                0 => {
                    let foot = add_stairs(&mut plan, x, y, ground);
                    stairs.push(foot);
                }
                1 => {
                    // A long wall on a level floor.
                    plan.add_box([x - 400.0, y - 400.0, ground - 200.0], [x + 20.0, y + 400.0, ground + 60.0]);
                    plan.add_box([x, y - 400.0, ground - 200.0], [x + 20.0, y + 400.0, ground + 300.0]);
                    walls.push([x - 60.0 - dice.between(0.0, 60.0), y + dice.between(-200.0, 200.0), ground + 60.0]);
                }
                _ => plan.add_box([x, y, ground - 200.0], [x + wide, y + deep, ground + tall]),
            }
        }
        // A street is a ring around the town; who looks across looks through it.
        for _ in 0..10_000 / TOWNS {
            let [x, y] = centre.map(|along| along + dice.between(-4_500.0, 4_500.0));
            streets.push([x, y, hills(x, y)]);
        }
        let _ = town;
    }
    for _ in 0..10_000 {
        let around = |dice: &mut Dice| EDGE / 2.0 + dice.between(-7_000.0, 7_000.0);
        water.push([around(&mut dice), around(&mut dice), LAKE - 100.0]);
        let [x, y] = [dice.between(100.0, EDGE - 100.0), dice.between(100.0, EDGE - 100.0)];
        meadows.push([x, y, hills(x, y)]);
    }
    let terrain = Terrain::of(&plan).expect("the plan is possible");
    for points in [&mut streets, &mut meadows] {
        points.iter_mut().for_each(|point| point[2] = terrain.height(point[0], point[1]));
    }
    Town { terrain, streets, stairs, walls, water, meadows }
}

/// Twenty steps of 20 units on a level floor. Gives the point at their foot.
fn add_stairs(plan: &mut Plan, x: f32, y: f32, ground: f32) -> [f32; 3] {
    let floor = ground + 60.0;
    plan.add_box([x - 300.0, y - 100.0, ground - 200.0], [x, y + 100.0, floor]);
    for step in 0..20 {
        let from = x + step as f32 * 30.0;
        plan.add_box([from, y - 100.0, ground - 200.0], [from + 30.0, y + 100.0, floor + (step + 1) as f32 * 20.0]);
    }
    [x - 100.0, y, floor]
}
