//! `ringshard resources sign`

use crate::output;
use crate::services_folder::ServicesFolder;
use ringshard_services::resources::SigningKey;
use std::error::Error;
use std::path::PathBuf;

/// Arguments of `resources sign`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Names of resources.
    #[arg(value_name = "NAME", required_unless_present = "all")]
    names: Vec<String>,
    /// Sign all resources.
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// File of the key.
    #[arg(long, value_name = "FILE", default_value = "resources.key")]
    key: PathBuf,
    #[command(flatten)]
    folder: ServicesFolder,
}

/// Runs `ringshard resources sign`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let key = SigningKey::load(&arguments.key)?;
    let signed = arguments.folder.resources()?.sign(&arguments.names, &key)?;
    for entry in &signed {
        output::print_line(format_args!("signed {}", entry.name))?;
    }
    output::remark(format_args!("signed {} with the key {}", signed.len(), key.public()));
    Ok(())
}
