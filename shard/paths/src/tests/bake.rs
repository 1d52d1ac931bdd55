//! Meshes of small maps.

use super::plans::{add_house, add_invisible_wall, add_wall, level, shape_ground, terrain, town};
use crate::bake::{MeshSettings, bake_mesh};
use ringshard_terrain::Terrain;
use ringshard_terrain::file::{MeshPlan, VolumeKind, VolumePlan};
use std::collections::HashMap;

pub fn bake(terrain: &Terrain) -> MeshPlan {
    let mesh = bake_mesh(terrain, &MeshSettings::default(), &mut |_| {}).expect("the map can be meshed");
    check(&mesh);
    mesh
}

fn area(mesh: &MeshPlan, corners: &[u32]) -> f64 {
    crate::bake::doubled_area(&mesh.vertices, corners) / 2.0
}

/// Polygons are convex and counter-clockwise, each side has at most two of them, and neighbours are of one region.
fn check(mesh: &MeshPlan) {
    let mut sides = HashMap::new();
    for (corners, region) in &mesh.polygons {
        assert!(area(mesh, corners) > 0.0, "a polygon is not counter-clockwise");
        for (place, &a) in corners.iter().enumerate() {
            let b = corners[(place + 1) % corners.len()];
            let c = corners[(place + 2) % corners.len()];
            assert!(doubled(mesh, [a, b, c]) >= -1.0, "a polygon is not convex");
            assert!(sides.insert([a, b], *region).is_none(), "two polygons at the same side of an edge");
        }
    }
    for (&[a, b], region) in &sides {
        assert!(sides.get(&[b, a]).is_none_or(|other| other == region), "neighbours are of different regions");
    }
}

fn doubled(mesh: &MeshPlan, [a, b, c]: [u32; 3]) -> f64 {
    let [a, b, c] = [a, b, c].map(|corner| mesh.vertices[corner as usize].map(f64::from));
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/// The region of the polygon at a point whose height is nearest; `None` if none is there.
fn region_at(mesh: &MeshPlan, [x, y, z]: [f32; 3]) -> Option<u32> {
    let is_in = |corners: &[u32]| {
        (0..corners.len()).all(|place| {
            let [a, b] = [corners[place], corners[(place + 1) % corners.len()]].map(|it| mesh.vertices[it as usize]);
            (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) >= 0.0
        })
    };
    let height =
        |corners: &[u32]| corners.iter().map(|&it| (mesh.vertices[it as usize][2] - z).abs()).fold(f32::MAX, f32::min);
    let here = mesh.polygons.iter().filter(|(corners, _)| is_in(corners));
    here.filter(|(corners, _)| height(corners) < 100.0)
        .min_by(|a, b| height(&a.0).total_cmp(&height(&b.0)))
        .map(|&(_, region)| region)
}

fn regions(mesh: &MeshPlan) -> u32 {
    mesh.polygons.iter().map(|&(_, region)| region + 1).max().unwrap_or(0)
}

#[test]
fn level_ground_is_one_polygon_per_section() {
    let mesh = bake(&terrain(&level(2)));
    assert_eq!(mesh.polygons.len(), 4);
    assert_eq!(regions(&mesh), 1);
}

#[test]
fn a_wall_divides_the_map_and_a_doorway_joins_it() {
    let mut plan = level(2);
    add_wall(&mut plan, 3_190.0, 6_400.0, &[]);
    assert_eq!(regions(&bake(&terrain(&plan))), 2);
    // The wall stands on a seam: a character gets through where it is 150 units wide.
    let mut plan = level(2);
    add_wall(&mut plan, 3_190.0, 6_400.0, &[[2_000.0, 2_150.0]]);
    assert_eq!(regions(&bake(&terrain(&plan))), 1);
    let mut plan = level(2);
    add_wall(&mut plan, 3_190.0, 6_400.0, &[[2_000.0, 2_060.0]]);
    assert_eq!(regions(&bake(&terrain(&plan))), 2, "a character is wider than this");
}

#[test]
fn nobody_passes_an_invisible_wall_or_enters_a_closed_area() {
    let mut plan = level(2);
    add_invisible_wall(&mut plan, [1_000.0, 0.0], [1_000.0, 6_400.0]);
    assert_eq!(regions(&bake(&terrain(&plan))), 2);
    let mut plan = level(2);
    let (low, high) = ([1_000.0, 1_000.0, -100.0], [2_000.0, 2_000.0, 500.0]);
    plan.volumes.push(VolumePlan { low, high, kind: VolumeKind::NoGo, name: String::new() });
    let mesh = bake(&terrain(&plan));
    assert_eq!(region_at(&mesh, [1_500.0, 1_500.0, 0.0]), None);
    assert_eq!(region_at(&mesh, [500.0, 500.0, 0.0]), Some(0));
}

#[test]
fn a_bridge_and_the_road_under_it_are_both_walkable() {
    let mut plan = level(2);
    // Two ramps of ground in the west and east, and a deck between them.
    shape_ground(&mut plan, |x, _| (400.0 - (x - 3_200.0).abs().mul_add(-0.5, 800.0).clamp(0.0, 400.0)).max(0.0));
    let deck = |x: f32| (x - 3_200.0).abs() < 2_000.0;
    assert!(deck(3_200.0));
    plan.add_box([800.0, 3_000.0, 370.0], [5_600.0, 3_400.0, 400.0]);
    let terrain = terrain(&plan);
    let mesh = bake(&terrain);
    assert!(region_at(&mesh, [3_200.0, 3_200.0, 400.0]).is_some(), "the deck");
    assert!(region_at(&mesh, [3_200.0, 3_200.0, 0.0]).is_some(), "the road under it");
    assert_eq!(regions(&mesh), 1);
}

#[test]
fn islands_are_regions_and_deep_water_belongs_to_none() {
    let mut plan = level(4);
    let island = |x: f32, y: f32, at: f32| (1_500.0 - (x - at).hypot(y - 6_400.0)).clamp(0.0, 400.0);
    shape_ground(&mut plan, |x, y| island(x, y, 3_200.0) + island(x, y, 9_600.0));
    let (low, high) = ([0.0, 0.0, -10.0], [12_800.0, 12_800.0, 300.0]);
    plan.volumes.push(VolumePlan { low, high, kind: VolumeKind::Water, name: String::new() });
    let terrain = terrain(&plan);
    let mesh = bake(&terrain);
    assert_eq!(regions(&mesh), 2);
    assert_eq!(region_at(&mesh, [6_400.0, 6_400.0, 0.0]), None);
    let swims = MeshSettings { swims: true, ..MeshSettings::default() };
    let mesh = bake_mesh(&terrain, &swims, &mut |_| {}).expect("it can be meshed");
    assert_eq!(region_at(&mesh, [6_400.0, 6_400.0, 0.0]), Some(0));
}

#[test]
fn stairs_are_climbed_and_too_high_steps_are_not() {
    for (rise, is_climbed) in [(30.0, true), (60.0, false)] {
        let mut plan = level(1);
        for step in 1..=10 {
            let x = 1_000.0 + 30.0 * step as f32;
            plan.add_box([x, 1_000.0, -10.0], [2_200.0, 1_600.0, rise * step as f32]);
        }
        let mesh = bake(&terrain(&plan));
        let (top, ground) = (region_at(&mesh, [1_800.0, 1_300.0, 10.0 * rise]), region_at(&mesh, [500.0, 500.0, 0.0]));
        assert!(top.is_some() && ground.is_some());
        assert_eq!(top == ground, is_climbed, "steps of {rise}");
    }
}

#[test]
fn steep_ground_is_left_out() {
    for (slope, is_joined) in [(0.8, true), (1.2, false)] {
        let mut plan = level(2);
        shape_ground(&mut plan, |x, _| ((x - 3_000.0) * slope).clamp(0.0, 800.0));
        let mesh = bake(&terrain(&plan));
        assert_eq!(regions(&mesh) == 1, is_joined, "a slope of {slope}");
    }
}

#[test]
fn a_low_ceiling_is_an_obstacle() {
    for (height, is_joined) in [(220.0, true), (150.0, false)] {
        let mut plan = level(2);
        plan.add_box([3_000.0, 0.0, height], [3_400.0, 6_400.0, height + 400.0]);
        let mesh = bake(&terrain(&plan));
        let [west, east] = [1_000.0, 5_000.0].map(|x| region_at(&mesh, [x, 3_000.0, 0.0]));
        assert_eq!(west == east, is_joined, "a ceiling at {height}");
    }
}

#[test]
fn a_house_is_entered_by_its_door_and_solid_boxes_are_not_entered() {
    let mut plan = level(1);
    add_house(&mut plan, [1_000.0, 1_000.0, 0.0], [800.0, 800.0]);
    plan.add_box([2_200.0, 2_200.0, -50.0], [2_900.0, 2_900.0, 400.0]);
    let mesh = bake(&terrain(&plan));
    let outside = region_at(&mesh, [500.0, 500.0, 0.0]);
    assert_eq!(region_at(&mesh, [1_400.0, 1_400.0, 0.0]), outside);
    assert_eq!(region_at(&mesh, [2_550.0, 2_550.0, 0.0]), None, "the inside of a solid");
}

#[test]
fn a_town_has_one_large_region() {
    let terrain = terrain(&town(4, 40, 1));
    let mesh = bake(&terrain);
    let size = 12_800.0;
    let main: f64 =
        mesh.polygons.iter().filter(|(_, region)| *region == 0).map(|(corners, _)| area(&mesh, corners)).sum();
    assert!(main > 0.7 * size * size, "{main}");
}
