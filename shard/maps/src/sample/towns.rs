//! Where buildings and rocks stand.

use super::glb::{Node, write};
use super::ground::{EDGE, Ground, QUARRY};
use super::mesh::{bridge, cube, house, platform, rock};
use super::noise::{hash, unit};

/// Kinds of towns: a file each.
pub(super) const LAYOUTS: usize = 3;
/// Distance of two lots, in metres. A town has 5 by 5; that in the middle is the square.
const LOT: f32 = 20.0;
/// Half of the edge of the wall around a town, in metres, and half of the width of its gates.
const WALL: f32 = 56.0;
const GATE: f32 = 4.0;
/// Rocks of the map.
const ROCKS: i64 = 700;

/// The file of a town, around the middle of its square.
pub(super) fn town(seed: u64, layout: usize) -> Vec<u8> {
    let random = |lot: i64, what: i64| hash(seed ^ 0x70, lot * 8 + what, layout as i64);
    let mut nodes = Vec::new();
    for lot in 0..25 {
        let [x, z] = [lot % 5, lot / 5].map(|it| (it - 2) as f32 * LOT);
        let (mesh, name) = match random(lot, 0) % 10 {
            _ if lot == 12 => continue,
            0..4 => (0, "house"),
            4..8 => (1, "house-with-stairs"),
            8 => (2, "platform"),
            _ => continue,
        };
        let quarters = (random(lot, 1) % 4) as u8;
        let name = format!("{name}-{lot}");
        nodes.push(Node { name, mesh, translation: [x, 0.0, z], quarters, scale: [1.0; 3] });
    }
    // Each side of the wall has a gate in its middle.
    let (length, middle) = (WALL - GATE, (WALL + GATE) / 2.0);
    for side in 0..8_u8 {
        let (quarters, half) = (side / 2, if side.is_multiple_of(2) { middle } else { -middle });
        let translation = match quarters {
            0 => [half, 0.0, WALL],
            1 => [WALL, 0.0, half],
            2 => [half, 0.0, -WALL],
            _ => [-WALL, 0.0, half],
        };
        // Walls reach into the ground, so that no gap opens below them.
        let [x, y, z] = translation;
        nodes.push(Node {
            name: format!("wall-{side}"),
            mesh: 3,
            translation: [x, y - 1.0, z],
            quarters: quarters % 2,
            scale: [length, 5.0, 0.8],
        });
    }
    let meshes =
        [("house", house(false)), ("house-with-stairs", house(true)), ("platform", platform()), ("cube", cube())];
    write(&meshes, &nodes)
}

/// The file of a bridge, around its middle.
pub(super) fn bridge_file() -> Vec<u8> {
    let node = Node { name: "bridge".to_owned(), mesh: 0, translation: [0.0; 3], quarters: 0, scale: [1.0; 3] };
    write(&[("bridge", bridge())], &[node])
}

/// The file of the rocks, which lie all over the map. Its origin is the map's corner.
pub(super) fn rocks(seed: u64, ground: &Ground) -> Vec<u8> {
    let random = |number: i64, what: i64| unit(seed ^ 0x71, number, what);
    let mut nodes = Vec::new();
    for number in 0..ROCKS {
        let [x, y] = [0, 1].map(|axis| 1_000.0 + (EDGE - 2_000.0) * random(number, axis));
        let in_town = ground.towns.iter().any(|it| (x - it.x).abs() < 7_500.0 && (y - it.y).abs() < 7_500.0);
        let at_bridge = ground.bridges.iter().any(|at| (x - at[0]).abs() < 5_000.0 && (y - at[1]).abs() < 2_000.0);
        let in_quarry = (0..2).all(|axis| (QUARRY.0[axis]..=QUARRY.1[axis]).contains(&[x, y][axis]));
        if in_town || at_bridge || in_quarry {
            continue;
        }
        let radius = 0.6 + 2.4 * random(number, 2) * random(number, 3);
        let scale = [2, 3, 4].map(|what| (radius * (0.7 + 0.6 * random(number, what + 2))) as f32);
        let translation = [x / 100.0, ground.height(x, y) / 100.0, -y / 100.0].map(|axis| axis as f32);
        nodes.push(Node { name: format!("rock-{number}"), mesh: 0, translation, quarters: 0, scale });
    }
    write(&[("rock", rock())], &nodes)
}
