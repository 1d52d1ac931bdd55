//! Options of `bots`.

use crate::scenario;
use crate::scenario::{Flows, Place};
use ringshard_demo::Layout;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What it takes.
#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// distinct: a socket per client. relay: many clients behind each socket, as behind an edge or relay server.
    #[arg(long, value_enum, default_value = "relay")]
    pub flows: Flows,
    /// Players, each with input at 60 Hz.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub clients: usize,
    /// Where they are.
    #[arg(long, value_enum, default_value = "uniform", conflicts_with = "server")]
    pub layout: Layout,
    /// NPCs beside them.
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "server")]
    pub npcs: usize,
    /// Share of the players that walks at a time.
    #[arg(long, value_name = "SHARE", default_value_t = 0.33)]
    pub moving: f64,
    /// Shots a second of each player; the demonstration lets nobody shoot more than twice.
    #[arg(long, value_name = "HZ", default_value_t = 0.0)]
    pub fight: f64,
    /// Chat messages a second of each player; the demonstration lets nobody workload more than twice.
    #[arg(long, value_name = "HZ", default_value_t = 0.0)]
    pub chat: f64,
    /// Entities that a player sees at most.
    #[arg(long, value_name = "N", default_value_t = 50, conflicts_with = "server")]
    pub visible: usize,
    /// Distance in units up to which an entity is near and is updated at the full rate. With --server, give the server's value.
    #[arg(long, value_name = "UNITS", default_value_t = 5_000.0)]
    pub near: f32,
    /// Bytes that a player is told at most per tick.
    #[arg(long, value_name = "BYTES", default_value_t = 500, conflicts_with = "server")]
    pub snapshot_bytes: usize,
    /// Of the players, those that keep a view of the world and check it, evenly spread; the others acknowledge what comes
    /// without a look, so that one machine can be many players.
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub observers: usize,
    /// Seconds measured, after all are in the world.
    #[arg(long, value_name = "S", default_value_t = 10.0)]
    pub secs: f64,
    #[command(flatten)]
    pub running: scenario::Running,
    /// Admin address of --server, for the server's own figures; without it, only what players see is judged.
    #[arg(long, value_name = "ADDRESS:PORT", requires = "server")]
    pub admin: Option<SocketAddr>,
    /// File with the secret that --admin requires, if it requires one: the server's admin-token-file.
    #[arg(long, value_name = "FILE", requires = "admin")]
    pub admin_token_file: Option<PathBuf>,
    #[command(flatten)]
    pub between: scenario::Network,
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub serving: scenario::Serving,
    #[command(flatten)]
    pub settings: scenario::Settings,
    /// Write the result to this file as one JSON object.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}
