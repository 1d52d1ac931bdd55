//! `ringshard fleet maintenance`

use super::connect::{FleetArguments, occasion};
use crate::output;
use ringshard_fleet::model::Name;
use serde_json::json;
use std::error::Error;

/// Arguments of `fleet maintenance`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    fleet: FleetArguments,
    /// Name of the host.
    name: Name,
    /// Whether newcomers are kept away.
    #[arg(value_name = "on|off")]
    switch: Switch,
    /// Why, for the audit and for the host's log.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Print JSON instead of a line.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Switch {
    On,
    Off,
}

/// Runs `ringshard fleet maintenance`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let fleet = arguments.fleet.open()?;
    let (name, on) = (&arguments.name, arguments.switch == Switch::On);
    let (changed, is_alive) = fleet.run(async {
        let changed = fleet.operator()?.set_maintenance(name, on, &occasion(&arguments.reason)).await?;
        Ok((changed, fleet.reader().await?.1.hosts.contains_key(name)))
    })?;
    if arguments.json {
        let answer = json!({ "host": name, "maintenance": on, "changed": changed, "alive": is_alive });
        return Ok(output::print_line(answer)?);
    }
    let (word, not_alive) = (if on { "on" } else { "off" }, if is_alive { "" } else { "; no live host has this name" });
    let state = if changed { "is" } else { "was already" };
    Ok(output::print_line(format_args!("maintenance of {name} {state} {word}{not_alive}"))?)
}
