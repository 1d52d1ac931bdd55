//! How a character moves in one tick. Servers and clients run the same code, and get the same bits: it only adds, multiplies,
//! divides, compares and takes square roots of 32-bit floats, which give the same result on every machine.

mod tuning;
mod types;

pub use tuning::Tuning;
pub use types::{Gait, Steering, Walker, keys};

use crate::Terrain;

/// Advances a character by one tick.
pub fn step(_terrain: &Terrain, _tuning: &Tuning, _walker: &mut Walker, _steering: &Steering) {
    unimplemented!()
}
