//! `ringshard man` and `ringshard completions`, for packages.

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use std::error::Error;
use std::path::{Path, PathBuf};

/// Arguments of `completions`.
#[derive(clap::Args)]
pub struct CompletionsArguments {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Arguments of `man`.
#[derive(clap::Args)]
pub struct ManArguments {
    /// Folder for the pages. It is created if it does not exist.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Runs `ringshard completions`.
pub fn completions<C: CommandFactory>(arguments: &CompletionsArguments) -> Result<(), Box<dyn Error>> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut C::command(), "ringshard", &mut script);
    std::io::Write::write_all(&mut std::io::stdout(), &script)?;
    Ok(())
}

/// Runs `ringshard man`.
pub fn man<C: CommandFactory>(arguments: &ManArguments) -> Result<(), Box<dyn Error>> {
    let folder = &arguments.folder;
    std::fs::create_dir_all(folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    let mut command = C::command().disable_help_subcommand(true);
    command.build();
    pages(&command, "ringshard", folder)
}

/// Writes the page of a command, and those of its subcommands: `ringshard-config-check.1`.
fn pages(command: &Command, name: &str, folder: &Path) -> Result<(), Box<dyn Error>> {
    let path = folder.join(format!("{name}.1"));
    let mut page = Vec::new();
    // Without a date, the same source gives the same pages.
    clap_mangen::Man::new(command.clone().name(name.to_owned())).date("").render(&mut page)?;
    std::fs::write(&path, page).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        pages(inner, &format!("{name}-{}", inner.get_name()), folder)?;
    }
    Ok(())
}
