use crate::scenario::{MapOption, number_in};
use ringshard_demo::Layout;
use ringshard_link::conditions::NetworkSpec;
use std::path::PathBuf;

#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// Minutes to simulate.
    #[arg(long, value_name = "M", default_value_t = 5.0, value_parser = minutes)]
    pub minutes: f64,
    /// Cores of the server.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub cores: u8,
    /// Players.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clients)]
    pub clients: usize,
    /// NPCs.
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub npcs: usize,
    /// Where players and NPCs are.
    #[arg(long, value_enum, default_value = "crowd")]
    pub layout: Layout,
    #[command(flatten)]
    pub map: MapOption,
    /// Maximum number of entities that a player sees.
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub visible: usize,
    /// Maximum bytes of snapshot per player and tick.
    #[arg(long, value_name = "BYTES", default_value_t = 500)]
    pub snapshot_bytes: usize,
    /// The network between players and server; the syntax is that of `bots --network`.
    #[arg(long, value_name = "SPEC", default_value = "delay=20ms,jitter=5ms,loss=5%")]
    pub network: NetworkSpec,
    /// Players that leave, and others that join, per second.
    #[arg(long, value_name = "HZ", default_value_t = 1.0, value_parser = churn)]
    pub churn: f64,
    /// Milliseconds that a core stalls every ten seconds.
    #[arg(long, value_name = "MS", default_value_t = 200, value_parser = clap::value_parser!(u64).range(..=9_999))]
    pub stall_ms: u64,
    /// Seed of the simulation.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Write the result to this file as one JSON object.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

fn minutes(text: &str) -> Result<f64, String> {
    number_in(text, 0.01..=100_000.0)
}

fn churn(text: &str) -> Result<f64, String> {
    number_in(text, 0.0..=1_000.0)
}

fn clients(text: &str) -> Result<usize, String> {
    number_in(text, 1.0..=4_000.0).map(|clients| clients as usize)
}
