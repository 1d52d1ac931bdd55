//! `ringshard fleet list`

use super::connect::FleetArguments;
use crate::output;
use crate::table::{Column, Table};
use crate::units::{age, percent, whole};
use ratatui::text::Line;
use ringshard_fleet::model::{Directory, Host, Name};
use std::error::Error;

/// Arguments of `fleet list`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    fleet: FleetArguments,
    /// Only hosts of this region.
    #[arg(long, value_name = "NAME")]
    region: Option<Name>,
    /// Print a JSON array instead of a table.
    #[arg(long)]
    json: bool,
}

/// Runs `ringshard fleet list`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let fleet = arguments.fleet.open()?;
    let directory = fleet.run(async { Ok(fleet.reader().await?.1) })?;
    let is_wanted = |host: &&Host| arguments.region.as_ref().is_none_or(|region| *region == host.region);
    let hosts: Vec<&Host> = directory.hosts.values().filter(is_wanted).collect();
    if arguments.json {
        return Ok(output::print_line(serde_json::to_string_pretty(&hosts)?)?);
    }
    output::print(table(&hosts).page())?;
    absent(&directory).into_iter().try_for_each(|line| output::print_line(line).map_err(Into::into))
}

fn table(hosts: &[&Host]) -> Table {
    let columns = vec![
        Column::text("name", 0),
        Column::text("region", 0),
        Column::text("state", 0),
        Column::new("players", 0),
        Column::new("of", 0),
        Column::new("load", 0),
        Column::text("address", 0),
        Column::text("version", 0).rank(1),
        Column::new("up", 0).rank(2),
    ];
    let row = |host: &&Host| {
        [
            host.name.to_string(),
            host.region.to_string(),
            host.state.to_string(),
            whole(host.players.into()),
            whole(host.capacity.into()),
            percent(host.load.into()),
            host.address.clone(),
            host.version.clone(),
            super::connect::uptime_s(host).map_or_else(|| "-".into(), age),
        ]
        .map(Line::from)
        .to_vec()
    };
    let players: u64 = hosts.iter().map(|host| u64::from(host.players)).sum();
    let plural = if hosts.len() == 1 { "" } else { "s" };
    let free: u64 = hosts.iter().map(|host| u64::from(host.free())).sum();
    Table {
        title: Line::from(format!("{} host{plural}", hosts.len())),
        aside: Line::from(format!("{} players, {} places free", whole(players), whole(free))),
        columns,
        rows: hosts.iter().map(row).collect(),
        empty: "no host is alive",
    }
}

/// A line for each host in maintenance that is not alive: its order would surprise the operator who starts it.
fn absent(directory: &Directory) -> Vec<String> {
    let orders = directory
        .orders
        .iter()
        .filter(|(name, orders)| orders.maintenance.is_some() && !directory.hosts.contains_key(*name));
    orders.map(|(name, _)| format!("{name} is in maintenance, and not alive")).collect()
}
