//! World shards: one pinned thread per core, each with its socket, its connections and its histograms.
//!
//! | module | for |
//! |---|---|
//! | [`core`] | [`core::Core::turn`]: what a core does, for ever |
//! | [`service`] | what is served: the trait, and the echo |
//! | [`idle`] | how a core waits |
//! | [`mesh`] | the rings between cores |
//! | [`stages`] | a core's latency histograms, and how they leave it |
//! | [`datapath`] | which link is used, and why |
//! | [`server`] | starting and stopping all cores |
//! | [`report`] | what a running server says of itself |
//! | [`admin`] | who answers with it |
//! | [`keys`] | key files |

#![forbid(unsafe_code)]

pub mod admin;
pub mod core;
pub mod datapath;
pub mod idle;
pub mod keys;
pub mod mesh;
pub mod report;
pub mod server;
pub mod service;
pub mod stages;
