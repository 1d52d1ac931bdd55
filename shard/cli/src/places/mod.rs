//! `ringshard places`

mod import;
mod search;
mod stats;

use clap::Subcommand;
use std::error::Error;

/// The end of `ringshard places --help`.
pub const FIRST_STEPS: &str = "\
First steps:
  ringshard places import cities.csv --kind city
  ringshard places search saint
  ringshard places search --near 48.85,2.35 --limit 5
  ringshard places stats";

/// Arguments of `places`.
#[derive(Subcommand)]
pub enum Arguments {
    /// Import places from a CSV or JSON file.
    ///
    /// They replace all places of the same kind; places of other kinds stay. A running server answers from the old places until
    /// the import is complete, and from the new ones after it. An import that fails or is interrupted changes nothing.
    ///
    /// Columns are found by their titles: name; latitude or lat; longitude, lon, lng or long; and, if there are any, importance or
    /// population; region or country; price or price_per_person; cuisine; rating or stars. `--map` names others.
    Import(import::Arguments),
    /// Search for places by name, by position or in a box.
    Search(search::Arguments),
    /// Show the kinds of places, and how many there are.
    Stats(stats::Arguments),
}

/// Runs `ringshard places`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    match arguments {
        Arguments::Import(arguments) => import::run(arguments),
        Arguments::Search(arguments) => search::run(arguments),
        Arguments::Stats(arguments) => stats::run(arguments),
    }
}
