//! `ringshard path`: records the path of a player, and draws it.

mod svg;

use crate::admin::AdminArguments;
use crate::output::{print, print_line, remark};
use ringshard::ops::path::{PathReport, SECONDS_MAX};
use ringshard::runtime::path_record::Followed;
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

/// Arguments of `path`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    admin: AdminArguments,
    /// A player, such as 12.3, or a connection, such as 0.12.3: `ringshard sessions` lists both.
    #[arg(value_name = "PLAYER|CONNECTION")]
    player: Followed,
    /// Duration in seconds, up to 60.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
    secs: f64,
    /// Drawing to write. `-` is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "path.svg")]
    out: PathBuf,
    /// Print JSON, with each tick, instead of drawing.
    #[arg(long)]
    json: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.1..=SECONDS_MAX).contains(seconds));
    seconds.ok_or_else(|| format!("use a number of seconds from 0.1 to {SECONDS_MAX}"))
}

/// Runs `ringshard path`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let Arguments { admin, player, secs, out, json } = arguments;
    let client = admin.client()?;
    let bytes = client.bytes(&format!("/path?player={player}&seconds={secs}"), Duration::from_secs_f64(*secs))?;
    let path: PathReport = serde_json::from_slice(&bytes)?;
    if *json {
        return Ok(print_line(serde_json::to_string_pretty(&path)?)?);
    }
    let drawing = svg::draw(&path);
    if out.as_os_str() == "-" {
        return Ok(print(drawing)?);
    }
    std::fs::write(out, drawing).map_err(|error| format!("cannot write {}: {error}", out.display()))?;
    remark(format_args!("{}: {}", out.display(), svg::summary(&path)));
    Ok(())
}
