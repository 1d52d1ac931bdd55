//! Queries against oracles that try every triangle.

#[path = "../dice/mod.rs"]
mod dice;
mod model;
mod rays;
