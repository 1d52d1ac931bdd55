//! The step, and the sizes of what is sent.

use super::*;
use ringshard_terrain::Plan;
use ringshard_terrain::movement::Gait;
use ringshard_world::contract::{Fields, Wire, write_difference};
use ringshard_world::limits::{EVENT_BYTES_MAX, TICKS_PER_SECOND};

const EAST: u16 = 0;
const NORTH: u16 = 1 << 14;
const WEST: u16 = 1 << 15;
const HERE: [f32; 3] = [1_000.0, 1_000.0, 0.0];

fn shooting() -> Input {
    Input { actions: actions::SHOOT, ..Input::default() }
}

/// Steps a player so often.
fn steps(own: &mut Own, input: &Input, ticks: u32) {
    let rules = DemoRules::default();
    (0..ticks).for_each(|_| rules.step(own, input));
}

/// The numbers were calculated once. On a machine where this fails, prediction and the server disagree.
#[test]
fn a_run_ends_at_the_same_bits_on_every_machine() {
    let rules = DemoRules::default();
    let mut own = Own::at([400_000.0, 400_000.0, 0.0]);
    let mut turn = 0_u16;
    for tick in 0..1_000_u32 {
        turn = turn.wrapping_add(7_919);
        let keys = if tick % 90 == 0 { keys::RUN | keys::JUMP } else { keys::RUN };
        let (forward, left) = (tick as i8, (tick / 3) as i8);
        rules.step(&mut own, &Input { forward, left, yaw: turn, keys, actions: actions::SHOOT });
    }
    let bits = [own.point[0], own.point[1], own.height, own.velocity[0], own.velocity[1], own.rise].map(f32::to_bits);
    let expected = [1_220_773_957, 1_220_759_287, 1_113_689_657, 1_121_725_658, 3_257_736_669, 1_132_751_528];
    assert_eq!(bits, expected, "{own:?}");
}

#[test]
fn a_second_of_running_covers_the_highest_speed() {
    let mut own = Own::at(HERE);
    steps(&mut own, &Input::running(EAST), 30);
    let begin = own.point[0];
    steps(&mut own, &Input::running(EAST), TICKS_PER_SECOND);
    assert!((own.point[0] - begin - 600.0).abs() < 0.1, "{own:?}");
    assert_eq!((own.point[1], own.yaw), (1_000.0, EAST));
    let mut slow = Own { slowed: true, ..Own::at(HERE) };
    steps(&mut slow, &Input::running(NORTH), TICKS_PER_SECOND);
    assert!((280.0..=300.0).contains(&(slow.point[1] - 1_000.0)), "{slow:?}");
}

#[test]
fn a_player_jumps_over_a_low_wall_and_not_through_a_high_one() {
    let mut plan = Plan::flat([25_600.0, 6_400.0], [1, 1, 1], [1, 1, 1]);
    plan.add_box([1_500.0, 500.0, 0.0], [1_550.0, 1_500.0, 70.0]);
    plan.add_box([3_000.0, 500.0, 0.0], [3_050.0, 1_500.0, 300.0]);
    let rules = DemoRules::on(Arc::new(Terrain::of(&plan).unwrap()));
    assert!(rules.level() != DemoRules::default().level(), "maps have different levels");
    let mut own = Own::at(HERE);
    let (mut highest, mut jumped) = (0.0_f32, false);
    for _ in 0..10 * TICKS_PER_SECOND {
        let near = (1_380.0..1_420.0).contains(&own.point[0]) || own.point[0] > 2_900.0;
        let keys = if near { keys::RUN | keys::JUMP } else { keys::RUN };
        rules.step(&mut own, &Input { keys, ..Input::running(EAST) });
        highest = highest.max(own.height);
        jumped |= own.walker().gait() == Gait::Air;
    }
    assert!(jumped && highest > 70.0, "{highest}");
    assert!((2_900.0..3_000.0).contains(&own.point[0]), "{own:?}");
}

/// Otherwise a world without hills would cost each player more bytes than before.
#[test]
fn on_level_ground_only_the_flat_half_of_a_player_is_sent() {
    let mut own = Own::at(HERE);
    steps(&mut own, &Input::running(NORTH), 60);
    let base = own;
    steps(&mut own, &Input::running(NORTH + 99), 1);
    let mut bytes = [0; <Own as Fields>::BYTES_MAX];
    let mut writer = ringshard_world::codec::Writer::new(&mut bytes);
    write_difference(&own, &base, &mut writer).unwrap();
    assert_eq!(writer.used(), 1 + 8 + 8 + 2, "point, velocity and yaw");
}

#[test]
fn who_is_frozen_stands_and_shoots_and_who_is_stunned_does_neither() {
    let begin = Own { yaw: WEST, ..Own::at(HERE) };
    let input = Input { actions: actions::SHOOT, ..Input::running(NORTH) };
    let mut frozen = Own { frozen: true, ..begin };
    steps(&mut frozen, &input, 1);
    assert_eq!((frozen.point, frozen.yaw, frozen.has_shot()), (begin.point, WEST, true));
    let mut stunned = Own { stunned: true, ..begin };
    steps(&mut stunned, &input, 1);
    assert_eq!((stunned.point, stunned.yaw, stunned.has_shot()), (begin.point, WEST, false));
    let mut falling = Own { stunned: true, height: 500.0, gait: Gait::Air as u8, ..begin };
    steps(&mut falling, &input, 20);
    assert!(falling.height < 500.0, "nothing holds it: {falling:?}");
}

#[test]
fn a_shot_is_followed_by_the_next_after_the_cooldown() {
    let mut own = Own::at(HERE);
    let mut shots = Vec::new();
    for tick in 0..100 {
        steps(&mut own, &shooting(), 1);
        if own.has_shot() {
            shots.push(tick);
        }
    }
    assert_eq!(shots, [0, 30, 60, 90]);
}

#[test]
fn a_refused_shot_can_be_repeated_in_the_next_tick() {
    let mut own = Own::at(HERE);
    steps(&mut own, &shooting(), 1);
    own.shot.end();
    steps(&mut own, &shooting(), 1);
    assert!(own.has_shot());
}

#[test]
fn a_neutral_input_stands() {
    let mut own = Own::at(HERE);
    steps(&mut own, &Input::running(WEST), 30);
    steps(&mut own, &Input::default(), 10);
    let stopped_at = own.point;
    steps(&mut own, &Input::default(), 10);
    assert_eq!((own.point, own.velocity, own.yaw), (stopped_at, [0.0; 2], WEST));
    assert_eq!(DemoRules::default().pose(&own).rotation, [WEST, 0, 0], "it keeps facing where it went");
}

#[test]
fn the_longest_text_fits_an_event() {
    const { assert!(<Event as Wire>::BYTES_MAX <= EVENT_BYTES_MAX) };
    let _ = DemoRules::default().schema();
}
