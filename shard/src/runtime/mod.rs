//! The cores of a server: one pinned thread each, with its socket, its connections and its histograms.
//!
//! | module | for |
//! |---|---|
//! | [`server`] | starting and stopping all cores |
//! | [`core`] | [`core::Core::turn`]: the loop of a core |
//! | [`service`] | what a core serves: the trait, and the echo service |
//! | [`player_list`], [`path_record`] | the players of a core, and the path of one, as its service knows them |
//! | [`control`] | requests to the cores of a running server |
//! | [`jobs`] | work that may block, on worker threads beside the cores |
//! | [`fleet`] | the connection to the fleet, which moves players to other servers |
//! | [`mesh`] | forwarding datagrams that arrived at the wrong core |
//! | [`load`] | how loaded a core is |
//! | [`idle`] | how a core waits between two turns |
//! | [`tick`] | the tick rate, and the time as the cores tell it |
//! | [`datapath`] | the choice between io_uring and recvmmsg/sendmmsg |
//! | [`stages`], [`tick_log`] | what a core measures of itself |
//! | [`core_report`], [`status`] | what a core, and a server, report |
//! | [`flight_recorder`] | what a panic report contains of a core |
//! | [`out_of_range`] | the error for a configuration value outside its range |
//! | [`entropy`] | random bytes from the operating system |
//!
//! The runtime uses the crates of the engine. It knows no worlds, games, configuration files or operations.
//!
//! Operations see a running server through two types: [`control::Control`] sends it requests, and [`status::ServerStatus`]
//! is what it reports. Beside these they use [`server::Server`] to start and join it, [`control::Lifecycle`] to drain and
//! stop it, and [`control::liveness`] to watch its cores. Nothing else of the runtime is theirs.

pub mod control;
pub mod core;
pub mod core_report;
pub mod datapath;
pub mod entropy;
pub mod fleet;
pub mod flight_recorder;
pub mod idle;
pub mod jobs;
pub mod load;
pub mod mesh;
pub mod out_of_range;
pub mod path_record;
pub mod player_list;
pub mod server;
pub mod service;
pub mod services;
pub mod stages;
pub mod status;
pub mod tick;
pub mod tick_log;
