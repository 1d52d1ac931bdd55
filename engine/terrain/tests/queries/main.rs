//! Queries against oracles that try every triangle.

mod model;
mod rays;
