//! `ringshard fleet audit`

use super::connect::FleetArguments;
use super::show::moment;
use crate::output;
use std::error::Error;

/// Arguments of `fleet audit`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    fleet: FleetArguments,
    /// Most entries: the latest.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Print a JSON object per line.
    #[arg(long)]
    json: bool,
}

/// Runs `ringshard fleet audit`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let fleet = arguments.fleet.open()?;
    let entries = fleet.run(async { Ok(fleet.operator()?.audit(arguments.limit).await?) })?;
    for entry in entries {
        match arguments.json {
            true => output::print_line(serde_json::to_string(&entry)?)?,
            false => {
                let reason = if entry.reason.is_empty() { String::new() } else { format!(": {}", entry.reason) };
                output::print_line(format_args!("{}  {}  {}{reason}", moment(entry.at_ms), entry.by, entry.changed))?;
            }
        }
    }
    Ok(())
}
