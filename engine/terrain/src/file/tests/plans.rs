//! Plans: all that are possible are written, and read again as they are.

use super::super::limits::{NAME_BYTES_MAX, SPAWNS_MAX, TRIANGLES_MAX};
use super::super::{
    MapFileError, MeshPlan, NO_CELLS, Plan, Shape, SpawnPlan, VolumeKind, VolumePlan, aligned, read, triangle_flags,
};
use super::plan;
use crate::Terrain;
use proptest::collection::vec;
use proptest::prelude::*;

const SIZE: [f32; 3] = [2.0 * 70.0, 70.0, 2.0 * 33.0];

/// A coordinate in the map, often at the edge of a cell or of a section.
fn coordinate(axis: usize) -> impl Strategy<Value = f32> {
    let size = SIZE[axis];
    prop_oneof![0.0..=size, (0_u16..=128).prop_map(move |cell| (f32::from(cell) * (70.0 / 64.0)).min(size))]
}

fn point() -> impl Strategy<Value = [f32; 3]> {
    [coordinate(0).boxed(), coordinate(1).boxed(), coordinate(2).boxed()]
}

fn volume() -> impl Strategy<Value = VolumePlan> {
    let size = [0.5_f32..200.0, 0.5..200.0, 0.5..60.0];
    (point(), size, 0_u32..3, "[a-zé]{0,6}").prop_map(|(low, size, kind, name)| {
        let kind = VolumeKind::from_number(kind).unwrap();
        let high = std::array::from_fn(|axis| low[axis] + size[axis]);
        // A box that nobody may enter lies in the map.
        let high = if kind == VolumeKind::NoGo { std::array::from_fn(|axis| high[axis].min(SIZE[axis])) } else { high };
        let low = std::array::from_fn(|axis| low[axis].min(high[axis] - 0.25));
        VolumePlan { low, high, kind, name }
    })
}

fn mesh() -> impl Strategy<Value = MeshPlan> {
    let polygon = (vec(0_u32..4, 3..6), 0_u32..9);
    ([point(), point(), point(), point()], vec(polygon, 1..5), [0.0_f32..99.0, 0.0..99.0, 0.0..99.0, 0.0..1.0])
        .prop_map(|(vertices, polygons, agent)| MeshPlan { vertices: vertices.to_vec(), polygons, agent })
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let triangle = ([point(), point(), point()], 0_u8..2);
    let spawn = (point(), any::<u16>(), "[a-z]{0,3}").prop_map(|(point, yaw, name)| SpawnPlan { point, yaw, name });
    let parts = (vec(triangle, 0..8), vec(volume(), 0..4), vec(spawn, 0..5), proptest::option::of(mesh()));
    (parts, vec(any::<u16>(), 9 * 5), 0.0_f32..6.0).prop_map(|(parts, heights, base)| {
        let flat = Plan::flat([70.0, 33.0], [1, 1, 2], [2, 1, 1]);
        let heights_shape = Shape { height_spacing: 17.5, heights: [9, 5], ..flat.shape };
        let shape = Shape { height_base: base, height_scale: 60.0 / 65_535.0, ..heights_shape };
        let (triangles, volumes, spawns, mesh) = parts;
        Plan { shape, heights, triangles, volumes, spawns, mesh }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_plan_is_read_as_it_was_written(plan in any_plan()) {
        let bytes = plan.write().unwrap();
        prop_assert_eq!(&bytes, &plan.write().unwrap());
        let copy = aligned(&bytes);
        let (columns, digest) = read((*copy).as_ref()).unwrap();
        let terrain = Terrain::of(&plan).unwrap();
        prop_assert_eq!(digest, terrain.digest());
        prop_assert_eq!(columns.shape, &[plan.shape]);
        prop_assert_eq!(columns.heights, &plan.heights);
        let solids = plan.volumes.iter().filter(|volume| volume.kind == VolumeKind::NoGo).count();
        prop_assert_eq!(columns.triangles.len(), plan.triangles.len() + 12 * solids);
        for (number, (corners, flags)) in plan.triangles.iter().enumerate() {
            prop_assert_eq!((&columns.triangles[number], columns.triangle_flags[number]), (corners, *flags));
        }
        let added = &columns.triangle_flags[plan.triangles.len()..];
        prop_assert!(added.iter().all(|&flags| flags == triangle_flags::INVISIBLE));
        for (row, volume) in columns.volumes.iter().zip(&plan.volumes) {
            prop_assert_eq!((row.low, row.high, row.kind), (volume.low, volume.high, volume.kind as u32));
            prop_assert_eq!(terrain.name(row.name), &volume.name);
        }
        for (row, spawn) in columns.spawns.iter().zip(&plan.spawns) {
            prop_assert_eq!((row.point, row.yaw), (spawn.point, spawn.yaw.into()));
            prop_assert_eq!(terrain.name(row.name), &spawn.name);
        }
        prop_assert_eq!((columns.volumes.len(), columns.spawns.len()), (plan.volumes.len(), plan.spawns.len()));
        let mesh = plan.mesh.clone().unwrap_or_default();
        prop_assert_eq!(columns.nav_vertices, &mesh.vertices);
        prop_assert_eq!(columns.nav_agent.first().copied(), plan.mesh.as_ref().map(|mesh| mesh.agent));
        for (number, (corners, region)) in mesh.polygons.iter().enumerate() {
            let range = columns.nav_polygons[number] as usize..columns.nav_polygons[number + 1] as usize;
            prop_assert_eq!((&columns.nav_corners[range], columns.nav_regions[number]), (&corners[..], *region));
        }
    }
}

#[test]
fn sections_without_geometry_have_no_cells() {
    let terrain = Terrain::of(&plan()).unwrap();
    // The box lies in section 0; the triangle reaches from there into all of the 6 but the one at the right end of row 0.
    let empty: Vec<bool> = terrain.columns().sections.iter().map(|&cells| cells == NO_CELLS).collect();
    assert_eq!(empty, [false; 6]);
    let flat = Terrain::flat();
    assert!(flat.columns().sections.iter().all(|&cells| cells == NO_CELLS) && flat.columns().cells.is_empty());
}

/// What `write` says about the plan after a change.
fn refusal(change: impl FnOnce(&mut Plan)) -> String {
    let mut plan = plan();
    change(&mut plan);
    match plan.write() {
        Err(error @ MapFileError::Plan { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_impossible_plan_is_refused_with_the_table_and_the_row() {
    let refuses = |expected: &str, change: &dyn Fn(&mut Plan)| {
        let error = refusal(change);
        assert!(error.contains("the map is not possible: ") && error.contains(expected), "{expected}: {error}");
    };
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, -1.0e9, 1.0e20] {
        refuses("shape", &|plan| plan.shape.section[0] = bad);
        refuses("shape", &|plan| plan.shape.section[1] = bad);
        if bad != f32::MAX {
            refuses("sha", &|plan| plan.shape.height_spacing = if bad > 0.0 { -bad } else { bad });
        }
        refuses("heights", &|plan| plan.shape.height_base = bad);
        refuses("heights", &|plan| plan.shape.height_scale = bad);
        for axis in 0..3 {
            refuses("triangles: row 12", &|plan| plan.triangles[12].0[1][axis] = bad);
            refuses("spawns: row 1", &|plan| plan.spawns[1].point[axis] = bad);
            refuses("navigation vertices: row 3", &|plan| plan.mesh.as_mut().unwrap().vertices[3][axis] = bad);
            // A box from minus infinity is as wrong as one that ends below its beginning.
            refuses("volumes: row 0", &|plan| plan.volumes[0].low[axis] = if bad < 0.0 { f32::NAN } else { bad });
            refuses("", &|plan| plan.volumes[1].high[axis] = bad);
        }
        refuses("navigation agent", &|plan| plan.mesh.as_mut().unwrap().agent[0] = if bad > 0.0 { -bad } else { bad });
    }
    refuses("sections: ", &|plan| plan.shape.components = [1, 32_768, 1]);
    refuses("shape", &|plan| plan.shape.components = [u32::MAX; 3]);
    refuses("shape", &|plan| plan.shape.heights = [0, 9]);
    refuses("heights", &|plan| plan.shape.heights = [u32::MAX; 2]);
    refuses("heights: there are 116", &|plan| plan.heights.truncate(116));
    refuses("triangle flags: row 3: the flags 0x82", &|plan| plan.triangles[3].1 = 0x82);
    refuses("spawns: row 2: its name", &|plan| plan.spawns[2].name = "x".repeat(NAME_BYTES_MAX + 1));
    refuses("names: ", &|plan| plan.volumes[0].name = "x".repeat(1 << 25));
    refuses("spawns: 65537 rows", &|plan| plan.spawns = vec![plan.spawns[0].clone(); SPAWNS_MAX + 1]);
    refuses("navigation corners: row 0: there is no corner 4", &|plan| {
        plan.mesh.as_mut().unwrap().polygons[0].0[0] = 4
    });
    refuses("fewer than three", &|plan| plan.mesh.as_mut().unwrap().polygons[1].0.truncate(2));
    refuses("an agent without a mesh", &|plan| plan.mesh.as_mut().unwrap().polygons.clear());
}

#[test]
fn geometry_that_needs_too_many_lists_is_refused_before_it_takes_the_memory() {
    // Each of these triangles lies over all 2^28 cells of the largest map.
    let mut plan = Plan::flat([64.0, 64.0], [256, 256, 1], [1, 1, 1]);
    let far = 64.0 * 256.0;
    plan.triangles = vec![([[0.0; 3], [far, 0.0, 0.0], [0.0, far, 0.0]], 0); 3];
    let error = plan.write().unwrap_err().to_string();
    assert!(error.contains("cell triangles: 805306368 rows") && error.contains("split the largest"), "{error}");
    let volume = VolumePlan { low: [-1e30; 3], high: [1e30; 3], kind: VolumeKind::Area, name: "all".to_owned() };
    plan.triangles.clear();
    plan.volumes = vec![volume; 65];
    let error = plan.write().unwrap_err().to_string();
    assert!(error.contains("volume lists: more than"), "{error}");
    const { assert!(TRIANGLES_MAX < NO_CELLS as usize) };
}
