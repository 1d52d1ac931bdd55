//! World shards: one pinned thread per core, each with its socket, its connections and its histograms.
//!
//! | module | for |
//! |---|---|
//! | [`core`] | [`core::Core::turn`]: what a core does, for ever |
//! | [`service`] | what is served: the trait, and the echo |
//! | [`idle`] | how a core waits |
//! | [`mesh`] | the rings between cores, for datagrams that came to the wrong one |
//! | [`game`] | the trait that a game implements, and a demonstration |
//! | [`shard`] | a core's part of the world, as a game sees it |
//! | [`simulation`] | what a core serves when it serves a world |
//! | [`exchange`] | the rings between cores, for what they tell each other of the world |
//! | [`replication`] | what each client is told of the world around it |
//! | [`neighbourhood`] | who is around whom |
//! | [`interest`] | the grid that finds them, and the difference from tick to tick |
//! | [`world`] | who is in the world: the entities of a core |
//! | [`stages`] | what a core measures of itself |
//! | [`datapath`] | which link is used, and why |
//! | [`server`] | starting and stopping all cores |
//! | [`report`] | what a running server says of itself |
//! | [`config`] | what a server is told to be, and where it is told so |
//! | [`control`] | questions and orders to the cores |
//! | [`liveness`] | whether a core still turns |
//! | [`operation`] | what can be asked of a server, and what it can be told |
//! | [`overseer`] | signals, the watchdog, the log of drops, the end |
//! | [`losses`] | everything that a server counts and should not have to, and what to do about it |
//! | [`log`] | the log, that nobody waits for |
//! | [`quality`] | how good the connections are |
//! | [`process`] | the process as the system sees it |
//! | [`admin`] | the HTTP port for it |
//! | [`capture`] | its datagrams, in a file that Wireshark reads |
//! | [`vitals`] | what a core that panics leaves behind |
//! | [`doctor`] | whether a host is fit to serve |
//! | [`keys`] | key files |

#![forbid(unsafe_code)]

pub mod admin;
pub mod capture;
pub mod config;
pub mod control;
pub mod core;
pub mod datapath;
pub mod doctor;
pub mod exchange;
pub mod game;
pub mod idle;
pub mod interest;
pub mod keys;
pub mod liveness;
pub mod log;
pub mod losses;
pub mod mesh;
pub mod neighbourhood;
pub mod operation;
pub mod overseer;
pub mod process;
pub mod quality;
pub mod replication;
pub mod report;
pub mod server;
pub mod service;
pub mod shard;
pub mod simulation;
pub mod stages;
pub mod vitals;
pub mod world;
