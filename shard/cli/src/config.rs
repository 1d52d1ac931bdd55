//! `ringshard config`

use crate::output;
use clap::Subcommand;
use ringshard::config::{Configuration, Sources, schema};
use std::error::Error;

/// What it does.
#[derive(Subcommand)]
pub enum Arguments {
    /// Say whether a server would start with these settings, and name everything that is wrong; key files are read, too.
    Check(Sources),
    /// Print all settings as a file, with where each comes from; a file to begin with, when nothing is set.
    Print(Sources),
    /// Print a JSON Schema of the file, for editors.
    Schema,
}

/// Does it.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    match arguments {
        Arguments::Check(sources) => {
            let (configuration, _) = Configuration::prepared(sources.clone())?;
            configuration.without_effect().iter().for_each(|line| eprintln!("ringshard: {line}"));
            output::print_line("a server would start with these settings")?;
        }
        Arguments::Print(sources) => output::print(Configuration::load(sources.clone())?.raw_values().file())?,
        Arguments::Schema => output::print_line(serde_json::to_string_pretty(&schema())?)?,
    }
    Ok(())
}
