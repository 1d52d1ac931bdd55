//! How a character moves in one tick. Servers and clients run the same code, and get the same bits: it only adds, multiplies,
//! divides, compares and takes square roots of 32-bit floats, which give the same result on every machine.
//!
//! | module | for |
//! |---|---|
//! | [`Steering`], [`Walker`], [`Gait`] | what goes in, and the state |
//! | [`Tuning`] | the body of a character, and what it can do |
//! | `steer` | the velocity that a character wants, and gets |
//! | `mover` | the way of a tick, among triangles and over the ground |
//!
//! # The body
//! A character is an upright box that does not turn. The box collides with the triangles of the static geometry, continuously:
//! at no speed does it pass through one. It keeps [`SKIN`] units away from them. The ground of the height field carries the
//! point in the middle of its feet: on a slope, the lower edges of the box reach into the ground on the upper side.
//!
//! # Slopes
//! Up to [`Tuning::slope_limit`] it stands, walks and jumps. It slides down what is steeper, and what is steeper is a wall for
//! a character that goes at it: no collision makes a character rise, except that it walks up what it can stand on, and climbs
//! steps up to [`Tuning::step_height`].

mod mover;
mod steer;
mod tuning;
mod types;

pub use mover::SKIN;
pub use tuning::Tuning;
pub use types::{Gait, Steering, Walker, keys};

use crate::Terrain;
use mover::{Mover, surroundings};

/// No character goes faster, in units per second along each axis, whatever velocity a game gives it.
pub const SPEED_MAX: f32 = 20_000.0;

/// Advances a character by one tick.
///
/// A velocity that is no number counts as 0. A character outside the map is taken to its edge.
#[inline]
pub fn step(terrain: &Terrain, tuning: &Tuning, walker: &mut Walker, steering: &Steering) {
    walker.yaw = steering.yaw;
    // A number that is none is not greater than itself or less: max and min take the other side.
    walker.velocity = walker.velocity.map(|axis| if axis.is_nan() { 0.0 } else { axis.clamp(-SPEED_MAX, SPEED_MAX) });
    let depth = terrain.water_surface(walker.point).map_or(0.0, |surface| surface - walker.point[2]);
    let (gait, velocity) = steer::steer(tuning, walker, steering, depth);
    let nearby = surroundings(terrain, tuning, walker.point, velocity);
    let mut mover = Mover::new(terrain, tuning, &nearby, walker.point, velocity, gait);
    mover.go();
    (walker.point, walker.velocity, walker.gait) = (mover.point, mover.velocity, mover.gait as u8);
}
