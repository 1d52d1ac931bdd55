//! Distributions of entities, for the tests and benchmarks of the interest grid.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard::game::character::KINDS;
use ringshard::world::interest::{CLASSES, Sight};
use ringshard_world::{Map, Position};
use std::f32::consts::TAU;

/// A distribution of entities over the default map, on which a unit is a centimetre.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layout {
    /// Over the whole map.
    Uniform,
    /// In 20 towns.
    Towns,
    /// Within 100 m.
    Crowd,
    /// Within 100 m, also vertically.
    Swarm,
    /// Nine of ten within 10 m, the others anywhere.
    Square,
    /// All at one point.
    Point,
}

impl Layout {
    /// All layouts.
    pub const ALL: [Layout; 6] = [Self::Uniform, Self::Towns, Self::Crowd, Self::Swarm, Self::Square, Self::Point];

    /// The positions of `count` entities.
    pub fn places(self, count: usize, seed: u64) -> Vec<Position> {
        let map = Map::default();
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        let towns: [[f32; 2]; 20] = std::array::from_fn(|_| [0; 2].map(|_| between(random, 20_000.0, 800_000.0)));
        let position = |number: usize| {
            let [x, y, z] = [0; 3].map(|_| between(random, 0.0, 1.0));
            let point = match self {
                Layout::Square if number.is_multiple_of(10) => [819_200.0 * x, 819_200.0 * y, 500.0 * z],
                Layout::Uniform => [819_200.0 * x, 819_200.0 * y, 500.0 * z],
                Layout::Towns => {
                    let [x, y] = towns[number % towns.len()];
                    let (far, turn) = (3_000.0 * (-2.0 * z.ln()).sqrt(), TAU * between(random, 0.0, 1.0));
                    [x + far * turn.cos(), y + far * turn.sin(), between(random, 0.0, 500.0)]
                }
                Layout::Crowd => [400_000.0 + 10_000.0 * x, 300_000.0 + 10_000.0 * y, 200.0 * z],
                Layout::Swarm => [400_000.0 + 10_000.0 * x, 300_000.0 + 10_000.0 * y, 10_000.0 * z],
                Layout::Square => [400_000.0 + 1_000.0 * x, 300_000.0 + 1_000.0 * y, 200.0 * z],
                Layout::Point => [400_000.0, 300_000.0, 100.0],
            };
            map.quantise(point)
        };
        (0..count).map(position).collect()
    }
}

fn between(random: &mut impl Rng, low: f32, high: f32) -> f32 {
    low + (high - low) * (random.next_u32() >> 8) as f32 / (1 << 24) as f32
}

/// The radius of each kind, and the same weight for all.
pub fn sights() -> [Sight; CLASSES] {
    let mut sights = [Sight { radius_steps: 0, weight_log2: 0 }; CLASSES];
    for (sight, kind) in sights.iter_mut().zip(&KINDS) {
        sight.radius_steps = Map::default().steps_of(kind.radius);
    }
    sights
}
