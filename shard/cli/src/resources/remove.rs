//! `ringshard resources remove`

use crate::output;
use crate::services_folder::ServicesFolder;
use std::error::Error;

/// Arguments of `resources remove`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Names of resources.
    #[arg(value_name = "NAME", required_unless_present = "unnamed")]
    names: Vec<String>,
    /// Remove files without a name, which interrupted commands leave.
    #[arg(long)]
    unnamed: bool,
    #[command(flatten)]
    folder: ServicesFolder,
}

/// Runs `ringshard resources remove`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let store = arguments.folder.resources()?;
    if !arguments.names.is_empty() {
        store.remove(&arguments.names)?;
    }
    for name in &arguments.names {
        output::print_line(format_args!("removed {name}"))?;
    }
    if arguments.unnamed {
        output::print_line(format_args!("removed {} files without a name", store.sweep()?))?;
    }
    Ok(())
}
