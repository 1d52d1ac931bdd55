//! What is written is read again, and nothing else is.

mod files;
mod plans;

use super::{MeshPlan, Plan, Shape, SpawnPlan, VolumeKind, VolumePlan, aligned, triangle_flags};

/// A map of 3 by 2 sections with something in every table.
fn plan() -> Plan {
    let mut plan = Plan::flat([100.0, 50.0], [3, 1, 1], [1, 2, 2]);
    plan.shape = Shape { height_spacing: 25.0, heights: [13, 9], height_base: 2.0, height_scale: 0.5, ..plan.shape };
    plan.heights = (0..13 * 9).map(|number| number * 7 % 100).collect();
    plan.add_box([10.0, 20.0, -5.0], [30.0, 28.0, 60.0]);
    plan.triangles.push(([[90.0, 90.0, 1.0], [210.0, 110.0, 2.0], [100.0, 199.0, 3.0]], triangle_flags::INVISIBLE));
    let volume = |low, high, kind, name: &str| VolumePlan { low, high, kind, name: name.to_owned() };
    plan.volumes = vec![
        volume([-10.0, -10.0, 0.0], [120.0, 40.0, 20.0], VolumeKind::Water, "lake"),
        volume([50.0, 50.0, 0.0], [60.0, 60.0, 99.0], VolumeKind::NoGo, "cellar"),
        volume([0.0, 0.0, 0.0], [300.0, 200.0, 100.0], VolumeKind::Area, "läke"),
    ];
    plan.spawns = vec![
        SpawnPlan { point: [5.0, 6.0, 70.0], yaw: 65_535, name: "town-0".to_owned() },
        SpawnPlan { point: [300.0, 200.0, 0.0], yaw: 0, name: "town-0".to_owned() },
        SpawnPlan { point: [0.0; 3], yaw: 1, name: String::new() },
    ];
    plan.mesh = Some(MeshPlan {
        vertices: vec![[0.0, 0.0, 1.0], [9.0, 0.0, 1.0], [9.0, 9.0, 1.0], [0.0, 9.0, 1.0]],
        polygons: vec![(vec![0, 1, 2], 7), (vec![0, 1, 2, 3], 7)],
        agent: [35.0, 180.0, 45.0, 0.7],
    });
    plan
}

/// The file of [`plan`].
fn file() -> Vec<u8> {
    plan().write().unwrap()
}

/// What a reader says about the file, with a checksum that fits.
fn refusal(bytes: &[u8]) -> String {
    let mut bytes = bytes.to_vec();
    let sum = crc32c::crc32c(&bytes[16..]);
    bytes[12..16].copy_from_slice(&sum.to_le_bytes());
    match super::read((*aligned(&bytes)).as_ref()) {
        Ok(_) => panic!("the file is read"),
        Err(error) => error.to_string(),
    }
}

fn number(bytes: &[u8], at: usize) -> usize {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize
}

/// Where a table lies in a file, by the order of the tables.
fn table(bytes: &[u8], number_of_table: usize) -> std::ops::Range<usize> {
    let entry = 32 + 16 * number_of_table;
    let begin = number(bytes, entry);
    begin..begin + number(bytes, entry + 8)
}
