//! The cores of a server: one pinned thread each, with its socket, its connections and its histograms.
//!
//! | module | for |
//! |---|---|
//! | [`server`] | starting and stopping all cores |
//! | [`core`] | [`core::Core::turn`]: what a core does, for ever |
//! | [`tick`] | how often a core steps what it serves |
//! | [`service`] | what a core serves: the trait, and the echo |
//! | [`idle`] | how a core waits |
//! | [`mesh`] | the rings between cores, for datagrams that came to the wrong one |
//! | [`datapath`] | which link is used, and why |
//! | [`control`] | requests to the cores of a running server |
//! | [`stages`], [`tick_log`] | what a core measures of itself |
//! | [`core_report`], [`status`] | what a core, and a server, report of themselves |
//! | [`flight_recorder`] | what a panic report finds of a core |
//! | [`out_of_range`] | a configuration value that no server can have |
//! | [`entropy`] | random bytes from the system |
//!
//! The runtime names neither worlds nor games, nor configuration files, nor operation.

pub mod control;
pub mod core;
pub mod core_report;
pub mod datapath;
pub mod entropy;
pub mod flight_recorder;
pub mod idle;
pub mod mesh;
pub mod out_of_range;
pub mod server;
pub mod service;
pub mod stages;
pub mod status;
pub mod tick;
pub mod tick_log;
