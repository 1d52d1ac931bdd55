//! Services beside the game: who a player is, requests with answers, and bulk data. They run on threads of their own, never
//! on a core's.
#![forbid(unsafe_code)]

pub mod accounts;
pub mod actions;
mod counters;
pub mod directions;
pub mod hub;
pub mod login;
pub mod places;
pub mod port;
pub mod resources;
mod serve;
pub mod start;
pub mod suggestions;
pub mod tickets;
pub mod tiles;

pub use ringshard::game::AccountId;
pub use serve::{beside, serve, serve_with};
pub use start::{Providers, ServerIdentity, Services, StartError};

/// Compiles the examples of README.md.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
