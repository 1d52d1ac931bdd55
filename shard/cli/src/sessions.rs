//! `ringshard sessions`

use crate::admin::{AdminArguments, order_name};
use crate::output;
use crate::table::{Column, Table};
use crate::units::{address, age, bytes, micros, percent, short_count};
use ratatui::text::Line;
use ringshard::ops::admin::SortOrder;
use ringshard::ops::report::{ConnectionSnapshot, ServerReport};
use ringshard::runtime::control::Gathered;
use std::error::Error;
use std::net::IpAddr;

/// Arguments of `sessions`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    admin: AdminArguments,
    /// Order of the list, largest first.
    #[arg(long, value_enum, default_value = "bytes")]
    sort: SortOrder,
    /// Maximum number of connections to list; 0 for all.
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Only connections of this core.
    #[arg(long, value_name = "N")]
    core: Option<u8>,
    /// Only connections from this address.
    #[arg(long, value_name = "ADDRESS")]
    address: Option<IpAddr>,
    /// Only the connection with this id.
    #[arg(long, value_name = "ID", value_parser = id)]
    id: Option<String>,
    /// Print a JSON array instead of a table, with all figures of each connection.
    #[arg(long)]
    json: bool,
}

fn id(text: &str) -> Result<String, String> {
    let is_one = text.split('.').count() == 3 && text.split('.').all(|part| part.parse::<u16>().is_ok());
    is_one
        .then(|| text.to_owned())
        .ok_or_else(|| "an id has three numbers with dots between them, such as 0.86.109".into())
}

/// Runs `ringshard sessions`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let client = arguments.admin.client()?;
    let Gathered { given: connections, missing } = client.connections(&arguments.path())?;
    for core in missing {
        output::remark(format_args!("ringshard: core {core} is stuck, so its connections are missing here"));
    }
    if arguments.json {
        return Ok(output::print_line(serde_json::to_string_pretty(&connections)?)?);
    }
    let report: ServerReport = client.get("/stats")?;
    let all: usize = report.cores.iter().map(|core| core.connections).sum();
    if connections.is_empty() {
        return Ok(output::print_line(arguments.no_connections(all))?);
    }
    Ok(output::print(table(&connections, arguments.title(connections.len(), all), arguments.sort).page())?)
}

impl Arguments {
    /// The request.
    fn path(&self) -> String {
        let mut path = format!("/sessions?sort={}", order_name(self.sort));
        let mut filter = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                path.push_str(&format!("&{name}={value}"));
            }
        };
        filter("limit", (self.limit > 0).then(|| self.limit.to_string()));
        filter("core", self.core.map(|core| core.to_string()));
        filter("address", self.address.map(|address| address.to_string()));
        filter("id", self.id.clone());
        path
    }

    /// Describes the filters; completes "connections". None without filters.
    fn filters(&self) -> Option<String> {
        let filters = [
            self.core.map(|core| format!("on core {core}")),
            self.address.map(|address| format!("from {address}")),
            self.id.as_ref().map(|id| format!("with the id {id}")),
        ];
        let filters: Vec<String> = filters.into_iter().flatten().collect();
        (!filters.is_empty()).then(|| filters.join(", "))
    }

    fn title(&self, shown: usize, all: usize) -> String {
        let Some(filters) = self.filters() else { return format!("{shown} of {all} connections") };
        // If the limit cuts the list, the number of matching connections is not known.
        let at_least = if self.limit > 0 && shown >= self.limit { " or more" } else { "" };
        format!("{shown}{at_least} of {all} connections: {filters}")
    }

    fn no_connections(&self, all: usize) -> String {
        match self.filters() {
            None if all == 0 => "no connections".into(),
            None => format!("no connection is listed, but {all} exist by now: run the command again"),
            Some(filters) => format!("none of {all} connections is {filters}"),
        }
    }
}

/// The connections as a table. Every order has a column of its name.
fn table(connections: &[ConnectionSnapshot], title: String, order: SortOrder) -> Table {
    let column = |of: SortOrder, heading, rank| Column::new(heading, 0).rank(rank).marked(of == order);
    let columns = vec![
        Column::text("id", 0),
        Column::text("address", 0),
        Column::text("standing", 0).rank(5),
        column(SortOrder::Rate, "rate", 1),
        column(SortOrder::RoundTrip, "round-trip", 2),
        column(SortOrder::Loss, "loss", 3),
        column(SortOrder::Age, "age", 4),
        column(SortOrder::Silence, "silence", 6),
        column(SortOrder::Bytes, "bytes", 7),
        column(SortOrder::Unacknowledged, "unacknowledged", 8),
        column(SortOrder::OverBudget, "over-budget", 9),
        column(SortOrder::Refusals, "refusals", 12),
        Column::new("score", 0).rank(12),
        Column::text("player", 0).rank(13),
        Column::new("bytes in", 0).rank(10),
        Column::new("bytes out", 0).rank(10),
        Column::new("lost", 0).rank(11),
    ];
    let row = |connection: &ConnectionSnapshot| {
        let both = (connection.bytes_in + connection.bytes_out) as f64;
        let cells = [
            connection.id.clone(),
            address(connection.address),
            connection.standing.clone(),
            format!("{}/s", bytes(both / connection.age_s.max(1e-3))),
            connection.round_trip_ms.map_or("-".into(), |millis| micros(millis * 1000.0)),
            percent(connection.loss),
            age(connection.age_s),
            age(connection.silent_s),
            bytes(both),
            bytes(connection.unacknowledged_bytes as f64),
            short_count(connection.over_budget),
            refusals(connection),
            format!("{:.1}", connection.score),
            connection.player.clone().unwrap_or_else(|| "-".into()),
            bytes(connection.bytes_in as f64),
            bytes(connection.bytes_out as f64),
            short_count(connection.packets_lost),
        ];
        cells.map(Line::from).to_vec()
    };
    let aside = Line::from(format!("by {}, largest first", order_name(order)));
    Table { title: title.into(), aside, columns, rows: connections.iter().map(row).collect(), empty: "" }
}

/// How often its player was refused something, and mostly why.
fn refusals(connection: &ConnectionSnapshot) -> String {
    match connection.main_refusal() {
        Some((why, _)) => format!("{} {why}", short_count(connection.refused())),
        None => "0".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::text;
    use crate::top::fixtures::connection;
    use clap::ValueEnum;

    #[test]
    fn every_order_has_a_column_of_its_name_even_on_80_columns() {
        for order in SortOrder::value_variants() {
            let table = table(&[connection(1, 10, 100)], "1 of 1 connections".into(), *order);
            let heads = text(table, 80, 3).lines().nth(1).unwrap().to_owned();
            assert!(heads.split_whitespace().any(|head| head == order_name(*order)), "{order:?}: {heads}");
        }
    }
}
