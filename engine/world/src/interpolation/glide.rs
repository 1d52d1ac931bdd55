//! The way from one known pose to the next, and beyond the last.

use super::Mode;
use crate::contract::Fields;
use crate::limits::TICKS_PER_SECOND;
use crate::map::Map;
use crate::pose::Pose;
use crate::view::Sample;
use ringshard_protocol::time::Duration;

/// A glide takes at most so many ticks: an entity without news for longer has stood still.
const GLIDE_TICKS_MAX: u64 = 15;

/// The pose at `tick`, which lies after the last tick of `from` and not after the first tick of `to`.
pub(super) fn glided<S: Fields>(from: &Sample<S>, to: &Sample<S>, tick: f64, map: &Map, mode: Mode) -> Pose {
    let start = from.tick.max(to.since.saturating_sub(GLIDE_TICKS_MAX));
    let (a, b) = (from.state.pose(map), to.state.pose(map));
    if a.leap != b.leap || to.since <= start || tick <= start as f64 {
        return a;
    }
    let ticks = (to.since - start) as f64;
    let share = ((tick - start as f64) / ticks).min(1.0) as f32;
    let seconds = (ticks / f64::from(TICKS_PER_SECOND)) as f32;
    let mut pose = pose_between(&a, &b, share);
    if mode == Mode::Hermite && fits(&a, &b, seconds, map.step()) {
        pose.point = std::array::from_fn(|axis| hermite(&a, &b, axis, share, seconds));
    }
    pose
}

/// The pose on the straight line from `a` (share 0) to `b` (share 1); `b` if it leaps there.
pub fn pose_between(a: &Pose, b: &Pose, share: f32) -> Pose {
    if a.leap != b.leap {
        return *b;
    }
    Pose {
        point: between(a.point, b.point, share),
        velocity: between(a.velocity, b.velocity, share),
        rotation: std::array::from_fn(|axis| turned(a.rotation[axis], b.rotation[axis], share)),
        leap: a.leap,
    }
}

/// The pose at `tick`, which lies after all that is known.
pub(super) fn extrapolated<S: Fields>(last: &Sample<S>, tick: f64, map: &Map, most: Duration) -> Pose {
    let mut pose = last.state.pose(map);
    // A state that was the same in several snapshots moves nowhere, whatever its velocity says.
    if last.since == last.tick {
        let past = (tick - last.tick as f64) / f64::from(TICKS_PER_SECOND);
        let seconds = past.min(most.as_secs_f64()) as f32;
        pose.point = std::array::from_fn(|axis| pose.point[axis] + pose.velocity[axis] * seconds);
    }
    pose
}

fn between(a: [f32; 3], b: [f32; 3], share: f32) -> [f32; 3] {
    std::array::from_fn(|axis| a[axis] + (b[axis] - a[axis]) * share)
}

/// A part of the shorter turn.
fn turned(a: u16, b: u16, share: f32) -> u16 {
    let turn = f32::from(b.wrapping_sub(a) as i16) * share;
    a.wrapping_add_signed(turn.round() as i16)
}

/// Whether the velocities lead about to where the way leads. Games may leave velocities out, or stop at walls.
fn fits(a: &Pose, b: &Pose, seconds: f32, step: f32) -> bool {
    let (mut miss, mut way) = (0.0, 0.0);
    for axis in 0..3 {
        let moved = b.point[axis] - a.point[axis];
        let expected = (a.velocity[axis] + b.velocity[axis]) / 2.0 * seconds;
        miss += (moved - expected).powi(2);
        way += moved.powi(2);
    }
    miss.sqrt() <= way.sqrt() / 2.0 + 2.0 * step
}

/// A cubic Hermite curve.
fn hermite(a: &Pose, b: &Pose, axis: usize, share: f32, seconds: f32) -> f32 {
    let (square, cube) = (share * share, share * share * share);
    let (from, way) = (a.point[axis], b.point[axis] - a.point[axis]);
    let (out, into) = (a.velocity[axis] * seconds, b.velocity[axis] * seconds);
    // The points enter as a difference, so that large coordinates lose no digits.
    from + way * (3.0 * square - 2.0 * cube) + out * (cube - 2.0 * square + share) + into * (cube - square)
}
