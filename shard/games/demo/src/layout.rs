//! Where players and NPCs enter the world.

use clap::ValueEnum;
use ringshard::game::Rng;
use ringshard_protocol::crypto::Csprng;
use ringshard_world::Map;
use std::f32::consts::TAU;

/// Distance of spawn points from the edge of the map, in units.
const MARGIN: f32 = 1_000.0;
/// Number of towns.
const TOWNS: u32 = 20;
/// Distance from the centre of a town within which its inhabitants spawn, in units.
const TOWN_RADIUS: f32 = 5_000.0;
/// Half the edge of the square in which the crowd spawns, in units: 100 m across.
const CROWD_RADIUS: f32 = 5_000.0;

/// Where players and NPCs come into the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Layout {
    /// Anywhere.
    #[default]
    Uniform,
    /// In twenty towns.
    Towns,
    /// All within 100 m.
    Crowd,
}

/// A random spawn point.
pub fn spawn_point(layout: Layout, map: &Map, random: &mut Csprng) -> [f32; 3] {
    let [width, depth, _] = map.size();
    let mut part = || random.next_u32() as f32 / u32::MAX as f32;
    let [x, y] = match layout {
        Layout::Uniform => [part() * width, part() * depth],
        Layout::Towns => {
            let town = (part() * TOWNS as f32).min(TOWNS as f32 - 1.0).floor();
            // The golden angle spreads the towns evenly.
            let (turn, far) = (town * 2.4, 0.4 * ((town + 0.5) / TOWNS as f32).sqrt());
            let (angle, away) = (part() * TAU, part() * TOWN_RADIUS);
            [
                width * (0.5 + far * turn.cos()) + away * angle.cos(),
                depth * (0.5 + far * turn.sin()) + away * angle.sin(),
            ]
        }
        Layout::Crowd => {
            [width / 2.0 + (part() * 2.0 - 1.0) * CROWD_RADIUS, depth / 2.0 + (part() * 2.0 - 1.0) * CROWD_RADIUS]
        }
    };
    [x.clamp(MARGIN, width - MARGIN), y.clamp(MARGIN, depth - MARGIN), 0.0]
}
