//! `ringshard map bake`

use super::{by, of, print_facts, units};
use crate::output;
use crate::units::{age, bytes};
use indicatif::{ProgressBar, ProgressStyle};
use ringshard_maps::{Report, Source, Stage, bake};
use ringshard_terrain::file::MAGIC;
use serde::Serialize;
use std::error::Error;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Arguments of `map bake`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The description of the map, a TOML file. The files that it names lie in its folder.
    #[arg(value_name = "SOURCE.toml")]
    source: PathBuf,
    /// Map file to write. An existing map file is replaced; any other file is not.
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// Leave out the navigation mesh: baking is faster, and paths cannot be found on the map.
    #[arg(long)]
    no_mesh: bool,
    /// Print what was baked as JSON.
    #[arg(long)]
    json: bool,
}

/// What was baked.
#[derive(Serialize)]
struct Outcome<'a> {
    file: &'a Path,
    bytes: usize,
    /// The digest of the map, in hexadecimal digits.
    digest: String,
    seconds: f64,
    #[serde(flatten)]
    report: &'a Report,
}

/// Runs `ringshard map bake`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let Arguments { source, out, no_mesh, json } = arguments;
    // What cannot be written is not baked.
    check_replaceable(out)?;
    let began = Instant::now();
    let source = Source::open(source)?;
    let bar = bar();
    let baked = bake(&source, !no_mesh, &mut |stage, part| show(&bar, stage, part, *no_mesh));
    bar.finish_and_clear();
    let baked = baked?;
    let file = baked.plan.write().map_err(|error| format!("{}: {error}", source.name))?;
    replace(out, &file)?;
    let digest = u32::from_le_bytes([file[12], file[13], file[14], file[15]]);
    let outcome = Outcome {
        file: out,
        bytes: file.len(),
        digest: format!("{digest:08x}"),
        seconds: began.elapsed().as_secs_f64(),
        report: &baked.report,
    };
    if *json {
        return Ok(output::print_line(serde_json::to_string_pretty(&outcome)?)?);
    }
    print(&outcome)
}

fn print(outcome: &Outcome<'_>) -> Result<(), Box<dyn Error>> {
    let Outcome { file, bytes: length, digest, seconds, report } = outcome;
    let Report { pixels, heights, ground, .. } = report;
    let picture = match pixels {
        [0, 0] => "no heightmap".to_owned(),
        [across, up] => format!("a heightmap of {across} x {up} pixels"),
    };
    let spawns: Vec<String> = report.spawns.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let mesh = match report.mesh_polygons {
        0 => "none".to_owned(),
        polygons => of(polygons, "polygon", "polygons"),
    };
    let facts = [
        ("map", format!("{}, {}, digest {digest}", file.display(), bytes(*length as f64))),
        ("size", format!("{} units", by(&report.size))),
        (
            "ground",
            format!(
                "{picture}; {} x {} heights, {} units apart, from {} to {} units",
                heights[0],
                heights[1],
                units(report.spacing),
                units(ground[0]),
                units(ground[1])
            ),
        ),
        (
            "geometry",
            format!(
                "{} in {} of {}; {} without an area left out",
                of(report.triangles, "triangle", "triangles"),
                of(report.nodes, "node", "nodes"),
                of(report.models, "model", "models"),
                of(report.degenerate_triangles, "triangle", "triangles"),
            ),
        ),
        ("volumes", format!("{} water, {} no-go, {} area", report.water, report.no_go, report.areas)),
        ("spawns", if spawns.is_empty() { "none".to_owned() } else { spawns.join(", ") }),
        ("mesh", mesh),
        ("time", age(*seconds)),
    ];
    Ok(print_facts(&facts)?)
}

/// A progress bar of 100 steps. It is hidden if standard error is not a terminal.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("bake [{bar:40}] {percent:>3} % {msg}");
    ProgressBar::new(100).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show(bar: &ProgressBar, stage: Stage, part: f32, no_mesh: bool) {
    let (name, from, to) = match stage {
        Stage::Heightmap => ("heightmap", 0.0, 5.0),
        Stage::Models => ("models", 5.0, 12.0),
        Stage::Lists => ("lists of geometry", 12.0, 20.0),
        Stage::Spawns => ("spawn points", 20.0, 22.0),
        Stage::Mesh => ("navigation mesh", 22.0, 100.0),
    };
    let percent: f32 = from + (to - from) * part;
    bar.set_message(name);
    // Without a mesh, the rest is all.
    bar.set_position(if no_mesh { percent * 100.0 / 22.0 } else { percent } as u64);
}

/// Refuses to replace anything but a map file.
fn check_replaceable(path: &Path) -> Result<(), String> {
    let metadata = match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("cannot write {}: {error}", path.display())),
        Ok(metadata) => metadata,
    };
    let mut begin = [0; MAGIC.len()];
    let is_map = metadata.is_file()
        && File::open(path).and_then(|mut file| file.read_exact(&mut begin)).is_ok_and(|()| begin == MAGIC);
    if is_map { Ok(()) } else { Err(format!("{} exists and is no map file: name another file", path.display())) }
}

/// Writes a file beside the path, and renames it. So the map is complete or is not there, and a server that has the former one
/// open keeps it.
fn replace(path: &Path, content: &[u8]) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", path.display());
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".partial-{}", std::process::id()));
    let partial = path.with_file_name(name);
    let mut file = File::create_new(&partial).map_err(failed)?;
    let written = file.write_all(content).and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&partial, path));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&partial);
        failed(error)
    })
}
