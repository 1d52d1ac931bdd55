use crate::scenario::{MapOption, number_in};
use ringshard_demo::Layout;
use std::path::PathBuf;

#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// Players in each run.
    #[arg(long, value_name = "N,N,...", value_delimiter = ',', default_value = "1000,5000,10000")]
    pub clients: Vec<usize>,
    /// Serve a world on so many cores, in turn on one thread, and report how the time of each core grows with their number.
    #[arg(long, value_name = "N,N,...", value_delimiter = ',')]
    pub cores: Vec<usize>,
    /// Layouts to run; default: all, with --cores: uniform.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub layouts: Vec<Layout>,
    /// Share of the players that run at any time.
    #[arg(long, value_name = "SHARE", default_value_t = 0.33, value_parser = share)]
    pub moving: f64,
    /// Maximum number of entities that a player sees.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub visible: usize,
    /// Maximum bytes of snapshot per player and tick.
    #[arg(long, value_name = "BYTES", default_value_t = 500)]
    pub snapshot_bytes: usize,
    #[command(flatten)]
    pub map: MapOption,
    /// Ticks to measure.
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub ticks: u32,
    /// With --cores: write a plot to this file, as SVG.
    #[arg(long, value_name = "FILE", requires = "cores")]
    pub plot: Option<PathBuf>,
    /// Write the result to this file as one JSON object.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

fn share(text: &str) -> Result<f64, String> {
    number_in(text, 0.0..=1.0)
}
