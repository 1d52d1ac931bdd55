//! `ringshard resources keygen`

use crate::output;
use ringshard_services::resources::SigningKey;
use std::error::Error;
use std::path::PathBuf;

/// Arguments of `resources keygen`.
#[derive(clap::Args)]
pub struct Arguments {
    /// File for the secret key, which must not exist yet. Only its owner can read it. Servers do not need it.
    #[arg(long, value_name = "FILE", default_value = "resources.key")]
    out: PathBuf,
    /// Make no key: read the secret key from this file, and print its public half.
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    public: Option<PathBuf>,
}

/// Runs `ringshard resources keygen`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    if let Some(path) = &arguments.public {
        return Ok(output::print_line(SigningKey::load(path)?.public())?);
    }
    let key = SigningKey::generate(&arguments.out)?;
    output::remark(format_args!("wrote the secret key to {}; clients pin this public key:", arguments.out.display()));
    Ok(output::print_line(key.public())?)
}
