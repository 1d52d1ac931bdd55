//! World shards: one pinned thread per core, each with its socket, its connections and its part of the world.
//!
//! | module | for | may use |
//! |---|---|---|
//! | [`runtime`] | the cores: turning, starting, stopping, requests to them | |
//! | [`world`] | entities, interest, replication, the exchange between cores | [`runtime`] |
//! | [`game`] | the trait that a game implements, and the simulation that runs it | [`world`], [`runtime`] |
//! | [`config`] | settings, from their sources to validated values | [`game`], [`world`], [`runtime`] |
//! | [`ops`] | reports, the admin port, captures, the supervisor | [`config`], [`runtime`] |

#![forbid(unsafe_code)]

pub mod config;
pub mod game;
pub mod ops;
pub mod runtime;
pub mod world;
