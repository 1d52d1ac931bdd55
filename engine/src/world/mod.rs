//! The world as it is replicated: what both ends must agree on.
//!
//! | module | for |
//! |---|---|
//! | [`map`] | places, counted in steps |
//! | [`entity`] | names, kinds and flags |
//!
//! The server's simulation and the client's view stand on this; it knows neither.

pub mod entity;
pub mod map;

pub use entity::{EntityId, EntityKind};
pub use map::{Map, Position};
