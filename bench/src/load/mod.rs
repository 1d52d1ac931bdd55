//! The load generator: client threads, and what they measure.

pub mod fleet;
pub mod generator;
pub mod health;
pub mod peer;
pub mod peer_table;
pub mod run;
pub mod timer_wheel;
