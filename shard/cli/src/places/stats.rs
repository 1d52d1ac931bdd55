//! `ringshard places stats`

use crate::output;
use crate::services_folder::ServicesFolder;
use crate::table::{Column, Table};
use crate::units::{bytes, whole};
use ratatui::text::Line;
use ringshard_services::places::Kind;
use std::error::Error;

/// Arguments of `places stats`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    folder: ServicesFolder,
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `ringshard places stats`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let (file, path) = (arguments.folder.places()?, arguments.folder.places_path());
    let length = std::fs::metadata(&path)?.len();
    let all: u64 = file.kinds().iter().map(|kind| kind.places).sum();
    if arguments.json {
        let kind = |kind: &Kind| serde_json::json!({ "kind": kind.name, "places": kind.places });
        let kinds: Vec<_> = file.kinds().iter().map(kind).collect();
        let stats = serde_json::json!({ "file": path, "bytes": length, "places": all, "kinds": kinds });
        return Ok(output::print_line(serde_json::to_string_pretty(&stats)?)?);
    }
    let columns = vec![Column::text("kind", 0), Column::new("places", 0), Column::new("greatest importance", 0)];
    let row = |kind: &Kind| {
        let cells = [kind.name.clone(), whole(kind.places), whole(kind.importance_max as u64)];
        cells.map(Line::from).to_vec()
    };
    let rows = file.kinds().iter().map(row).collect();
    let title = format!("{} places in {}", whole(all), path.display());
    let aside = bytes(length as f64);
    Ok(output::print(Table { title: title.into(), aside: aside.into(), columns, rows, empty: "no kinds" }.page())?)
}
