//! `ringshard tiles info`

use crate::output;
use crate::units::{bytes, whole};
use ringshard_services::tiles::TileProvider;
use serde::Serialize;
use serde_json::Value;
use std::error::Error;
use std::path::{Path, PathBuf};

/// Texts of the metadata that are shown.
const TEXTS: [&str; 3] = ["name", "description", "attribution"];

/// Arguments of `tiles info`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The PMTiles file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print all of it as JSON, with all metadata.
    #[arg(long)]
    json: bool,
}

/// What a file has.
#[derive(Serialize)]
struct Info<'a> {
    file: &'a Path,
    bytes: u64,
    /// The media type of the tiles, and how they are compressed.
    format: &'static str,
    compression: Option<&'static str>,
    zooms: [u8; 2],
    /// West, south, east and north, in degrees.
    bounds: [f64; 4],
    /// Tiles that clients can ask for, if the file says so.
    tiles: Option<u64>,
    metadata: Value,
}

/// Runs `ringshard tiles info`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let (runtime, archive) = super::open(&arguments.file)?;
    let metadata = runtime.block_on(archive.metadata())?;
    let (format, compression) = archive.format();
    let zooms = archive.zooms();
    let info = Info {
        file: &arguments.file,
        bytes: std::fs::metadata(&arguments.file)?.len(),
        format,
        compression,
        zooms: [*zooms.start(), *zooms.end()],
        bounds: archive.bounds(),
        tiles: archive.tiles(),
        metadata: serde_json::from_str(&metadata).unwrap_or(Value::String(metadata)),
    };
    if arguments.json {
        return Ok(output::print_line(serde_json::to_string_pretty(&info)?)?);
    }
    let line = |(name, text): (&str, String)| output::print_line(format_args!("{name:<12} {text}"));
    Ok(info.facts().into_iter().try_for_each(line)?)
}

impl Info<'_> {
    fn facts(&self) -> Vec<(&str, String)> {
        let compression = self.compression.map_or("not compressed".to_owned(), |it| format!("compressed with {it}"));
        let [west, south, east, north] = self.bounds;
        let mut facts = vec![
            ("file", format!("{}, {}", self.file.display(), bytes(self.bytes as f64))),
            ("type", format!("{}, {compression}", self.format)),
            ("zooms", format!("{} to {}", self.zooms[0], self.zooms[1])),
            ("bounds", format!("{west} to {east} degrees east, {south} to {north} degrees north")),
            ("tiles", self.tiles.map_or("the file does not say".to_owned(), whole)),
        ];
        facts.extend(TEXTS.iter().filter_map(|name| Some((*name, self.metadata.get(name)?.as_str()?.to_owned()))));
        facts
    }
}
