//! Who sees whom: the entities that matter most to a viewer, and what that changes for it.
//!
//! | module | for |
//! |---|---|
//! | [`grid`] | where everybody is, and the nearest to a place |
//! | [`difference`] | who comes into sight, and who leaves it |
//!
//! A tick rebuilds the grid once; any number of viewers then ask it. Neither allocates.

mod boxes;
pub mod difference;
pub mod grid;
mod order;

pub use difference::Difference;
pub use grid::{Grid, Query, Reach, Scratch, Sight};
