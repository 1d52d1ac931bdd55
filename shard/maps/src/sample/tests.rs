//! The sample map: it is valid for every seed, the same on every machine, and a place to walk in.

use super::*;
use crate::bake::Baked;
use ringshard_paths::{MeshSettings, bake_mesh};
use ringshard_terrain::file::{Plan, VolumeKind};

fn baked(seed: u64) -> Baked {
    let files = sample_sources(seed);
    let text = String::from_utf8(files[DESCRIPTION].clone()).unwrap();
    let source = Source::parse(DESCRIPTION, &text, Files::Memory(files)).unwrap();
    bake(&source, false, &mut |_, _| {}).unwrap_or_else(|error| panic!("seed {seed}: {error}"))
}

#[test]
fn the_sample_map_has_hills_water_bridges_and_six_towns() {
    let Baked { plan, report } = baked(7);
    assert_eq!((report.size, report.heights, report.models), ([204_800.0, 204_800.0, 25_600.0], [1_025; 2], 10));
    assert!(report.triangles > 15_000 && report.degenerate_triangles == 0, "{report:?}");
    assert_eq!(report.spawns.len(), 6);
    assert!(report.spawns.iter().all(|(name, count)| name.starts_with("town-") && *count == 64), "{report:?}");
    assert!(report.ground[0] < 1_200.0 && report.ground[1] > 8_000.0, "{report:?}");
    let terrain = Terrain::of(&plan).unwrap();
    assert_eq!(sum(&plan), SUM_OF_SEED_7, "the same seed must give the same map on every machine");
    // The middle of each bridge is above the river, and its deck is a roof over water.
    let ground = Ground::new(7);
    for [x, y] in ground.bridges.iter().map(|it| it.map(|axis| axis as f32)) {
        assert!(terrain.height(x, y) < WATER as f32 - 300.0);
        assert_eq!(terrain.water_surface([x, y, WATER as f32 - 1.0]), Some(WATER as f32));
        let mut decks = 0;
        terrain.triangles_near([x, y], [x, y], |triangle| {
            let corners = &terrain.columns().triangles[triangle as usize];
            decks += usize::from(corners.iter().all(|corner| corner[2] == BANK as f32 + 10.0));
        });
        assert!(decks >= 2, "the deck of the bridge at {x}, {y}");
    }
    // Water covers nothing but the lake and the river: no other ground is below its surface.
    let [lake_x, lake_y] = ground.lake;
    for number in 0..10_000_u32 {
        let [x, y] = [number % 100, number / 100].map(|it| f64::from(it) * 2_048.0);
        let is_wet = terrain.height(x as f32, y as f32) < WATER as f32;
        let in_lake = (x - lake_x).hypot(y - lake_y) < 15_000.0;
        let in_river = y < lake_y && (x - ground.river(y)).abs() < 2_400.0;
        assert!(!is_wet || in_lake || in_river, "{x}, {y} is below the water");
        let covered = terrain.volumes_at([x as f32, y as f32, 1_999.0]).any(|it| it.kind == VolumeKind::Water as u32);
        assert!(!is_wet || covered, "{x}, {y} is a hole without water");
    }
}

#[test]
fn every_seed_has_a_valid_map_and_its_own() {
    let mut digests: Vec<u32> = [0, u64::MAX].map(|seed| sample_terrain(seed).digest()).to_vec();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), 2);
    for seed in 0..100 {
        let ground = Ground::new(seed);
        assert_eq!(ground.towns.len(), ground::TOWNS);
        for town in &ground.towns {
            // The corners of the wall stand on level ground.
            for [x, y] in [[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]] {
                let height = ground.height(town.x + 5_700.0 * x, town.y + 5_700.0 * y);
                assert!((height - town.level).abs() < 1e-9, "seed {seed}: {town:?}");
            }
        }
    }
}

/// The heights and corners of a map as one number (FNV-1a).
fn sum(plan: &Plan) -> u64 {
    let corners = plan.triangles.iter().flat_map(|(corners, _)| corners.as_flattened()).map(|axis| axis.to_bits());
    let numbers = plan.heights.iter().map(|&height| u32::from(height)).chain(corners);
    numbers.fold(0xcbf2_9ce4_8422_2325, |sum, number| (sum ^ u64::from(number)).wrapping_mul(0x100_0000_01b3))
}

const SUM_OF_SEED_7: u64 = 2_472_198_897_114_642_251;

/// The ground of the sample map from (0, 9,600) to (12,800, 22,400), in sections of 3,200 units.
fn hills() -> Plan {
    let whole = sample_terrain(7);
    let mut plan = Plan::flat([3_200.0, 3_200.0], [4, 4, 1], [1, 1, 1]);
    let (all, across, first_row) = (whole.shape(), 65, 48);
    plan.shape.height_spacing = all.height_spacing;
    plan.shape.height_scale = all.height_scale;
    plan.shape.heights = [across, across];
    let row = |row: u32| (row * all.heights[0]) as usize..(row * all.heights[0] + across) as usize;
    plan.heights = (first_row..first_row + across).flat_map(|it| whole.columns().heights[row(it)].to_vec()).collect();
    // The map is 3,200 units high.
    let lowest = plan.heights.iter().copied().min().unwrap_or(0);
    plan.heights.iter_mut().for_each(|height| *height -= lowest);
    plan
}

#[test]
fn ground_whose_regions_have_holes_can_be_meshed() {
    let mesh = bake_mesh(&Terrain::of(&hills()).unwrap(), &MeshSettings::default(), &mut |_| {}).unwrap();
    assert!(mesh.polygons.len() > 20, "{}", mesh.polygons.len());
}
