//! `ringshard config`

use crate::output;
use clap::Subcommand;
use ringshard::config::{Configuration, Sources, schema};
use ringshard_fleet::host::HostSettings;
use std::error::Error;

/// Arguments of `config`.
#[derive(Subcommand)]
pub enum Arguments {
    /// Check whether a server would start with these settings, and print all errors. Reads key files too.
    Check(Sources),
    /// Print all settings as a file, with the source of each. Without any settings, this is a template.
    Print(Sources),
    /// Print a JSON Schema of the settings file, for editors.
    Schema,
}

/// Runs `ringshard config`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    match arguments {
        Arguments::Check(sources) => {
            let sources = crate::serve::beside().sources(sources.clone());
            let (configuration, _) = Configuration::prepared(sources)?;
            HostSettings::load(configuration.settings())?;
            configuration.without_effect().iter().for_each(|line| eprintln!("ringshard: {line}"));
            output::print_line("no errors: a server would start with these settings")?;
        }
        Arguments::Print(sources) => output::print(Configuration::load(sources.clone())?.raw_values().file())?,
        Arguments::Schema => output::print_line(serde_json::to_string_pretty(&schema())?)?,
    }
    Ok(())
}
