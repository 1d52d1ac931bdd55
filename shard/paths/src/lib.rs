//! Paths over the ground of a map.
//!
//! | module | for |
//! |---|---|
//! | [`bake`] | makes the navigation mesh of a terrain, for its map file |

#![forbid(unsafe_code)]

pub mod bake;
mod surface;

#[cfg(test)]
mod tests;

pub use bake::{MeshError, MeshSettings, bake_mesh};
