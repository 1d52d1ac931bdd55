//! `ringshard keygen`

use crate::output;
use std::error::Error;
use std::path::PathBuf;

/// What it takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// File for the secret key; it must not exist yet. Only its owner can read it.
    #[arg(long, value_name = "FILE", default_value = "server.key")]
    out: PathBuf,
    /// Make no key: print the public half of the one in this file.
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    public: Option<PathBuf>,
}

/// Makes the key, or reads it.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    if let Some(path) = &arguments.public {
        return Ok(output::print_line(ringshard::config::key_files::load_secret(path)?.public())?);
    }
    let public = ringshard::config::key_files::generate(&arguments.out)?;
    output::remark(format_args!("secret key written to {}; clients pin the public key:", arguments.out.display()));
    Ok(output::print_line(public)?)
}
