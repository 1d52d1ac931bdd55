use crate::scenario;
use crate::scenario::Flows;
use ringshard_demo::Layout;
use std::path::PathBuf;

#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// distinct: one socket per client. relay: many clients per socket, as behind an edge or relay server.
    #[arg(long, value_enum, default_value = "relay")]
    pub flows: Flows,
    /// Players that the server holds without shedding: the load of 1. The default suits the default settings of the server,
    /// which make a player several times as expensive as usual, so that the load generator is not the bottleneck.
    #[arg(long, value_name = "N", default_value_t = 1_200)]
    pub capacity: usize,
    /// Loads, as multiples of the capacity. After the last one it is 1 again.
    #[arg(long, value_name = "X,X,...", value_delimiter = ',', default_values_t = [1.0, 1.5, 2.0, 3.0])]
    pub loads: Vec<f64>,
    /// Seconds of each load. The first second is not counted.
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    pub secs: f64,
    /// Where the players are.
    #[arg(long, value_enum, default_value = "crowd")]
    pub layout: Layout,
    /// Maximum number of entities that a player sees.
    #[arg(long, value_name = "N", default_value_t = 120)]
    pub visible: usize,
    /// Distance, in units, within which entities are near and get updates at the full rate.
    #[arg(long, value_name = "UNITS", default_value_t = 20_000.0)]
    pub near: f32,
    /// Share of the players that walk at any time.
    #[arg(long, value_name = "SHARE", default_value_t = 0.5)]
    pub moving: f64,
    #[command(flatten)]
    pub run: scenario::RunOptions,
    /// Draw the round trips and rates of the loads into this file, as SVG.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// The result of an earlier run, as JSON, to be drawn beside this one.
    #[arg(long, value_name = "FILE", requires = "svg")]
    pub before: Option<PathBuf>,
}
