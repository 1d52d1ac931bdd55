//! The nodes of the simulated network: they drive the engine.

pub mod addresses;
pub mod link;
pub mod player;
pub mod server;
