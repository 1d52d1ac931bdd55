//! `ringshard map`

mod bake;
mod draw;
mod info;
mod sample;

use crate::output::{self, PrintError};
use crate::units::whole;
use clap::Subcommand;
use std::error::Error;

/// The end of `ringshard map --help`.
pub const FIRST_STEPS: &str = "\
First steps:
  ringshard map sample demo --seed 7                  # a heightmap, models and a description, to look at and to change
  ringshard map bake demo/sample.toml -o demo.ringmap
  ringshard map info demo.ringmap
  ringshard map draw demo.ringmap -o demo.png --spawns";

/// Arguments of `map`.
#[derive(Subcommand)]
pub enum Arguments {
    /// Bake a map file from its description: a TOML file that names a heightmap and glTF models.
    ///
    /// The description has these tables; `ringshard map sample` writes one with all of them:
    ///
    /// [map]        sections and components; by default, the map is 8.2 km by 8.2 km
    ///
    /// [heightmap]  a PNG file with 16 bits of grey, and the heights of black and white
    ///
    /// [[model]]    a .glb or .gltf file, and where it lies: offset, yaw, scale
    ///
    /// [[water]], [[no-go]], [[area]]  boxes with a name
    ///
    /// [[spawn]]    points with a name where characters enter
    ///
    /// [agent]      the size of a character, for the check of spawn points and for the navigation mesh
    ///
    /// An existing map file of the same name is replaced at once, so that servers that have it open keep the old one.
    #[command(verbatim_doc_comment)]
    Bake(bake::Arguments),
    /// Show what a map file has: its shape, ground, geometry, volumes, spawn points and navigation mesh.
    ///
    /// Checks the whole file. Exit code 1 if it is damaged or no map.
    Info(info::Arguments),
    /// Draw a map from above: shaded relief, water in blue, static geometry, and boxes that nobody may enter in red.
    Draw(draw::Arguments),
    /// Write the sources of a sample map of 2 km by 2 km: hills, cliffs, a lake, a river with bridges, and six towns.
    ///
    /// The same seed gives the same files on every machine. `ringshard map bake DIR/sample.toml -o sample.ringmap` bakes them.
    Sample(sample::Arguments),
}

/// Runs `ringshard map`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    match arguments {
        Arguments::Bake(arguments) => bake::run(arguments),
        Arguments::Info(arguments) => info::run(arguments),
        Arguments::Draw(arguments) => draw::run(arguments),
        Arguments::Sample(arguments) => sample::run(arguments),
    }
}

/// Prints a line for each fact.
fn print_facts(facts: &[(&str, String)]) -> Result<(), PrintError> {
    facts.iter().try_for_each(|(name, text)| output::print_line(format_args!("{name:<11} {text}")))
}

/// Numbers, such as sizes: `204,800 x 204,800`.
fn by(numbers: &[f32]) -> String {
    numbers.iter().map(|number| units(*number)).collect::<Vec<_>>().join(" x ")
}

/// A length in units, with a decimal if it is no whole number.
fn units(length: f32) -> String {
    let tenths = (f64::from(length.abs()) * 10.0).round() as u64;
    let sign = if length < 0.0 && tenths > 0 { "-" } else { "" };
    match tenths % 10 {
        0 => format!("{sign}{}", whole(tenths / 10)),
        tenth => format!("{sign}{}.{tenth}", whole(tenths / 10)),
    }
}

/// A number of things.
fn of(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", whole(count as u64), if count == 1 { one } else { many })
}
