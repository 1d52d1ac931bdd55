//! `ringshard places import`

use crate::output;
use crate::services_folder::ServicesFolder;
use crate::units::{age, whole};
use indicatif::{ProgressBar, ProgressStyle};
use ringshard_services::places::import::{Columns, Format, Import, Imported, Progress, Stage, import};
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

/// The share of the time that reading takes.
const READ: f64 = 0.3;

/// Arguments of `places import`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The file to import.
    #[arg(value_name = "FILE")]
    source: PathBuf,
    #[command(flatten)]
    folder: ServicesFolder,
    /// The kind that all of the places get.
    #[arg(long, value_name = "NAME", default_value = "place")]
    kind: String,
    /// The title of a column, such as `name=Station`. May be given several times.
    #[arg(long = "map", value_name = "COLUMN=TITLE")]
    mappings: Vec<String>,
    /// The format, if the name of the file ends with neither .csv nor .json.
    #[arg(long, value_name = "FORMAT", value_parser = ["csv", "json"])]
    format: Option<String>,
    /// Leave out rows that are no places, instead of failing at the first one.
    #[arg(long)]
    skip_invalid: bool,
    /// Print what was imported as JSON.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    fn format(&self) -> Result<Format, String> {
        match self.format.as_deref() {
            Some("csv") => Ok(Format::Csv),
            Some(_) => Ok(Format::Json),
            None => Format::of(&self.source).ok_or_else(|| {
                format!("the format of {} is not known: add --format csv or --format json", self.source.display())
            }),
        }
    }
}

/// Runs `ringshard places import`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let mut columns = Columns::default();
    arguments.mappings.iter().try_for_each(|mapping| columns.choose(mapping))?;
    let what = Import {
        source: &arguments.source,
        format: arguments.format()?,
        kind: &arguments.kind,
        columns,
        skip_invalid: arguments.skip_invalid,
    };
    let target = arguments.folder.places_path();
    let dir = arguments.folder.path();
    std::fs::create_dir_all(dir).map_err(|error| format!("cannot make {}: {error}", dir.display()))?;
    let began = Instant::now();
    let bar = bar();
    let imported = import(&target, &what, &mut |progress| show(&bar, progress));
    bar.finish_and_clear();
    let Imported { places, invalid, duplicates, kept } = imported?;
    if arguments.json {
        let outcome = serde_json::json!({
            "file": target, "kind": arguments.kind, "places": places, "invalid": invalid, "duplicates": duplicates,
            "kept": kept, "seconds": began.elapsed().as_secs_f64(),
        });
        return Ok(output::print_line(serde_json::to_string_pretty(&outcome)?)?);
    }
    let (plural, kind) = (if places == 1 { "" } else { "s" }, &arguments.kind);
    let mut text = format!("imported {} place{plural} of kind {kind} into {}", whole(places), target.display());
    let mut aside = |count: u64, what: &str| {
        if count > 0 {
            text.push_str(&format!(", {} {what}", whole(count)));
        }
    };
    aside(invalid, "invalid rows left out");
    aside(duplicates, "duplicates left out");
    aside(kept, "places of other kinds kept");
    Ok(output::print_line(format_args!("{text}, in {}", age(began.elapsed().as_secs_f64())))?)
}

/// A progress bar of 100 steps. It is hidden if standard error is not a terminal.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("import [{bar:40}] {percent:>3} % {msg}");
    ProgressBar::new(100).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show(bar: &ProgressBar, Progress { stage, part }: Progress) {
    let (name, part) = match stage {
        Stage::Read => ("rows", part * READ),
        Stage::Index => ("indexes", READ + part * (1.0 - READ)),
    };
    bar.set_message(name);
    bar.set_position((part * 100.0) as u64);
}
