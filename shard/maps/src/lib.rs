//! Maps: from the files of a studio to a map file.
//!
//! | module | for | may use |
//! |---|---|---|
//! | [`source`] | the description of a map, a TOML file, and the files that it names | |
//! | [`heightmap`] | the picture of the ground | [`source`] |
//! | [`models`] | the static geometry, from glTF | [`source`] |
//! | [`spawns`] | places where characters enter, checked against the ground and the geometry | [`source`] |
//! | [`mod@bake`] | all of it, to a [`Plan`](ringshard_terrain::Plan) | the modules above |
//! | [`mod@draw`] | a picture of a map from above | |
//! | [`mod@sample`] | a map from a seed, as sources and as a terrain | [`mod@bake`], [`source`] |
//!
//! Everything is computed with additions, multiplications, divisions and square roots, except the turn of a model by an angle
//! that is no multiple of 90 degrees. So the same sources give the same map file on every machine.

#![forbid(unsafe_code)]

pub mod bake;
pub mod draw;
pub mod heightmap;
pub mod models;
pub mod sample;
pub mod source;
pub mod spawns;

pub use bake::{Baked, Report, Stage, bake};
pub use draw::{Picture, draw};
pub use sample::{sample_sources, sample_terrain};
pub use source::{Source, SourceError};
