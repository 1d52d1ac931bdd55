//! `ringshard fleet explain`

use super::connect::FleetArguments;
use crate::output;
use ringshard_fleet::balance::explain;
use std::error::Error;
use std::path::PathBuf;

/// Arguments of `fleet explain`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    fleet: FleetArguments,
    /// Fields of GET /v1/explain: `address`, `account`, `region`, `contract`, `party`, `size`, `rtt`, each as NAME=VALUE, not
    /// percent-encoded.
    #[arg(value_name = "NAME=VALUE")]
    fields: Vec<String>,
    /// The balancers' policy.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The balancers' location database.
    #[arg(long, value_name = "FILE")]
    location: Option<PathBuf>,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs `ringshard fleet explain`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let fleet = arguments.fleet.open()?;
    let directory = fleet.run(async { Ok(fleet.reader().await?.1) })?;
    let (policy, location) = (arguments.policy.as_deref(), arguments.location.as_deref());
    let explanation = explain(&directory, policy, location, &arguments.fields)?;
    if arguments.json {
        return Ok(output::print_line(serde_json::to_string_pretty(&explanation)?)?);
    }
    Ok(output::print(explanation)?)
}
