//! The geometry of a world, and how a character moves in it. Servers and clients hold the same map, and run the same step.
//!
//! | module | for | may use |
//! |---|---|---|
//! | [`mod@file`] | the bytes of a map file: reading with checks, and writing | |
//! | [`terrain`] | [`Terrain`]: the ground, walls, water and places of a map | [`mod@file`] |
//! | `vector` | vectors | |
//! | `collision` | boxes that move among triangles | [`terrain`], `vector` |
//! | [`movement`] | the step of a character | [`terrain`] |
//! | [`queries`] | rays, lines of sight, shapes | [`terrain`], [`movement`] |
//!
//! It does no I/O: the caller reads a file, or maps it into memory, and gives the bytes to [`Terrain::read`].
//!
//! Lengths are in units of the map, from its corner; z goes upwards.

#![forbid(unsafe_code)]

mod collision;
pub mod file;
pub mod movement;
pub mod queries;
pub mod terrain;
#[cfg(test)]
mod tests;
mod vector;

pub use file::{MapFileError, Plan};
pub use queries::{Impact, Ray, Surface};
pub use terrain::Terrain;
