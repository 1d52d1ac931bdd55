//! `ringshard resources list`

use super::Entry;
use crate::output;
use crate::services_folder::ServicesFolder;
use crate::table::{Column, Table};
use crate::units::bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::text::Line;
use ringshard_services::resources::store::Manifest;
use ringshard_services::resources::to_hex;
use std::error::Error;

/// Arguments of `resources list`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Print a JSON array instead of a table, with hashes and signatures.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folder: ServicesFolder,
}

/// Runs `ringshard resources list`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let manifest = arguments.folder.resources()?.manifest()?;
    if arguments.json {
        let entries: Vec<Entry> = manifest.values().map(Entry::from).collect();
        return Ok(output::print_line(serde_json::to_string_pretty(&entries)?)?);
    }
    Ok(output::print(table(&manifest).page())?)
}

fn table(manifest: &Manifest) -> Table {
    let all: u64 = manifest.values().map(|entry| entry.size).sum();
    let title = match manifest.len() {
        1 => "1 resource".to_owned(),
        count => format!("{count} resources"),
    };
    let columns = vec![
        Column::text("name", 0),
        Column::new("size", 0),
        Column::text("signed", 0).rank(1),
        Column::text("added", 0).rank(2),
        Column::text("sha256", 0).rank(3),
    ];
    let rows = manifest.values().map(|entry| {
        let cells = [
            entry.name.clone(),
            bytes(entry.size as f64),
            if entry.signature.is_some() { "yes" } else { "no" }.to_owned(),
            time(entry.added),
            to_hex(&entry.hash[..8]),
        ];
        cells.map(Line::from).to_vec()
    });
    Table {
        title: title.into(),
        aside: bytes(all as f64).into(),
        columns,
        rows: rows.collect(),
        empty: "none: `ringshard resources add FILE` adds one",
    }
}

/// A time in Unix ms, in the time zone of the host.
fn time(millis: u64) -> String {
    let time = i64::try_from(millis).ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
    time.map_or("-".into(), |time| time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringshard_services::resources::store::Entry;

    #[test]
    fn a_narrow_table_keeps_names_and_sizes() {
        let entry = Entry { name: "maps/north".into(), hash: [7; 32], size: 2_048, signature: None, added: 0 };
        let page = crate::table::text(table(&[(entry.name.clone(), entry)].into()), 30, 3);
        assert!(page.contains("1 resource") && page.contains("maps/north") && page.contains("2.00 KiB"), "{page}");
    }
}
