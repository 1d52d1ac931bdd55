//! Where players and NPCs enter the world.

use clap::ValueEnum;
use ringshard::game::Rng;
use ringshard_protocol::crypto::Csprng;
use ringshard_terrain::Terrain;
use ringshard_terrain::file::{Spawn, Volume, VolumeKind};
use ringshard_terrain::movement::Tuning;
use std::f32::consts::TAU;

/// Distance of spawn points from the edge of the map, in units.
const MARGIN: f32 = 1_000.0;
/// Number of towns.
const TOWNS: u32 = 20;
/// Distance from the centre of a town within which its inhabitants spawn, in units.
const TOWN_RADIUS: f32 = 5_000.0;
/// Half the edge of the square in which the crowd spawns, in units: 100 m across.
const CROWD_RADIUS: f32 = 5_000.0;
/// Half the edge of the square around a spawn point of a map in which players enter, in units.
const SQUARE_RADIUS: f32 = 1_500.0;
/// How many places are tried.
const ATTEMPTS: usize = 32;
/// Where the look at the sky begins, in units above the ground.
const ABOVE_GROUND: f32 = 1.0;

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

/// A random spawn point, on ground that a player can stand on. The spawn points of the map whose names begin with `town-` are
/// its towns; on a map without them, there are twenty around the middle.
pub fn spawn_point(layout: Layout, terrain: &Terrain, random: &mut Csprng) -> [f32; 3] {
    let mut point = [0.0; 3];
    for _ in 0..ATTEMPTS {
        let [width, depth, _] = terrain.map().size();
        let [x, y] = place(layout, terrain, random);
        let (x, y) = (x.clamp(MARGIN, width - MARGIN), y.clamp(MARGIN, depth - MARGIN));
        point = [x, y, terrain.height(x, y)];
        if is_walkable(terrain, point) {
            return point;
        }
    }
    let towns = towns(layout, terrain);
    if towns.is_empty() { point } else { towns[random.next_u32() as usize % towns.len()].point }
}

/// A random place, which may be in a wall.
fn place(layout: Layout, terrain: &Terrain, random: &mut Csprng) -> [f32; 2] {
    let [width, depth, _] = terrain.map().size();
    let towns = towns(layout, terrain);
    let mut part = || random.next_u32() as f32 / u32::MAX as f32;
    if !towns.is_empty() {
        let [x, y, _] = towns[(part() * (towns.len() - 1) as f32).round() as usize].point;
        return [x, y].map(|axis| axis + (part() * 2.0 - 1.0) * SQUARE_RADIUS);
    }
    match layout {
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
        Layout::Crowd => [width, depth].map(|length| length / 2.0 + (part() * 2.0 - 1.0) * CROWD_RADIUS),
    }
}

/// The map's own spawn points for a layout. Those of a town lie one after the other.
fn towns(layout: Layout, terrain: &Terrain) -> &[Spawn] {
    let name = |spawn: &Spawn| terrain.name(spawn.name);
    let is_town = |spawn: &Spawn| name(spawn).starts_with("town-");
    let towns = terrain.spawns().chunk_by(|one, next| is_town(one) == is_town(next)).find(|list| is_town(&list[0]));
    match (layout, towns) {
        (Layout::Uniform, _) | (_, None) => &[],
        (Layout::Towns, Some(towns)) => towns,
        (Layout::Crowd, Some(towns)) => towns.chunk_by(|one, next| name(one) == name(next)).next().unwrap_or_default(),
    }
}

/// Whether a player can stand there: level enough, dry, allowed, and under the open sky.
fn is_walkable(terrain: &Terrain, [x, y, z]: [f32; 3]) -> bool {
    let Tuning { radius, slope_limit, .. } = Tuning::default();
    let (_, [along_x, along_y]) = terrain.ground(x, y);
    let is_level = 1.0 / (1.0 + along_x * along_x + along_y * along_y).sqrt() >= slope_limit;
    let is_barred = |volume: &Volume| volume.kind != VolumeKind::Area as u32;
    let top = 2.0 * terrain.map().size()[2];
    let is_open = |[aside_x, aside_y]: [f32; 2]| {
        let (x, y) = (x + aside_x, y + aside_y);
        let from = [x, y, terrain.height(x, y) + ABOVE_GROUND];
        terrain.ray(from, [0.0, 0.0, 1.0], top).is_none()
    };
    let feet = [[0.0, 0.0], [-radius, -radius], [-radius, radius], [radius, -radius], [radius, radius]];
    is_level && !terrain.volumes_at([x, y, z]).any(is_barred) && feet.into_iter().all(is_open)
}
