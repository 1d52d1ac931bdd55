//! A picture of a map from above: shaded relief, water, static geometry, and what else is asked for. x goes to the right, and y
//! upwards.

mod canvas;

use canvas::{Canvas, Color};
use ringshard_terrain::Terrain;
use ringshard_terrain::file::{VolumeKind, triangle_flags};

/// Fewest and most pixels of a picture's longer side.
pub const SIZE_MIN: u32 = 64;
/// See [`SIZE_MIN`].
pub const SIZE_MAX: u32 = 8_192;

const LOW: Color = [104, 140, 84];
const MIDDLE: Color = [168, 150, 108];
const HIGH: Color = [228, 226, 220];
const WATER: Color = [64, 118, 178];
const DEEP_WATER: Color = [24, 60, 116];
const WALL: Color = [92, 84, 80];
const FLAT: Color = [186, 172, 160];
const NO_GO: Color = [208, 32, 32];
const SPAWN: Color = [214, 0, 160];
const MESH: Color = [250, 220, 40];

/// What a picture shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Picture {
    /// Pixels of the longer side, from [`SIZE_MIN`] to [`SIZE_MAX`].
    pub size: u32,
    /// Whether it shows the places where characters enter.
    pub spawns: bool,
    /// Whether it shows the polygons of the navigation mesh.
    pub mesh: bool,
}

/// Draws a map. Gives a PNG file.
///
/// # Panics
/// The size is out of range.
pub fn draw(terrain: &Terrain, picture: &Picture) -> Vec<u8> {
    assert!((SIZE_MIN..=SIZE_MAX).contains(&picture.size), "a picture of {} pixels", picture.size);
    let [width, depth, _] = terrain.map().size();
    let mut canvas = Canvas::new([width, depth], picture.size);
    draw_ground(terrain, &mut canvas);
    draw_triangles(terrain, &mut canvas);
    draw_no_go(terrain, &mut canvas);
    if picture.mesh {
        draw_mesh(terrain, &mut canvas);
    }
    if picture.spawns {
        let radius = (picture.size / 400).max(1);
        terrain.spawns().iter().for_each(|spawn| canvas.dot([spawn.point[0], spawn.point[1]], radius, SPAWN));
    }
    canvas.png()
}

fn draw_ground(terrain: &Terrain, canvas: &mut Canvas) {
    let shape = terrain.shape();
    let heights = terrain.columns().heights;
    let (lowest, highest) = heights.iter().fold((u16::MAX, 0), |(low, high), &it| (low.min(it), high.max(it)));
    let [lowest, highest] = [lowest, highest].map(|it| shape.height_base + shape.height_scale * f32::from(it));
    let range = (highest - lowest).max(1.0);
    canvas.fill(|[x, y]| {
        let (height, slope) = terrain.ground(x, y);
        if let Some(surface) = terrain.water_surface([x, y, height]).filter(|surface| *surface > height) {
            return (blend(WATER, DEEP_WATER, ((surface - height) / 800.0).min(1.0)), surface);
        }
        let part = (height - lowest) / range;
        let base = if part < 0.5 { blend(LOW, MIDDLE, part * 2.0) } else { blend(MIDDLE, HIGH, part * 2.0 - 1.0) };
        (shade(base, slope), height)
    });
}

/// Light from the upper left.
fn shade(color: Color, [along_x, along_y]: [f32; 2]) -> Color {
    let length = (1.0 + along_x * along_x + along_y * along_y).sqrt();
    // The normal is (-along_x, -along_y, 1), and the light comes from (-1, 1, 1.4).
    let light = (along_x - along_y + 1.4) / length / 1.99;
    let strength = 0.35 + 0.9 * light.max(0.0);
    color.map(|channel| (f32::from(channel) * strength).min(255.0) as u8)
}

fn blend(from: Color, to: Color, part: f32) -> Color {
    std::array::from_fn(|at| (f32::from(from[at]) + (f32::from(to[at]) - f32::from(from[at])) * part) as u8)
}

fn draw_triangles(terrain: &Terrain, canvas: &mut Canvas) {
    let columns = terrain.columns();
    for (corners, flags) in columns.triangles.iter().zip(columns.triangle_flags) {
        if flags & triangle_flags::INVISIBLE == 0 {
            let [a, b, c] = corners;
            let across = |axis: usize| (f64::from(b[axis] - a[axis]), f64::from(c[axis] - a[axis]));
            let ((abx, acx), (aby, acy), (abz, acz)) = (across(0), across(1), across(2));
            let normal = [aby * acz - abz * acy, abz * acx - abx * acz, abx * acy - aby * acx];
            let length = normal.iter().map(|it| it * it).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
            let level = (normal[2] / length).abs() as f32;
            canvas.triangle(corners, blend(WALL, FLAT, level));
        }
    }
}

fn draw_no_go(terrain: &Terrain, canvas: &mut Canvas) {
    for volume in terrain.columns().volumes.iter().filter(|volume| volume.kind == VolumeKind::NoGo as u32) {
        let [[left, down, _], [right, up, _]] = [volume.low, volume.high];
        canvas.hatch([left, down], [right, up], NO_GO);
        let corners = [[left, down], [right, down], [right, up], [left, up]];
        (0..4).for_each(|at| canvas.line(corners[at], corners[(at + 1) % 4], NO_GO));
    }
}

fn draw_mesh(terrain: &Terrain, canvas: &mut Canvas) {
    let columns = terrain.columns();
    for ends in columns.nav_polygons.windows(2) {
        let corners = &columns.nav_corners[ends[0] as usize..ends[1] as usize];
        let point = |at: usize| {
            let [x, y, _] = columns.nav_vertices[corners[at % corners.len()] as usize];
            [x, y]
        };
        (0..corners.len()).for_each(|at| canvas.line(point(at), point(at + 1), MESH));
    }
}
