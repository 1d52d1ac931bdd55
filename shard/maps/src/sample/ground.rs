//! The ground of the sample map: hills, terraced cliffs, a lake and a river, and level places for towns and bridges.

use super::noise::{fractal, hash, mix, noise, smooth, unit};

/// Edge of the map, in units: 8 sections of 256 m.
pub(super) const EDGE: f64 = 204_800.0;
/// Distance of two heights.
pub(super) const SPACING: f64 = 200.0;
/// Heights along x and y.
pub(super) const HEIGHTS: usize = 1_025;
/// The surface of all water.
pub(super) const WATER: f64 = 2_000.0;
/// Level ground beside a bridge.
pub(super) const BANK: f64 = WATER + 400.0;
/// The height of white in the heightmap.
pub(super) const HIGHEST: f64 = 16_384.0;
/// Towns of the map.
pub(super) const TOWNS: usize = 6;
/// Level ground around the middle of a town.
pub(super) const TOWN_RADIUS: f64 = 9_000.0;
/// Where nobody may enter: a box, by its lowest and highest x and y.
pub(super) const QUARRY: ([f64; 2], [f64; 2]) = ([12_000.0, 186_000.0], [18_000.0, 192_000.0]);

/// Half of the river's width, and how far its banks reach.
const RIVER: [f64; 2] = [900.0, 2_200.0];
/// The radius of the lake, and how far its shore reaches.
const LAKE: [f64; 2] = [11_000.0, 15_000.0];
/// Where the lake is, along y. The river flows from there to y = 0.
const LAKE_Y: f64 = 0.7 * EDGE;
/// Where bridges are, along y.
const BRIDGES_Y: [f64; 3] = [0.12 * EDGE, 0.3 * EDGE, 0.48 * EDGE];

/// A level place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) level: f64,
    /// How far it is level, and where the hills are as they would be without it.
    reach: [f64; 2],
}

/// The ground, from a seed.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    seed: u64,
    pub(super) towns: Vec<Place>,
    /// The middle of each bridge.
    pub(super) bridges: Vec<[f64; 2]>,
    places: Vec<Place>,
}

impl Ground {
    pub(super) fn new(seed: u64) -> Ground {
        let mut ground = Ground { seed: hash(seed, 0, 0), towns: Vec::new(), bridges: Vec::new(), places: Vec::new() };
        ground.bridges = BRIDGES_Y.map(|y| [ground.river(y), y]).to_vec();
        ground.towns = ground.find_towns();
        let bank = |x: f64, y: f64| Place { x, y, level: BANK, reach: [2_000.0, 5_000.0] };
        let banks = ground.bridges.iter().flat_map(|&[x, y]| [bank(x - 3_500.0, y), bank(x + 3_500.0, y)]);
        ground.places = ground.towns.iter().copied().chain(banks).collect();
        ground
    }

    /// Where the river is, along x.
    pub(super) fn river(&self, y: f64) -> f64 {
        0.6 * EDGE + 24_000.0 * (noise(self.seed ^ 1, y, 0.0, 36_000.0) - 0.5)
    }

    /// The middle of the lake.
    pub(super) fn lake(&self) -> [f64; 2] {
        [self.river(LAKE_Y), LAKE_Y]
    }

    /// Places for towns: far from water, from edges, and from one another.
    fn find_towns(&self) -> Vec<Place> {
        let mut towns: Vec<Place> = Vec::new();
        let [lake_x, lake_y] = self.lake();
        // Distances shrink until all have a place, so that every seed has a map.
        let mut apart = 60_000.0_f64;
        for number in 0.. {
            if towns.len() == TOWNS {
                break;
            }
            apart *= 0.999;
            let [x, y] = [1, 2].map(|axis| mix(18_000.0, EDGE - 18_000.0, unit(self.seed ^ 2, number, axis)));
            let is_far = |to_x: f64, to_y: f64, least: f64| square(x - to_x) + square(y - to_y) > least * least;
            let is_dry = (x - self.river(y)).abs() > 20_000.0 && is_far(lake_x, lake_y, LAKE[1] + 16_000.0);
            let is_open = is_far(15_000.0, 189_000.0, 24_000.0)
                && self.bridges.iter().all(|&[to_x, to_y]| is_far(to_x, to_y, 20_000.0));
            if is_dry && is_open && towns.iter().all(|it| is_far(it.x, it.y, apart.max(26_000.0))) {
                // On a whole height, so that the ground of the town is level to the bit.
                let level = (self.hills(x, y).clamp(BANK, 7_000.0) / 4.0).round() * 4.0;
                // On a whole square of the height field.
                let [x, y] = [x, y].map(|at| (at / SPACING).round() * SPACING);
                towns.push(Place { x, y, level, reach: [TOWN_RADIUS, TOWN_RADIUS + 7_000.0] });
            }
        }
        towns
    }

    /// Hills and cliffs, without water and level places.
    fn hills(&self, x: f64, y: f64) -> f64 {
        let gentle = 2_600.0 + 5_500.0 * square(fractal(self.seed ^ 3, x, y, 44_000.0));
        let rough = smooth((noise(self.seed ^ 4, x, y, 52_000.0) - 0.5) / 0.2);
        if rough == 0.0 {
            return gentle;
        }
        // Terraces: nearly level for most of the way, then a cliff.
        let terraces = 7.0 * fractal(self.seed ^ 5, x, y, 50_000.0);
        let below = terraces.floor();
        let risen = below + smooth((terraces - below - 0.88) / 0.12);
        gentle + rough * 1_500.0 * risen
    }

    /// The height of the ground.
    pub(super) fn height(&self, x: f64, y: f64) -> f64 {
        let mut height = self.hills(x, y);
        for place in &self.places {
            let away = square(x - place.x) + square(y - place.y);
            let [from, to] = place.reach;
            if away < to * to {
                height = mix(place.level, height, smooth((away.sqrt() - from) / (to - from)));
            }
        }
        let [lake_x, lake_y] = self.lake();
        let away = square(x - lake_x) + square(y - lake_y);
        if away < LAKE[1] * LAKE[1] {
            height = mix(WATER - 900.0, height, smooth((away.sqrt() - LAKE[0]) / (LAKE[1] - LAKE[0])));
        }
        let from_river = (x - self.river(y)).abs();
        if y < lake_y && from_river < RIVER[1] {
            height = mix(WATER - 400.0, height, smooth((from_river - RIVER[0]) / (RIVER[1] - RIVER[0]))).min(height);
        }
        height
    }

    /// The heightmap: a value per height, in rows along x.
    pub(super) fn heightmap(&self) -> Vec<u16> {
        let at = |number: usize| number as f64 * SPACING;
        let value = |x: f64, y: f64| (self.height(x, y) / HIGHEST * 65_535.0).round() as u16;
        (0..HEIGHTS).flat_map(|row| (0..HEIGHTS).map(move |column| value(at(column), at(row)))).collect()
    }

    /// Boxes of water, by name and their lowest and highest x and y.
    pub(super) fn water(&self) -> Vec<(&'static str, [f64; 2], [f64; 2])> {
        const STRIPS: u32 = 40;
        let [lake_x, lake_y] = self.lake();
        let mut boxes = vec![("lake", [lake_x - LAKE[1], lake_y - LAKE[1]], [lake_x + LAKE[1], lake_y + LAKE[1]])];
        for strip in 0..STRIPS {
            let [low, high] = [strip, strip + 1].map(|it| f64::from(it) / f64::from(STRIPS) * lake_y);
            let across = (0..=16).map(|part| self.river(mix(low, high, f64::from(part) / 16.0)));
            let (least, most) = across.fold((f64::MAX, f64::MIN), |(least, most), x| (least.min(x), most.max(x)));
            boxes.push(("river", [least - RIVER[1], low], [most + RIVER[1], high]));
        }
        boxes
    }
}

fn square(number: f64) -> f64 {
    number * number
}
