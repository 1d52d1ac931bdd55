//! `ringshard tiles`

mod get;
mod info;

use clap::Subcommand;
use ringshard_services::tiles::Archive;
use std::error::Error;
use std::path::Path;
use tokio::runtime::{Builder, Runtime};

/// The end of `ringshard tiles --help`.
pub const FIRST_STEPS: &str = "\
First steps:
  ringshard tiles info world.pmtiles
  ringshard tiles get world.pmtiles 3/4/2 -o tile.png
  ringshard serve --game demo --services services --tiles world=world.pmtiles";

/// Arguments of `tiles`.
#[derive(Subcommand)]
pub enum Arguments {
    /// Show what a PMTiles file has: type, zooms, bounds, number of tiles, and metadata.
    Info(info::Arguments),
    /// Take a tile out of a PMTiles file.
    ///
    /// Exit code 1 if the file has no such tile.
    Get(get::Arguments),
}

/// Runs `ringshard tiles`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    match arguments {
        Arguments::Info(arguments) => info::run(arguments),
        Arguments::Get(arguments) => get::run(arguments),
    }
}

/// Opens a file, with the runtime that reads it.
fn open(file: &Path) -> Result<(Runtime, Archive), Box<dyn Error>> {
    let runtime = Builder::new_current_thread().build()?;
    let archive = runtime.block_on(Archive::open(file))?;
    Ok((runtime, archive))
}
