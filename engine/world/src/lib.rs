//! The replicated world: what a server and its clients must agree on (PROTOCOL.md#world-messages).
//!
//! | module | for | may use |
//! |---|---|---|
//! | [`codec`] | numbers in messages, checked | |
//! | [`limits`] | bounds of a world | |
//! | [`map`] | positions, in steps | [`limits`] |
//! | [`entity`] | names, kinds, states and buffs | |
//! | [`state`] | the replicated state of an entity, and differences of states | [`codec`], [`entity`], [`map`] |
//! | [`messages`] | snapshots, inputs, welcomes | [`state`] and those below |
//! | [`received`] | which snapshots a client acknowledges | [`messages`] |
//! | [`view`] | what a client sees of the world | all of them |
//!
//! It does no I/O and reads no clock. The server's simulation and the client's view both use it.

#![forbid(unsafe_code)]

pub mod codec;
pub mod entity;
pub mod limits;
pub mod map;
pub mod messages;
pub mod received;
pub mod state;
pub mod view;

pub use entity::{EntityId, EntityKind};
pub use map::{Map, Position};
pub use received::Received;
pub use state::State;
pub use view::View;
