//! `ringshard man` and `ringshard completions`: what a package installs beside the binary.

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use std::error::Error;
use std::path::{Path, PathBuf};

/// What `completions` takes.
#[derive(clap::Args)]
pub struct CompletionsArguments {
    /// For which shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// What `man` takes.
#[derive(clap::Args)]
pub struct ManArguments {
    /// Folder to write the pages to, one a command; it is made if it is not there.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Prints the completions of a shell.
pub fn completions<C: CommandFactory>(arguments: &CompletionsArguments) -> Result<(), Box<dyn Error>> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut C::command(), "ringshard", &mut script);
    std::io::Write::write_all(&mut std::io::stdout(), &script)?;
    Ok(())
}

/// Writes the pages.
pub fn man<C: CommandFactory>(arguments: &ManArguments) -> Result<(), Box<dyn Error>> {
    let folder = &arguments.folder;
    std::fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let mut command = C::command().disable_help_subcommand(true);
    command.build();
    pages(&command, "ringshard", folder)
}

/// The page of a command, and those of the commands in it: `ringshard-config-check.1`.
fn pages(command: &Command, name: &str, folder: &Path) -> Result<(), Box<dyn Error>> {
    let path = folder.join(format!("{name}.1"));
    let mut page = Vec::new();
    // The date is left out, so that the same source gives the same pages.
    clap_mangen::Man::new(command.clone().name(name.to_owned())).date("").render(&mut page)?;
    std::fs::write(&path, page).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        pages(inner, &format!("{name}-{}", inner.get_name()), folder)?;
    }
    Ok(())
}
