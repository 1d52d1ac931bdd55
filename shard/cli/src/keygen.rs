//! `ringshard keygen`

use crate::output;
use std::error::Error;
use std::path::PathBuf;

/// Arguments of `keygen`.
#[derive(clap::Args)]
pub struct Arguments {
    /// File for the secret key, which must not exist yet. Only its owner can read it.
    #[arg(long, value_name = "FILE", default_value = "server.key")]
    out: PathBuf,
    /// Make no key: read the secret key from this file, and print its public half.
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    public: Option<PathBuf>,
}

/// Runs `ringshard keygen`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    if let Some(path) = &arguments.public {
        return Ok(output::print_line(ringshard::config::key_files::load_secret(path)?.public())?);
    }
    let public = ringshard::config::key_files::generate(&arguments.out)?;
    output::remark(format_args!("wrote the secret key to {}; clients pin this public key:", arguments.out.display()));
    Ok(output::print_line(public)?)
}
