//! `ringshard sessions`

use crate::admin::{AdminArguments, order_name};
use crate::output;
use crate::sheet::{Column, Sheet};
use crate::units::{address, age, bytes, micros, percent, things};
use ratatui::text::Line;
use ringshard::ops::admin::Order;
use ringshard::ops::report::{ConnectionSnapshot, ServerReport};
use ringshard::runtime::control::Gathered;
use std::error::Error;
use std::net::IpAddr;

/// What it takes.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    admin: AdminArguments,
    /// Most of what first.
    #[arg(long, value_enum, default_value = "bytes")]
    sort: Order,
    /// How many at most; 0 for all.
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Those of one core.
    #[arg(long, value_name = "N")]
    core: Option<u8>,
    /// Those from one address.
    #[arg(long, value_name = "ADDRESS")]
    address: Option<IpAddr>,
    /// One alone, by the name that this table gives it.
    #[arg(long, value_name = "ID", value_parser = id)]
    id: Option<String>,
    /// One JSON array instead of the table, with all that is known of each.
    #[arg(long)]
    json: bool,
}

fn id(text: &str) -> Result<String, String> {
    let is_one = text.split('.').count() == 3 && text.split('.').all(|part| part.parse::<u16>().is_ok());
    is_one
        .then(|| text.to_owned())
        .ok_or_else(|| "an id is three numbers with dots between them, such as 0.86.109".into())
}

/// Lists them.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let asker = arguments.admin.asker()?;
    let Gathered { given: sessions, missing } = asker.sessions(&arguments.path())?;
    for core in missing {
        output::remark(format_args!("ringshard: core {core} is stuck: its connections are missing here"));
    }
    if arguments.json {
        return Ok(output::print_line(serde_json::to_string_pretty(&sessions)?)?);
    }
    let report: ServerReport = asker.get("/stats")?;
    let all: usize = report.cores.iter().map(|core| core.connections).sum();
    if sessions.is_empty() {
        return Ok(output::print_line(arguments.nothing(all))?);
    }
    Ok(output::print(sheet(&sessions, arguments.title(sessions.len(), all), arguments.sort).page())?)
}

impl Arguments {
    /// What the server is asked.
    fn path(&self) -> String {
        let mut path = format!("/sessions?sort={}", order_name(self.sort));
        let mut narrow = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                path.push_str(&format!("&{name}={value}"));
            }
        };
        narrow("limit", (self.limit > 0).then(|| self.limit.to_string()));
        narrow("core", self.core.map(|core| core.to_string()));
        narrow("address", self.address.map(|address| address.to_string()));
        narrow("id", self.id.clone());
        path
    }

    /// Which connections are wanted, in words that follow "connections"; none where all are.
    fn wanted(&self) -> Option<String> {
        let words = [
            self.core.map(|core| format!("on core {core}")),
            self.address.map(|address| format!("from {address}")),
            self.id.as_ref().map(|id| format!("with the id {id}")),
        ];
        let words: Vec<String> = words.into_iter().flatten().collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    fn title(&self, shown: usize, all: usize) -> String {
        let Some(wanted) = self.wanted() else { return format!("{shown} of {all} connections") };
        // How many more there are of them is not known where the limit cuts them off.
        let at_least = if self.limit > 0 && shown >= self.limit { " or more" } else { "" };
        format!("{shown}{at_least} of {all} connections: {wanted}")
    }

    fn nothing(&self, all: usize) -> String {
        match self.wanted() {
            None if all == 0 => "nobody is connected".into(),
            None => format!("no connection is listed, and {all} were counted since: look again"),
            Some(wanted) => format!("none of {all} connections is {wanted}"),
        }
    }
}

/// A table in which every order has a column of its name.
fn sheet(sessions: &[ConnectionSnapshot], title: String, order: Order) -> Sheet {
    let column = |of: Order, heading, rank| Column::new(heading, 0).rank(rank).marked(of == order);
    let columns = vec![
        Column::text("id", 0),
        Column::text("address", 0),
        Column::text("standing", 0).rank(5),
        column(Order::Rate, "rate", 1),
        column(Order::RoundTrip, "round-trip", 2),
        column(Order::Loss, "loss", 3),
        column(Order::Age, "age", 4),
        column(Order::Silence, "silence", 6),
        column(Order::Bytes, "bytes", 7),
        column(Order::Unacknowledged, "unacknowledged", 8),
        column(Order::OverBudget, "over-budget", 9),
        Column::new("bytes in", 0).rank(10),
        Column::new("bytes out", 0).rank(10),
        Column::new("lost", 0).rank(11),
    ];
    let row = |session: &ConnectionSnapshot| {
        let both = (session.bytes_in + session.bytes_out) as f64;
        let cells = [
            session.id.clone(),
            address(session.address),
            session.standing.clone(),
            format!("{}/s", bytes(both / session.age_s.max(1e-3))),
            session.round_trip_ms.map_or("-".into(), |millis| micros(millis * 1000.0)),
            percent(session.loss),
            age(session.age_s),
            age(session.silent_s),
            bytes(both),
            bytes(session.unacknowledged_bytes as f64),
            things(session.over_budget),
            bytes(session.bytes_in as f64),
            bytes(session.bytes_out as f64),
            things(session.packets_lost),
        ];
        cells.map(Line::from).to_vec()
    };
    let aside = Line::from(format!("by {}, most first", order_name(order)));
    Sheet { title: title.into(), aside, columns, rows: sessions.iter().map(row).collect(), empty: "" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sheet::text;
    use crate::top::samples::session;
    use clap::ValueEnum;

    #[test]
    fn every_order_has_a_column_of_its_name_even_on_80_columns() {
        for order in Order::value_variants() {
            let sheet = sheet(&[session(1, 10, 100)], "1 of 1 connections".into(), *order);
            let heads = text(sheet, 80, 3).lines().nth(1).unwrap().to_owned();
            assert!(heads.split_whitespace().any(|head| head == order_name(*order)), "{order:?}: {heads}");
        }
    }
}
