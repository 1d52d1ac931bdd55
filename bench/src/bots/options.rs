use crate::scenario;
use crate::scenario::Flows;
use ringshard_demo::Layout;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// distinct: one socket per client. relay: many clients per socket, as behind an edge or relay server.
    #[arg(long, value_enum, default_value = "relay")]
    pub flows: Flows,
    /// Players, each sending input at 60 Hz.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub clients: usize,
    /// Where the players are.
    #[arg(long, value_enum, default_value = "uniform", conflicts_with = "server")]
    pub layout: Layout,
    /// NPCs in the world.
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "server")]
    pub npcs: usize,
    /// Share of the players that walk at any time.
    #[arg(long, value_name = "SHARE", default_value_t = 0.33)]
    pub moving: f64,
    /// Shots per second and player. The demonstration allows at most 2.
    #[arg(long, value_name = "HZ", default_value_t = 0.0)]
    pub fight: f64,
    /// Chat messages per second and player. The demonstration allows at most 2.
    #[arg(long, value_name = "HZ", default_value_t = 0.0)]
    pub chat: f64,
    /// Maximum number of entities that a player sees.
    #[arg(long, value_name = "N", default_value_t = 50, conflicts_with = "server")]
    pub visible: usize,
    /// Distance, in units, within which entities are near and get updates at the full rate. With --server, give the
    /// server's value.
    #[arg(long, value_name = "UNITS", default_value_t = 5_000.0)]
    pub near: f32,
    /// Maximum bytes of snapshot per player and tick.
    #[arg(long, value_name = "BYTES", default_value_t = 500, conflicts_with = "server")]
    pub snapshot_bytes: usize,
    /// Players, spread evenly, that are real clients: they keep a view of the world and check it, predict their own state
    /// and interpolate. The others send the same inputs, acknowledge every snapshot and predict their own state, but keep no
    /// view, so that one machine can run more players.
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub observers: usize,
    /// Seconds between the entering of the last player and the measurement. All enter at once, which disturbs everybody's
    /// clocks. Within the default time they settle.
    #[arg(long, value_name = "S", default_value_t = 12.0, value_parser = warm_up)]
    pub warm_up: f64,
    /// Seconds to measure, once all players are in the world and have warmed up.
    #[arg(long, value_name = "S", default_value_t = 10.0)]
    pub secs: f64,
    #[command(flatten)]
    pub map: scenario::MapOption,
    #[command(flatten)]
    pub running: scenario::RunningServer,
    /// Admin address of --server, for the server's own figures. Without it, only what players see is judged.
    #[arg(long, value_name = "ADDRESS:PORT", requires = "server")]
    pub admin: Option<SocketAddr>,
    /// File with the token that --admin requires, if any: the server's admin-token-file.
    #[arg(long, value_name = "FILE", requires = "admin")]
    pub admin_token_file: Option<PathBuf>,
    #[command(flatten)]
    pub between: scenario::NetworkOptions,
    #[command(flatten)]
    pub run: scenario::RunOptions,
}

fn warm_up(text: &str) -> Result<f64, String> {
    scenario::number_in(text, 0.0..=3_600.0)
}
