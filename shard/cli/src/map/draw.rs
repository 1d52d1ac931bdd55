//! `ringshard map draw`

use crate::output::{Output, remark};
use ringshard_maps::draw::{SIZE_MAX, SIZE_MIN};
use ringshard_maps::{Picture, draw};
use std::error::Error;
use std::path::PathBuf;

/// Arguments of `map draw`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The map file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// PNG file to write, which must not exist yet. `-` is standard output.
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// Pixels of the longer side, 64 to 8192.
    #[arg(long, value_name = "N", default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(i64::from(SIZE_MIN)..=i64::from(SIZE_MAX)))]
    size: u32,
    /// Show the places where characters enter, as pink dots.
    #[arg(long)]
    spawns: bool,
    /// Show the polygons of the navigation mesh, in yellow.
    #[arg(long)]
    mesh: bool,
}

/// Runs `ringshard map draw`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let Arguments { file, out, size, spawns, mesh } = arguments;
    let terrain = ringshard::open_map(file)?;
    if *mesh && terrain.columns().nav_agent.is_empty() {
        return Err(format!("{} has no navigation mesh: bake it again without --no-mesh", file.display()).into());
    }
    let mut output = Output::create(out, "the picture")?;
    let picture = draw(&terrain, &Picture { size: *size, spawns: *spawns, mesh: *mesh });
    if let Err(error) = output.write(&picture) {
        output.discard();
        return Err(error);
    }
    remark(format_args!("wrote {output}"));
    Ok(())
}
