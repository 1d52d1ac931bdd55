//! The step, and the sizes of what is sent.

use super::*;
use ringshard_world::contract::Wire;
use ringshard_world::limits::EVENT_BYTES_MAX;
use std::f32::consts::TAU;

const EAST: u16 = 0;
const NORTH: u16 = 1 << 14;
const WEST: u16 = 1 << 15;

fn walking(direction: u16) -> Input {
    Input { direction, pace: 255, actions: 0 }
}

fn shooting() -> Input {
    Input { actions: actions::SHOOT, ..Input::default() }
}

/// Steps a player so often.
fn steps(own: &mut Own, input: &Input, ticks: u32) {
    (0..ticks).for_each(|_| DemoRules::default().step(own, input));
}

#[test]
fn a_direction_is_that_of_sine_and_cosine() {
    for turn in 0..=u16::MAX {
        let angle = f64::from(turn) / 65_536.0 * f64::from(TAU);
        let [x, y] = turn::direction(turn);
        assert!((f64::from(x) - angle.cos()).abs() < 1e-6 && (f64::from(y) - angle.sin()).abs() < 1e-6, "{turn}");
    }
    assert_eq!(turn::direction(EAST), [1.0, 0.0]);
    assert_eq!(turn::direction(NORTH), [0.0, 1.0]);
    assert_eq!(turn::direction(WEST), [-1.0, 0.0]);
}

/// The numbers were calculated once. On a machine where this fails, prediction and the server disagree.
#[test]
fn a_walk_ends_at_the_same_bits_on_every_machine() {
    let mut own = Own::at([400_000.0, 400_000.0]);
    let mut turn = 0_u16;
    for tick in 0..1_000_u32 {
        turn = turn.wrapping_add(7_919);
        let input = Input { direction: turn, pace: (tick % 256) as u8, actions: actions::SHOOT };
        DemoRules::default().step(&mut own, &input);
    }
    let bits = [own.point[0], own.point[1], own.velocity[0], own.velocity[1]].map(f32::to_bits);
    assert_eq!(bits, [1_220_758_776, 1_220_758_132, 1_133_077_060, 3_286_924_121], "{own:?}");
}

#[test]
fn a_second_of_walking_covers_the_highest_speed() {
    let mut own = Own::at([1_000.0, 1_000.0]);
    steps(&mut own, &walking(EAST), TICKS_PER_SECOND);
    assert!((own.point[0] - 1_600.0).abs() < 0.1, "{own:?}");
    assert_eq!((own.point[1], own.direction), (1_000.0, EAST));
    let mut slow = Own { slowed: true, ..Own::at([1_000.0, 1_000.0]) };
    steps(&mut slow, &walking(NORTH), TICKS_PER_SECOND);
    assert!((slow.point[1] - 1_300.0).abs() < 0.1, "{slow:?}");
}

#[test]
fn a_player_stays_on_the_map() {
    let rules = DemoRules { size: [500.0, 300.0] };
    let mut own = Own::at([250.0, 150.0]);
    for (direction, end) in [(EAST, [500.0, 150.0]), (NORTH, [500.0, 300.0]), (WEST, [0.0, 300.0])] {
        for _ in 0..2 * TICKS_PER_SECOND {
            rules.step(&mut own, &walking(direction));
            assert!((0.0..=500.0).contains(&own.point[0]) && (0.0..=300.0).contains(&own.point[1]), "{own:?}");
        }
        assert_eq!(own.point, end);
    }
    steps(&mut own, &walking(WEST | NORTH), 2 * TICKS_PER_SECOND);
    assert_eq!(own.point, [0.0, 0.0], "{own:?}");
}

#[test]
fn who_is_frozen_stands_and_shoots_and_who_is_stunned_does_neither() {
    let begin = Own { direction: WEST, ..Own::at([1_000.0, 1_000.0]) };
    let input = Input { actions: actions::SHOOT, ..walking(NORTH) };
    let mut frozen = Own { frozen: true, ..begin };
    steps(&mut frozen, &input, 1);
    assert_eq!((frozen.point, frozen.direction, frozen.has_shot()), (begin.point, WEST, true));
    let mut stunned = Own { stunned: true, ..begin };
    steps(&mut stunned, &input, 1);
    assert_eq!((stunned.point, stunned.direction, stunned.has_shot()), (begin.point, WEST, false));
}

#[test]
fn a_shot_is_followed_by_the_next_after_the_cooldown() {
    let mut own = Own::at([1_000.0, 1_000.0]);
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
    let mut own = Own::at([1_000.0, 1_000.0]);
    steps(&mut own, &shooting(), 1);
    own.shot.end();
    steps(&mut own, &shooting(), 1);
    assert!(own.has_shot());
}

#[test]
fn a_neutral_input_stands() {
    let mut own = Own::at([1_000.0, 1_000.0]);
    steps(&mut own, &walking(WEST), 10);
    let stopped_at = own.point;
    steps(&mut own, &Input::default(), 10);
    assert_eq!((own.point, own.velocity, own.direction), (stopped_at, [0.0; 2], WEST));
    assert_eq!(DemoRules::default().pose(&own).rotation, [WEST, 0, 0], "it keeps facing where it went");
}

#[test]
fn the_longest_text_fits_an_event() {
    const { assert!(<Event as Wire>::BYTES_MAX <= EVENT_BYTES_MAX) };
    let _ = DemoRules::default().schema();
}
