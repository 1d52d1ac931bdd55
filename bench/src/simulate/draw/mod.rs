//! What is drawn from the seed of a run.

pub mod path_state;
pub mod plan;
pub mod traffic;
