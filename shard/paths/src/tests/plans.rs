//! Small maps.

use ringshard_terrain::file::{Plan, triangle_flags};
use ringshard_terrain::{MapFileError, Terrain};

/// Level ground of `sections` squared sections of 3,200 units, with 33 heights for each.
pub fn level(sections: u16) -> Plan {
    let mut plan = Plan::flat([3_200.0, 3_200.0], [sections, sections, 1], [1, 1, 1]);
    let along = u32::from(sections) * 32 + 1;
    plan.shape.height_spacing = 100.0;
    plan.shape.heights = [along, along];
    plan.shape.height_scale = 0.05;
    plan.heights = vec![0; (along * along) as usize];
    plan
}

/// Sets the height of the ground, at every hundred units.
pub fn shape_ground(plan: &mut Plan, height: impl Fn(f32, f32) -> f32) {
    let [along_x, _] = plan.shape.heights;
    let spacing = plan.shape.height_spacing;
    for (number, count) in plan.heights.iter_mut().enumerate() {
        let (x, y) = (number as u32 % along_x, number as u32 / along_x);
        *count = (height(x as f32 * spacing, y as f32 * spacing) / plan.shape.height_scale) as u16;
    }
}

pub fn terrain(plan: &Plan) -> Terrain {
    Terrain::of(plan).unwrap_or_else(|error: MapFileError| panic!("{error}"))
}

/// A wall across the map from south to north, with gaps: where they begin and end.
pub fn add_wall(plan: &mut Plan, x: f32, end: f32, gaps: &[[f32; 2]]) {
    let mut from = 0.0;
    for &[low, high] in gaps.iter().chain(&[[end, end]]) {
        plan.add_box([x, from, 0.0], [x + 20.0, low, 300.0]);
        from = high;
    }
}

/// Two triangles that only characters meet.
pub fn add_invisible_wall(plan: &mut Plan, from: [f32; 2], to: [f32; 2]) {
    let corner = |[x, y]: [f32; 2], z: f32| [x, y, z];
    let (a, b, c, d) = (corner(from, 0.0), corner(to, 0.0), corner(to, 300.0), corner(from, 300.0));
    plan.triangles.push(([a, b, c], triangle_flags::INVISIBLE));
    plan.triangles.push(([a, c, d], triangle_flags::INVISIBLE));
}

/// A town: houses with one door each and a roof, a river with two bridges, a hill with stairs.
pub fn town(sections: u16, houses: usize, seed: u64) -> Plan {
    let mut plan = level(sections);
    let size = f32::from(sections) * 3_200.0;
    let mut random = random(seed);
    let river = [size * 0.5, size * 0.5 + 900.0];
    shape_ground(&mut plan, |x, _| if (river[0]..=river[1]).contains(&x) { 0.0 } else { 400.0 });
    for at in [size * 0.25, size * 0.75] {
        plan.add_box([river[0] - 150.0, at, 370.0], [river[1] + 150.0, at + 400.0, 400.0]);
    }
    for _ in 0..houses {
        let x = 200.0 + random(size - 1_400.0);
        let y = 200.0 + random(size - 1_400.0);
        if x + 1_000.0 < river[0] - 300.0 || x > river[1] + 300.0 {
            add_house(&mut plan, [x, y, 400.0], [600.0 + random(300.0), 600.0 + random(300.0)]);
        }
    }
    plan
}

/// Four walls of 20 units, with a door of 160 in the south, and a roof.
pub fn add_house(plan: &mut Plan, [x, y, z]: [f32; 3], [width, depth]: [f32; 2]) {
    let (top, door) = (z + 280.0, x + width / 2.0);
    plan.add_box([x, y, z - 50.0], [door - 80.0, y + 20.0, top]);
    plan.add_box([door + 80.0, y, z - 50.0], [x + width, y + 20.0, top]);
    plan.add_box([x, y + depth - 20.0, z - 50.0], [x + width, y + depth, top]);
    plan.add_box([x, y + 20.0, z - 50.0], [x + 20.0, y + depth - 20.0, top]);
    plan.add_box([x + width - 20.0, y + 20.0, z - 50.0], [x + width, y + depth - 20.0, top]);
    plan.add_box([x, y, top], [x + width, y + depth, top + 30.0]);
}

/// A small random sequence.
pub fn random(mut state: u64) -> impl FnMut(f32) -> f32 {
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 24) as f32 * below
    }
}
