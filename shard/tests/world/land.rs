//! A land to walk in, and a character that wanders in it.

use rand_chacha::rand_core::Rng;
use rand_chacha::rand_core::SeedableRng;
use ringshard_protocol::crypto::Csprng;
use ringshard_terrain::Terrain;
use ringshard_terrain::file::{Plan, VolumeKind, VolumePlan};
use ringshard_terrain::movement::{Steering, keys};

/// A number less than `most`.
pub fn below(random: &mut Csprng, most: u32) -> u32 {
    random.next_u32() % most
}

/// 0 to 1.
pub fn part(random: &mut Csprng) -> f32 {
    below(random, 1 << 20) as f32 / (1 << 20) as f32
}

/// 256 m by 256 m with hills, cliffs, a lake, houses to walk on, stairs, ramps, thin walls and a forbidden area.
pub fn land(seed: u64) -> Terrain {
    let random = &mut Csprng::seed_from_u64(seed);
    let mut plan = Plan::flat([25_600.0, 6_400.0], [1, 1, 1], [1, 1, 1]);
    (plan.shape.height_spacing, plan.shape.heights) = (200.0, [129, 129]);
    (plan.shape.height_base, plan.shape.height_scale) = (0.0, 0.1);
    let waves: Vec<[f32; 4]> = (0..6).map(|_| [part(random), part(random), part(random), part(random)]).collect();
    let height = |x: f32, y: f32| {
        let wave = |[along, across, phase, size]: &[f32; 4]| {
            ((x * along + y * across) / 600.0 + phase * 6.3).sin() * size * 250.0
        };
        // A cliff.
        700.0 + waves.iter().map(wave).sum::<f32>() + if x > 18_000.0 { 900.0 } else { 0.0 }
    };
    plan.heights = (0..129 * 129)
        .map(|at| (height((at % 129) as f32 * 200.0, (at / 129) as f32 * 200.0).clamp(0.0, 6_000.0) * 10.0) as u16)
        .collect();
    for _ in 0..60 {
        let (x, y) = (2_000.0 + part(random) * 14_000.0, 2_000.0 + part(random) * 20_000.0);
        let z = height(x, y);
        let [wide, deep, high] =
            [10.0 + part(random) * 800.0, 10.0 + part(random) * 800.0, 60.0 + part(random) * 400.0];
        plan.add_box([x, y, z - 300.0], [x + wide, y + deep, z + high]);
        for number in 0..12 {
            let top = z + 40.0 * (number + 1) as f32;
            plan.add_box([x - 600.0 + 50.0 * number as f32, y, z - 300.0], [x, y + 150.0, top.min(z + high)]);
        }
        // A roof, too steep to stand on.
        plan.triangles.push(([[x, y, z + high], [x + wide, y, z + high], [x, y + deep, z + high + 2.0 * deep]], 0));
    }
    plan.volumes.push(VolumePlan {
        low: [4_000.0, 4_000.0, 0.0],
        high: [14_000.0, 14_000.0, 700.0],
        kind: VolumeKind::Water,
        name: "lake".into(),
    });
    plan.volumes.push(VolumePlan {
        low: [24_000.0, 0.0, 0.0],
        high: [25_600.0, 2_000.0, 6_400.0],
        kind: VolumeKind::NoGo,
        name: "secret".into(),
    });
    Terrain::of(&plan).expect("the plan is possible")
}

/// Steers at random: turns, jumps, dives, stops.
pub fn wander(random: &mut Csprng, steering: &mut Steering) {
    if below(random, 40) == 0 {
        steering.yaw = random.next_u32() as u16;
        steering.forward = [127, 127, 127, 60, 0, -127][below(random, 6) as usize];
        steering.left = [0, 0, 127, -40][below(random, 4) as usize];
        steering.keys = if below(random, 4) > 0 { keys::RUN } else { 0 };
    }
    let jumps = if below(random, 30) == 0 { keys::JUMP } else { 0 };
    let dives = if below(random, 3) == 0 { keys::DIVE } else { 0 };
    steering.keys = steering.keys & keys::RUN | jumps | if steering.yaw.is_multiple_of(3) { dives } else { 0 };
}
