//! World shards: one pinned thread per core, each with its socket, its connections and its part of the world.
//!
//! | module | for | may use |
//! |---|---|---|
//! | [`runtime`] | the cores: turning, starting, stopping, requests to them | |
//! | [`world`] | entities, interest, replication, the exchange between cores | [`runtime`] |
//! | [`game`] | the trait that a game implements, and the simulation that runs it | [`world`], [`runtime`] |
//! | [`config`] | settings, from their sources to validated values | [`game`], [`world`], [`runtime`] |
//! | [`ops`] | reports, the admin port, captures, the supervisor | [`config`], [`runtime`] |
//! | [`mod@serve`] | serving a game of one's own, in a program of a few lines | all of them |
//!
//! The feature `ops`, which is on by default, has the admin port with its dashboard and metrics, captures, and the doctor.
//! Without it, a server still has its settings, log, signals, reload, drain, watchdog and panic reports, and the crate needs
//! far fewer others.

#![deny(unsafe_code)]

pub mod config;
pub mod game;
pub mod ops;
pub mod runtime;
pub mod serve;
pub mod world;

pub use runtime::jobs::no_jobs;
pub use serve::{serve, serve_with};
pub use world::map_file::open_map;
