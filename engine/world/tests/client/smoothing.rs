//! Corrections of the own pose fade.

use ringshard_world::Pose;
use ringshard_world::prediction::{Smoother, Smoothing};
use std::time::Duration;

const SETTINGS: Smoothing = Smoothing { time: Duration::from_millis(100), snap: 50.0, between_ticks: false };

fn pose(x: f32, yaw: u16, leap: u8) -> Pose {
    Pose { rotation: [yaw, 0, 0], leap, ..Pose::at([x, 0.0, 0.0]) }
}

#[test]
fn the_shown_pose_does_not_jump_and_comes_to_the_true_one() {
    let mut smoother = Smoother::default();
    // Yaw crosses the turn's end.
    let (before, after) = (pose(10.0, 65_000, 0), pose(14.0, 100, 0));
    assert_eq!(smoother.corrected(&before, &after, &SETTINGS), 4.0);
    assert_eq!(smoother.shown(after), before);
    smoother.fade(Duration::from_millis(100), &SETTINGS);
    let shown = smoother.shown(after);
    assert!((shown.point[0] - (14.0 - 4.0 * 0.368)).abs() < 0.01, "{shown:?}");
    assert!((i32::from(shown.rotation[0].wrapping_sub(100) as i16) + 234).abs() < 3, "{shown:?}");
    // It fades the same in many small steps.
    (0..100).for_each(|_| smoother.fade(Duration::from_millis(10), &SETTINGS));
    assert!((smoother.shown(after).point[0] - 14.0).abs() < 0.001);
    assert_eq!(smoother.shown(after).rotation, after.rotation);
}

#[test]
fn corrections_add_up_and_snap_beyond_the_bound() {
    let mut smoother = Smoother::default();
    smoother.corrected(&pose(0.0, 0, 0), &pose(30.0, 0, 0), &SETTINGS);
    smoother.corrected(&pose(30.0, 0, 0), &pose(15.0, 0, 0), &SETTINGS);
    assert_eq!(smoother.shown(pose(15.0, 0, 0)).point[0], 0.0);
    smoother.corrected(&pose(15.0, 0, 0), &pose(60.0, 0, 0), &SETTINGS);
    assert_eq!(smoother.shown(pose(60.0, 0, 0)), pose(60.0, 0, 0), "too far to glide");
    assert!(smoother.corrected(&pose(0.0, 0, 0), &pose(f32::NAN, 0, 0), &SETTINGS).is_nan());
    assert_eq!(smoother.shown(pose(1.0, 0, 0)), pose(1.0, 0, 0));
}

#[test]
fn a_leap_does_not_glide_and_neither_does_a_game_that_wants_none() {
    let mut smoother = Smoother::default();
    smoother.corrected(&pose(0.0, 0, 0), &pose(10.0, 0, 1), &SETTINGS);
    assert_eq!(smoother.shown(pose(10.0, 0, 1)), pose(10.0, 0, 1));
    let none = Smoothing { time: Duration::ZERO, ..SETTINGS };
    smoother.corrected(&pose(0.0, 0, 0), &pose(10.0, 0, 0), &none);
    assert_eq!(smoother.shown(pose(10.0, 0, 0)), pose(10.0, 0, 0));
}
