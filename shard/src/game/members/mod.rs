//! The players of a core, from their first request to enter until their session ends.
//!
//! | module | for |
//! |---|---|
//! | [`member`] | one player: presence, own state, inputs, view |
//! | [`input_buffer`] | inputs that wait for their ticks |
//! | [`input_budget`] | how many input messages a client may send |
//! | [`backlog`] | reliable messages that wait for a suspended client |
//! | [`introductions_budget`] | how many introductions a player may send |
//! | [`services_budget`] | how much a player may send to services |
//! | [`table`] | all players: by connection, session and body, and the slice in which each is served |

pub(crate) mod backlog;
pub(crate) mod input_budget;
pub mod input_buffer;
pub(crate) mod introductions_budget;
pub(crate) mod member;
pub(crate) mod services_budget;
pub(crate) mod table;

pub(crate) use member::{Member, Presence};
pub(crate) use table::{Members, SLICES};
