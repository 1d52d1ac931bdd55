//! Honest characters among hills, houses and water are never refused; each cheat is, soon.

use crate::land::{below, land, part, wander};
use rand_chacha::rand_core::SeedableRng;
use ringshard::game::PlayerId;
use ringshard::game::authority::{Limits, Validator, Violation};
use ringshard_protocol::crypto::Csprng;
use ringshard_terrain::Terrain;
use ringshard_terrain::file::{Plan, VolumeKind, VolumePlan};
use ringshard_terrain::movement::{Steering, Walker, keys, step};
use ringshard_world::Refusal;

fn player() -> PlayerId {
    PlayerId::of_number(9 << 16 | 3).expect("a number of a player")
}

const RUN_AHEAD: Steering = Steering { forward: 127, left: 0, yaw: 0, keys: keys::RUN };

/// The violations of a character that wanders for so many ticks, of which `lost` in a thousand runs of inputs are lost.
fn violations(seed: u64, ticks: u64, lost: u32) -> Vec<(u64, Violation, Walker)> {
    let (terrain, limits) = (land(seed), Limits::default());
    let random = &mut Csprng::seed_from_u64(seed ^ 0xABCD);
    let mut validator = Validator::new();
    let (mut found, mut walker, mut steering) = (Vec::new(), Walker::default(), RUN_AHEAD);
    let mut silent_until = 0;
    for tick in 1..=ticks {
        if tick % 3_000 == 1 {
            walker = Walker::at([1_000.0 + part(random) * 22_000.0, 3_000.0 + part(random) * 20_000.0, 6_000.0]);
            walker.velocity = [0.0; 3];
            (0..400).for_each(|_| step(&terrain, &limits.tuning, &mut walker, &Steering::default()));
            validator.place(player(), walker.point, tick);
        }
        wander(random, &mut steering);
        step(&terrain, &limits.tuning, &mut walker, &steering);
        if below(random, 1_000) < lost {
            silent_until = tick + u64::from(1 + below(random, 12));
        }
        if tick < silent_until {
            continue;
        }
        if let Err(violation) = validator.check(&terrain, &limits, player(), walker.point, tick) {
            found.push((tick, violation, walker));
        }
    }
    found
}

#[test]
fn a_character_that_the_server_would_move_itself_is_never_refused() {
    for seed in 0..6 {
        let found = violations(seed, 12_000, 0);
        assert!(found.is_empty(), "seed {seed}: {} violations, {:?}", found.len(), &found[..found.len().min(12)]);
    }
}

#[test]
fn lost_inputs_make_no_claim_doubtful() {
    for seed in 0..6 {
        let found = violations(seed, 12_000, 50);
        assert!(found.is_empty(), "seed {seed}: {} violations, {:?}", found.len(), &found[..found.len().min(12)]);
    }
}

/// Runs a character with a cheat for so many ticks; gives the tick of each refusal, with its reason.
fn cheat(
    terrain: &Terrain,
    from: [f32; 3],
    ticks: u64,
    mut claim: impl FnMut(u64, &mut Walker) -> [f32; 3],
) -> Vec<(u64, Refusal)> {
    let (limits, mut validator) = (Limits::default(), Validator::new());
    let mut walker = Walker::at(from);
    validator.place(player(), from, 0);
    let check = |tick| {
        step(terrain, &limits.tuning, &mut walker, &RUN_AHEAD);
        let point = claim(tick, &mut walker);
        let refused = validator.check(terrain, &limits, player(), point, tick).err()?;
        Some((tick, refused.why))
    };
    (1..=ticks).filter_map(check).collect()
}

fn level(boxes: &[([f32; 3], [f32; 3])]) -> Terrain {
    let mut plan = Plan::flat([25_600.0, 6_400.0], [2, 2, 1], [1, 1, 1]);
    boxes.iter().for_each(|&(low, high)| plan.add_box(low, high));
    let water = ([10_000.0, 10_000.0, 0.0], [20_000.0, 20_000.0, 400.0]);
    let secret = ([40_000.0, 0.0, 0.0], [41_000.0, 41_000.0, 6_400.0]);
    for ((low, high), kind) in [(water, VolumeKind::Water), (secret, VolumeKind::NoGo)] {
        plan.volumes.push(VolumePlan { low, high, kind, name: String::new() });
    }
    Terrain::of(&plan).expect("the plan is possible")
}

#[test]
fn speed_beyond_the_clock_of_a_client_is_caught_and_the_clock_is_not() {
    let terrain = level(&[]);
    let run = |times: f32| {
        cheat(&terrain, [1_000.0, 5_000.0, 0.0], 1_800, |tick, _| [1_000.0 + 10.0 * times * tick as f32, 5_000.0, 0.0])
    };
    assert_eq!(run(1.02), [], "the fastest clock");
    for (times, within) in [(1.05, 1_600), (1.1, 450), (1.5, 66), (2.0, 32), (10.0, 4)] {
        let found = run(times);
        assert!(found[0].0 <= within && found[0].1 == Refusal::Speed, "{times} times: {:?}", &found[0]);
        assert!(found.len() > (1_800 - within as usize) / 2, "{times} times: it goes on, {}", found.len());
    }
}

#[test]
fn leaps_are_teleports_also_after_silence() {
    let terrain = level(&[]);
    let leap = |at: u64, by: f32| {
        cheat(&terrain, [1_000.0, 5_000.0, 0.0], at, |tick, walker| {
            walker.point[0] += if tick == at { by } else { 0.0 };
            walker.point
        })
    };
    assert_eq!(leap(100, 500.0), [(100, Refusal::Teleport)]);
    assert_eq!(leap(100, 5_000.0), [(100, Refusal::Teleport)]);
    let (limits, mut validator) = (Limits::default(), Validator::new());
    validator.place(player(), [1_000.0, 5_000.0, 0.0], 0);
    let far = validator.check(&terrain, &limits, player(), [4_000.0, 5_000.0, 0.0], 60 * 20);
    assert_eq!(far.map_err(|violation| violation.why), Err(Refusal::Teleport), "it stood there for all others");
}

#[test]
fn a_character_that_stays_up_is_caught_within_a_second() {
    let terrain = level(&[]);
    // It jumps and stays; it rises steadily; it walks off a roof and goes on.
    let hover = cheat(&terrain, [1_000.0, 5_000.0, 0.0], 600, |tick, walker| {
        let [x, y, _] = walker.point;
        [x, y, (tick as f32 * 6.0).min(80.0)]
    });
    assert!(hover[0].0 < 60 && hover[0].1 == Refusal::Flight && hover.len() > 60, "{:?} {}", hover[0], hover.len());
    let rise = cheat(&terrain, [1_000.0, 5_000.0, 0.0], 600, |tick, walker| {
        let [x, y, _] = walker.point;
        [x, y, tick as f32 * 5.0]
    });
    assert!(rise[0].0 < 50 && rise[0].1 == Refusal::Flight && rise.len() > 60, "{:?} {}", rise[0], rise.len());
    let roof = level(&[([1_000.0, 4_000.0, 0.0], [2_000.0, 6_000.0, 600.0])]);
    let walks_on = cheat(&roof, [1_500.0, 5_000.0, 600.0], 300, |_, walker| [walker.point[0], 5_000.0, 600.0]);
    assert!((56..125).contains(&walks_on[0].0) && walks_on[0].1 == Refusal::Flight, "{:?}", walks_on[0]);
}

#[test]
fn walls_the_ground_water_and_forbidden_places_have_their_reasons() {
    let terrain = level(&[([3_000.0, 0.0, 0.0], [3_010.0, 9_000.0, 500.0])]);
    let straight = |from: [f32; 3], ticks, by: f32| {
        cheat(&terrain, from, ticks, |tick, _| [from[0] + by * tick as f32, from[1], from[2]])
    };
    let through = straight([2_900.0, 5_000.0, 0.0], 30, 10.0);
    assert!(through.len() <= 3 && through.iter().all(|(_, why)| *why == Refusal::Wall), "{through:?}");
    assert!(!through.is_empty());
    let sinks = cheat(&terrain, [1_000.0, 5_000.0, 0.0], 20, |tick, _| [1_000.0, 5_000.0, -5.0 * tick as f32]);
    assert_eq!(sinks[0], (7, Refusal::Ground));
    let runs = straight([11_000.0, 15_000.0, 100.0], 300, 10.0);
    assert!(runs[0].0 < 40 && runs.iter().all(|(_, why)| *why == Refusal::Water), "{:?}", runs[0]);
    let enters = straight([39_900.0, 15_000.0, 0.0], 30, 10.0);
    assert!(enters[0] == (10, Refusal::NoGo), "{enters:?}");
    let leaves = straight([10.0, 15_000.0, 0.0], 30, -10.0);
    assert_eq!(leaves[0], (5, Refusal::NoGo));
}

#[test]
fn what_the_server_or_the_game_does_to_a_character_is_no_violation() {
    let (terrain, limits, mut validator) = (level(&[]), Limits::default(), Validator::new());
    let check = |validator: &mut Validator, x: f32, z: f32, tick| {
        validator.check(&terrain, &limits, player(), [x, 5_000.0, z], tick).map_err(|violation| violation.why)
    };
    assert_eq!(check(&mut validator, 1_000.0, 0.0, 1), Ok(()));
    validator.place(player(), [9_000.0, 5_000.0, 0.0], 2);
    assert_eq!(check(&mut validator, 9_010.0, 0.0, 3), Ok(()), "a teleport by the server");
    assert_eq!(check(&mut validator, 1_010.0, 0.0, 4), Err(Refusal::Teleport), "back where it was");
    validator.allow_jump(player());
    assert_eq!(check(&mut validator, 7_000.0, 0.0, 5), Ok(()), "its client leaps");
    assert_eq!(check(&mut validator, 9_000.0, 0.0, 6), Err(Refusal::Teleport), "but once");
    validator.allow(player(), 700.0, 0.0);
    assert_eq!(check(&mut validator, 9_700.0, 0.0, 7), Ok(()), "it is knocked back");
    let other = PlayerId::of_number(player().number() + (1 << 16)).expect("a number of a player");
    assert_eq!(validator.point(other), None, "the next player in its slot begins anew");
}

/// The claims of a cheat, each with its tick; the violations that follow.
fn claimed(
    terrain: &Terrain,
    from: [f32; 3],
    claims: impl IntoIterator<Item = (u64, [f32; 3])>,
) -> Vec<(u64, Refusal)> {
    let (limits, mut validator) = (Limits::default(), Validator::new());
    validator.place(player(), from, 0);
    let check = |(tick, point)| Some((tick, validator.check(terrain, &limits, player(), point, tick).err()?.why));
    claims.into_iter().filter_map(check).collect()
}

/// A wall that is turned by 30 degrees: single floats lie on both sides of its surface.
fn oblique() -> Terrain {
    let mut plan = Plan::flat([25_600.0, 6_400.0], [1, 1, 1], [1, 1, 1]);
    let (sin, cos) = 30_f64.to_radians().sin_cos();
    let corner = |along: f64, aside: f64, z: f32| {
        [(12_000.0 + along * cos - aside * sin) as f32, (9_000.0 + along * sin + aside * cos) as f32, z]
    };
    let sides = [(-1_000.0, -200.0), (1_000.0, -200.0), (1_000.0, 200.0), (-1_000.0, 200.0)];
    for (at, &(along, aside)) in sides.iter().enumerate() {
        let (to_along, to_aside) = sides[(at + 1) % 4];
        let [a, b] = [0.0, 1_000.0].map(|z| corner(along, aside, z));
        let [d, c] = [0.0, 1_000.0].map(|z| corner(to_along, to_aside, z));
        plan.triangles.push(([a, b, c], 0));
        plan.triangles.push(([a, c, d], 0));
    }
    Terrain::of(&plan).expect("the plan is possible")
}

/// A line as short as a float can be does not meet a triangle, because its numbers are rounded.
#[test]
fn no_step_is_too_short_to_meet_a_wall() {
    let terrain = oblique();
    // The upper side of the wall: the last float above it and the first below it, at the same x and at the next ones.
    let (sin, cos) = 30_f64.to_radians().sin_cos();
    let mut missed = Vec::new();
    for number in 0..400 {
        let along = -950.0 + 4.75 * f64::from(number);
        let x = (12_000.0 + along * cos - 200.0 * sin) as f32;
        let surface = 9_000.0 + 200.0 / cos + (f64::from(x) - 12_000.0) * sin / cos;
        let mut y = surface as f32;
        while f64::from(y) >= surface - 0.001 {
            y = y.next_down();
        }
        for [right, up] in [[0, 2], [1, 4], [2, 4]] {
            let to = [(0..right).fold(x, |x, _| x.next_up()), (0..up).fold(y, |y, _| y.next_up()), 0.0];
            if claimed(&terrain, to, [(1, [x, y, 0.0])]) != [(1, Refusal::Wall)] {
                missed.push((to, [x, y]));
            }
        }
    }
    assert!(missed.is_empty(), "{} of 1,200, {:?}", missed.len(), missed[0]);
}

#[test]
fn going_up_and_down_in_the_air_gives_no_speed() {
    // High above a hole with steep sides, nothing is at rest.
    let terrain = level(&[]);
    let mut x = 1_000.0;
    let claims = (1..=40_u64).map(|tick| {
        x += 10.0 + 0.8 * tick as f32;
        (tick, [x, 5_000.0, 2_000.0 - if tick.is_multiple_of(2) { 80.0 } else { 0.0 }])
    });
    let found = claimed(&terrain, [1_000.0, 5_000.0, 2_000.0], claims);
    assert!(found.iter().any(|(_, why)| *why == Refusal::Speed), "{found:?}");
}

#[test]
fn claims_every_second_tick_do_not_fly() {
    let terrain = level(&[]);
    for by in [20.0, 45.0, 80.0] {
        let height = |number: u64| by * number as f32 + if number.is_multiple_of(2) { 40.0 } else { 0.0 };
        let claims = (1..=60).map(|number| (2 * number, [1_000.0 + 20.0 * number as f32, 5_000.0, height(number)]));
        let found = claimed(&terrain, [1_000.0, 5_000.0, 0.0], claims);
        assert!(found.len() > 20 && found[0].0 <= 60 && found[0].1 == Refusal::Flight, "by {by}: {found:?}");
    }
    let hover = (1..=100).map(|number| (2 * number, [1_000.0 + 10.0 * number as f32, 5_000.0, 120.0]));
    let found = claimed(&terrain, [1_000.0, 5_000.0, 0.0], hover);
    assert!(found.len() > 20 && found[0].1 == Refusal::Flight, "{found:?}");
}

#[test]
fn no_character_falls_or_dives_faster_than_it_can() {
    let terrain = level(&[]);
    let falls = |by: f32| {
        claimed(
            &terrain,
            [1_000.0, 5_000.0, 6_000.0],
            (1..=60).map(|tick| (tick, [1_000.0, 5_000.0, 6_000.0 - by * tick as f32])),
        )
    };
    assert_eq!(falls(83.0), [], "the fastest fall");
    assert!(falls(170.0).iter().any(|(_, why)| matches!(why, Refusal::Speed | Refusal::Teleport)));
    let drop = claimed(&terrain, [1_000.0, 5_000.0, 6_000.0], [(1, [1_000.0, 5_000.0, 0.0])]);
    assert!(drop == [(1, Refusal::Teleport)], "{drop:?}");
    let dives = (1..=40).map(|tick| (tick, [15_000.0, 15_000.0, 5.0 + if tick % 2 == 0 { 200.0 } else { 0.0 }]));
    let found = claimed(&terrain, [15_000.0, 15_000.0, 5.0], dives);
    assert!(found.iter().any(|(_, why)| matches!(why, Refusal::Water | Refusal::Teleport)), "{found:?}");
}
