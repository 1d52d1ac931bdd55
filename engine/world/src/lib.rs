//! The world as it is replicated: what both ends must agree on.
//!
//! | module | for |
//! |---|---|
//! | [`codec`] | numbers, bits and strings in messages, checked |
//! | [`limits`] | bounds of a world |
//! | [`map`] | places, counted in steps |
//! | [`entity`] | names, kinds and flags |
//! | [`state`] | what is replicated of an entity, and differences of it |
//! | [`snapshot`] | what goes over the wire, both ways |
//! | [`received`] | which snapshots a client acknowledges |
//! | [`view`] | what a client knows |
//!
//! The server's simulation and the client's view stand on this; it knows neither.

#![forbid(unsafe_code)]

pub mod codec;
pub mod entity;
pub mod limits;
pub mod map;
pub mod received;
pub mod snapshot;
pub mod state;
pub mod view;

pub use entity::{EntityId, EntityKind};
pub use map::{Map, Position};
pub use received::Received;
pub use state::State;
pub use view::View;
