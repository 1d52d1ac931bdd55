//! `ringshard map sample`

use crate::output;
use ringshard_maps::sample::{DESCRIPTION, sample_sources};
use std::error::Error;
use std::path::PathBuf;

/// Arguments of `map sample`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder for the files. It is created if it does not exist, and must be empty.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Another number gives another map.
    #[arg(long, value_name = "N", default_value_t = 7)]
    seed: u64,
}

/// Runs `ringshard map sample`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let Arguments { folder, seed } = arguments;
    let failed = |error: std::io::Error| format!("cannot write to the folder {}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(failed)?;
    if std::fs::read_dir(folder).map_err(failed)?.next().is_some() {
        return Err(format!("the folder {} is not empty: name another one", folder.display()).into());
    }
    for (name, bytes) in sample_sources(*seed) {
        std::fs::write(folder.join(&name), bytes).map_err(failed)?;
        output::remark(format_args!("wrote {}", folder.join(name).display()));
    }
    let description = folder.join(DESCRIPTION);
    output::remark("bake them with this command:");
    Ok(output::print_line(format_args!("ringshard map bake {} -o sample.ringmap", description.display()))?)
}
