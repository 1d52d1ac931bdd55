//! Interest queries: the nearest entities to a point, and how that set changes from query to query.
//!
//! | module | for |
//! |---|---|
//! | `grid` | the positions of all entities, and the nearest to a point |
//! | `difference` | which entities enter a set, and which leave it |
//! | `boxes` | packets of entities and their bounding boxes, compared sixteen at a time |
//! | `keyed` | lists of numbers that are ordered by a key |
//! | `scratch` | working memory of queries, and counters |
//! | `z_order` | sorting entities along a Z-curve |
//!
//! Each tick rebuilds the grid once; any number of viewers then query it. Neither allocates. Nothing here knows clients,
//! states or the exchange.

mod boxes;
mod difference;
mod grid;
mod keyed;
mod scratch;
pub(in crate::world) mod z_order;

pub use difference::Difference;
pub use grid::{CANDIDATES_MAX, CLASSES, Grid, LOOKS_MAX, Query, RADIUS_STEPS_MAX, Reach, Sight, WEIGHT_LOG2_MAX};
pub use scratch::{COUNT_MAX, Counters, Scratch};
