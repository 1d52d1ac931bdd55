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
}

/// Makes the key.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let public = ringshard::keys::generate(&arguments.out)?;
    output::remark(format_args!("secret key written to {}; clients pin the public key:", arguments.out.display()));
    Ok(output::print_line(public)?)
}
