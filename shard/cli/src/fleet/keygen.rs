//! `ringshard fleet keygen`

use crate::output;
use ringshard::runtime::entropy::random_bytes;
use std::error::Error;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// Arguments of `fleet keygen`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The file, which must not exist. Only its owner can read it.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs `ringshard fleet keygen`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let path = &arguments.out;
    let digits: String = random_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let failure = |error| format!("cannot write the fleet's key to {}: {error}", path.display());
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failure)?;
    let written = writeln!(file, "{digits}").and_then(|()| file.sync_all());
    if let Err(error) = written {
        // Half a key would be in the way of the next attempt.
        let _ = std::fs::remove_file(path);
        return Err(failure(error).into());
    }
    Ok(output::print_line(format_args!("{} has the fleet's key: copy it to all hosts", path.display()))?)
}
