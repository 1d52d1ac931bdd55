//! `ringshard sessions`

use crate::admin::AdminArguments;
use clap::ValueEnum;
use comfy_table::{CellAlignment, Table, presets};
use ringshard::admin::Order;
use ringshard::control::Gathered;
use ringshard::report::SessionSnapshot;
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
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// One JSON array instead of the table, with all that is known of each.
    #[arg(long)]
    json: bool,
}

/// Lists them.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let order = arguments.sort.to_possible_value();
    let mut path = format!("/sessions?sort={}", order.as_ref().map_or("bytes", |order| order.get_name()));
    let mut narrow = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={value}"));
        }
    };
    narrow("limit", (arguments.limit > 0).then(|| arguments.limit.to_string()));
    narrow("core", arguments.core.map(|core| core.to_string()));
    narrow("address", arguments.address.map(|address| address.to_string()));
    narrow("id", arguments.id.clone());
    let Gathered { given: sessions, missing } = arguments.admin.asker()?.sessions(&path)?;
    for core in missing {
        eprintln!("ringshard: core {core} is stuck: its connections are missing here");
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&sessions)?);
    } else {
        println!("{}", table(&sessions));
    }
    Ok(())
}

fn table(sessions: &[SessionSnapshot]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header([
        "id",
        "core",
        "address",
        "standing",
        "age s",
        "silent s",
        "round trip ms",
        "loss %",
        "KiB in",
        "KiB out",
        "waiting B",
        "lost",
        "refused",
    ]);
    for column in (1..13).filter(|column| ![2, 3].contains(column)) {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for session in sessions {
        table.add_row([
            session.id.clone(),
            session.core.to_string(),
            session.address.to_string(),
            session.standing.clone(),
            format!("{:.0}", session.age_s),
            format!("{:.1}", session.silent_s),
            session.round_trip_ms.map_or("-".into(), |millis| format!("{millis:.1}")),
            format!("{:.1}", session.loss * 100.0),
            (session.bytes_in >> 10).to_string(),
            (session.bytes_out >> 10).to_string(),
            session.unacknowledged_bytes.to_string(),
            session.packets_lost.to_string(),
            session.over_budget.to_string(),
        ]);
    }
    table
}
