//! `ringshard tiles get`

use crate::output::{self, Output};
use crate::units::bytes;
use ringshard_services::tiles::{InvalidTile, Tile, TileProvider};
use std::error::Error;
use std::path::PathBuf;

/// Arguments of `tiles get`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The PMTiles file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The tile: its zoom, its column from the west, and its row from the north.
    #[arg(value_name = "Z/X/Y", value_parser = tile)]
    tile: Tile,
    /// File for the tile, which must not exist yet; - for standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
}

fn tile(text: &str) -> Result<Tile, String> {
    text.parse().map_err(|error: InvalidTile| match error {
        InvalidTile::Name => "a tile is three plain numbers, such as 3/4/2".to_owned(),
        other => other.to_string(),
    })
}

/// Runs `ringshard tiles get`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let (runtime, archive) = super::open(&arguments.file)?;
    let Some(content) = runtime.block_on(archive.fetch(arguments.tile))? else {
        let (zooms, file) = (archive.zooms(), arguments.file.display());
        let (from, to) = (zooms.start(), zooms.end());
        return Err(
            format!("{file} has no tile {}: it has zooms {from} to {to}, and may have gaps", arguments.tile).into()
        );
    };
    let mut out = Output::create(&arguments.out, "the tile")?;
    if let Err(error) = out.write(&content) {
        out.discard();
        return Err(error);
    }
    let (kind, encoding) = archive.format();
    let encoding = encoding.map_or(String::new(), |it| format!(", compressed with {it}"));
    output::remark(format_args!("{out}: {}, {kind}{encoding}", bytes(content.len() as f64)));
    Ok(())
}
