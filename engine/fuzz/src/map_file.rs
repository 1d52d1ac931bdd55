//! Map files, and what a terrain answers.

use crate::input::Input as Fuzzed;
use ringshard_terrain::Terrain;
use ringshard_terrain::file::{MapFileError, MeshPlan, Plan, Shape, SpawnPlan, VolumeKind, VolumePlan, aligned};
use std::sync::LazyLock;

/// Most changes of a file, most pieces of a plan, and most questions to a terrain.
const STEPS_MAX: u8 = 16;
/// Where checksum, length and tables stand in a file.
const CHECKSUM: usize = 12;
const LENGTH: usize = 16;
const TABLES: usize = 32;
const CONTENT: usize = 304;
/// Numbers at which mistakes happen.
const HOSTILE: [f32; 12] = [
    f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::MAX,
    f32::MIN,
    f32::MIN_POSITIVE,
    -0.0,
    -1.0,
    4_294_967_296.0,
    99.999_99,
    100.0,
    200.0,
];

/// A small map with something in every table.
static BASE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut plan = Plan::flat([100.0, 50.0], [2, 1, 1], [1, 1, 1]);
    plan.shape = Shape { height_base: 1.0, height_scale: 0.5, ..plan.shape };
    plan.heights = vec![0, 10, 20, 30, 40, 50];
    plan.add_box([99.0, 20.0, 0.0], [103.0, 22.0, 9.0]);
    let volume = |low, high, kind| VolumePlan { low, high, kind, name: "name".to_owned() };
    plan.volumes = vec![
        volume([0.0; 3], [150.0, 40.0, 20.0], VolumeKind::Water),
        volume([50.0, 50.0, 0.0], [52.0, 52.0, 9.0], VolumeKind::NoGo),
    ];
    plan.spawns = vec![SpawnPlan { point: [5.0, 6.0, 7.0], yaw: 1, name: "spawn".to_owned() }];
    plan.mesh = Some(MeshPlan {
        vertices: vec![[0.0, 0.0, 1.0], [9.0, 0.0, 1.0], [9.0, 9.0, 1.0]],
        polygons: vec![(vec![0, 1, 2], 7)],
        agent: [35.0, 180.0, 45.0, 0.7],
    });
    plan.write().expect("the map is possible")
});

/// Reads bytes, a changed map, or the file of a plan. What is accepted answers every question.
pub fn map_file(data: &[u8]) {
    let mut input = Fuzzed::new(data);
    let bytes = match input.byte() % 4 {
        0 => {
            let length = usize::from(input.word());
            let mut bytes = BASE[..CONTENT].to_vec();
            bytes.extend_from_slice(input.take(length));
            change(&mut bytes, &mut input);
            bytes
        }
        1 => {
            let plan = plan(&mut input);
            match plan.write() {
                Ok(bytes) => bytes,
                Err(MapFileError::Plan { .. }) => return,
                Err(error) => panic!("a plan is refused as a file: {error}"),
            }
        }
        2 => input.take(usize::MAX).to_vec(),
        _ => {
            let mut bytes = BASE.clone();
            change(&mut bytes, &mut input);
            bytes
        }
    };
    match Terrain::read(aligned(&bytes)) {
        Ok(terrain) => ask(&terrain, &mut input),
        Err(error) => assert!(!error.to_string().is_empty() && !matches!(error, MapFileError::Plan { .. })),
    }
}

/// Changes some numbers of a file. Its length and its checksum fit afterwards, so that the reader looks at the rest.
fn change(bytes: &mut Vec<u8>, input: &mut Fuzzed<'_>) {
    for _ in 0..input.byte() % STEPS_MAX {
        let (mode, at, value) = (input.byte(), usize::from(input.word()), input.array::<4>());
        let at = match mode % 4 {
            0 => at % bytes.len(),
            // The table of tables, and the first rows of a table.
            1 => TABLES + at % (CONTENT - TABLES),
            _ => {
                let entry = TABLES + 16 * (at % 17);
                let begin = u64::from_le_bytes(bytes[entry..entry + 8].try_into().expect("8 bytes")) as usize;
                (begin.min(bytes.len()) + 4 * (at / 17 % 64)) % bytes.len()
            }
        };
        let end = (at + 4).min(bytes.len());
        bytes[at..end].copy_from_slice(&value[..end - at]);
    }
    let length = bytes.len() as u64;
    bytes[LENGTH..LENGTH + 8].copy_from_slice(&length.to_le_bytes());
    bytes[..CHECKSUM].copy_from_slice(&BASE[..CHECKSUM]);
    let sum = crc32c::crc32c(&bytes[LENGTH..]);
    bytes[CHECKSUM..LENGTH].copy_from_slice(&sum.to_le_bytes());
}

fn number(input: &mut Fuzzed<'_>) -> f32 {
    match input.byte() {
        hostile if usize::from(hostile) < HOSTILE.len() => HOSTILE[usize::from(hostile)],
        0x80.. => f32::from(input.word()) / 256.0,
        _ => f32::from_le_bytes(input.array()),
    }
}

fn point(input: &mut Fuzzed<'_>) -> [f32; 3] {
    std::array::from_fn(|_| number(input))
}

/// A plan on a small map, which may be impossible.
fn plan(input: &mut Fuzzed<'_>) -> Plan {
    let mut plan = Plan::flat([100.0, 50.0], [2, 1, 1], [1, 1, 1]);
    if input.byte() % 4 == 0 {
        plan.shape.height_spacing = number(input);
        (plan.shape.height_base, plan.shape.height_scale) = (number(input), number(input));
        plan.shape.section = [number(input), number(input)];
        plan.shape.components[usize::from(input.byte() % 3)] = input.word().into();
        plan.shape.heights = [input.byte(), input.byte()].map(u32::from);
        plan.heights.resize(plan.shape.heights.iter().product::<u32>() as usize, input.word());
    }
    for _ in 0..input.byte() % STEPS_MAX {
        match input.byte() % 4 {
            0 => plan.triangles.push(([point(input), point(input), point(input)], input.byte() % 4)),
            1 => {
                let kind = VolumeKind::from_number(u32::from(input.byte() % 3)).expect("there are three");
                let name = "x".repeat(input.byte().into());
                plan.volumes.push(VolumePlan { low: point(input), high: point(input), kind, name });
            }
            2 => plan.spawns.push(SpawnPlan { point: point(input), yaw: input.word(), name: String::new() }),
            _ => {
                let corners =
                    |input: &mut Fuzzed<'_>| (0..input.byte() % 6).map(|_| u32::from(input.byte() % 5)).collect();
                plan.mesh = Some(MeshPlan {
                    vertices: (0..input.byte() % 6).map(|_| point(input)).collect(),
                    polygons: (0..input.byte() % 4).map(|_| (corners(input), u32::from(input.byte()))).collect(),
                    agent: [number(input), number(input), number(input), number(input)],
                });
            }
        }
    }
    plan
}

/// Asks about points in the map, at its edges, and where no map is.
fn ask(terrain: &Terrain, input: &mut Fuzzed<'_>) {
    let size = terrain.map().size();
    let columns = terrain.columns();
    let mut points = vec![[f32::NAN; 3], [0.0; 3], size, [-1.0; 3], size.map(|axis| axis / 2.0)];
    for _ in 0..STEPS_MAX {
        points.push(point(input));
    }
    for (at, &[x, y, z]) in points.iter().enumerate() {
        let (height, _) = terrain.ground(x, y);
        assert!(height.is_finite() && height == terrain.height(x, y));
        let tops = terrain.volumes_at([x, y, z]).map(|volume| {
            terrain.name(volume.name);
            volume.high[2]
        });
        let highest = tops.fold(f32::MIN, f32::max);
        assert!(terrain.water_surface([x, y, z]).is_none_or(|surface| surface.is_finite() && surface <= highest));
        let other = points[(at + 1) % points.len()];
        terrain.triangles_near([x, y], [other[0], other[1]], |triangle| {
            assert!((triangle as usize) < columns.triangles.len());
        });
    }
    terrain.spawns().iter().for_each(|spawn| {
        terrain.name(spawn.name);
    });
    for ends in columns.nav_polygons.windows(2) {
        let corners = &columns.nav_corners[ends[0] as usize..ends[1] as usize];
        assert!(corners.iter().all(|&corner| columns.nav_vertices[corner as usize][0].is_finite()));
    }
}
