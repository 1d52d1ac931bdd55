//! `ringshard find`

use crate::duration;
use crate::output;
use crate::table::{Column, Table};
use ratatui::text::Line;
use ringshard::ops::discovery::{FoundServer, find};
use std::error::Error;
use std::time::Duration;

/// Arguments of `find`.
#[derive(clap::Args)]
pub struct Arguments {
    /// How long to listen.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration::parse)]
    wait: Duration,
    /// Print a JSON array instead of a table.
    #[arg(long)]
    json: bool,
}

/// Runs `ringshard find`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let servers = find(arguments.wait)?;
    if arguments.json {
        return Ok(output::print_line(serde_json::to_string_pretty(&servers)?)?);
    }
    if servers.is_empty() {
        let line = "No server announced itself. Servers do so with the setting `announce`, in the same network.";
        return Ok(output::print_line(line)?);
    }
    Ok(output::print(table(&servers).page())?)
}

fn table(servers: &[FoundServer]) -> Table {
    let columns = vec![
        Column::text("name", 0),
        Column::text("address", 0),
        Column::text("public key", 0),
        Column::text("serves", 0).rank(2),
        Column::text("version", 0).rank(1),
    ];
    let row = |server: &FoundServer| {
        let address = server.addresses.first().map_or_else(|| "-".into(), ToString::to_string);
        let cells = [&server.name, &address, &server.key, &server.serves, &server.version];
        cells.map(|cell| Line::from(cell.clone())).to_vec()
    };
    let aside = Line::from("anyone can announce any server: check the key before you trust it");
    let title = Line::from("servers in the local network");
    Table { title, aside, columns, rows: servers.iter().map(row).collect(), empty: "" }
}
