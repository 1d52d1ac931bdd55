//! The replicated world: what a server and its clients must agree on (PROTOCOL.md#world-messages).
//!
//! | module | for | may use |
//! |---|---|---|
//! | [`codec`] | numbers in messages, checked | |
//! | [`limits`] | bounds of a world | |
//! | [`map`] | positions, in steps | [`limits`] |
//! | [`pose`] | where something is and looks, as a game calculates with it | |
//! | [`turn`] | directions from angles, the same on every machine | |
//! | [`entity`] | names of entities | |
//! | [`contract`] | [`Rules`]: the types of a game, and the step that both ends run | those above |
//! | [`refusal`] | why a server refuses what a client says or asks | [`contract`] |
//! | [`actions`] | actions of players: cooldowns, costs, casts | [`contract`], [`refusal`] |
//! | [`claim`] | where a client says that its character is, in games whose clients move it | [`contract`], [`pose`] |
//! | [`character`] | ready-made types for games of characters | [`contract`] |
//! | [`state`] | the replicated state of an entity, and differences of states | [`contract`] and those above |
//! | [`messages`] | snapshots, inputs, entering, asks and events | [`state`] and those above |
//! | [`received`] | which snapshots a client acknowledges | |
//! | [`view`] | what a client sees of the world | those above |
//! | [`interpolation`] | others between two snapshots | [`view`] and those above |
//! | [`prediction`] | the own state ahead of the server | [`contract`], [`messages`] |
//! | [`clock`] | when inputs are due, and which tick is shown | [`interpolation`], [`messages`] |
//!
//! It does no I/O and reads no clock. The server's simulation and the client's view both use it.

#![forbid(unsafe_code)]

pub mod actions;
pub mod character;
pub mod claim;
pub mod clock;
pub mod codec;
pub mod contract;
pub mod entity;
pub mod interpolation;
pub mod limits;
pub mod map;
pub mod messages;
pub mod pose;
pub mod prediction;
pub mod received;
pub mod refusal;
pub mod state;
pub mod turn;
pub mod view;

pub use contract::{Fields, Rules, Wire};
pub use entity::EntityId;
pub use map::{Map, Position};
pub use pose::Pose;
pub use received::Received;
pub use refusal::Refusal;
pub use state::State;
pub use view::View;
