//! `ringshard accounts import`, `export` and `backup`

use crate::output::{self, Output};
use crate::services_folder::ServicesFolder;
use crate::units::{bytes, whole};
use ringshard_services::accounts::{Existing, Secrets};
use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;

/// Arguments of `accounts import`.
#[derive(clap::Args)]
pub struct ImportArguments {
    #[command(flatten)]
    folder: ServicesFolder,
    /// File with the lines, or - for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Leave accounts whose id, email or name exists as they are, and go on.
    #[arg(long)]
    skip_existing: bool,
    /// Make the database if it does not exist.
    #[arg(long)]
    create: bool,
}

/// Arguments of `accounts export`.
#[derive(clap::Args)]
pub struct ExportArguments {
    #[command(flatten)]
    folder: ServicesFolder,
    /// New file for the lines, or - for standard output. Only its owner can read it.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write hashes of passwords, too: then the accounts can log in where they are imported.
    #[arg(long)]
    with_passwords: bool,
}

/// Arguments of `accounts backup`.
#[derive(clap::Args)]
pub struct BackupArguments {
    #[command(flatten)]
    folder: ServicesFolder,
    /// New file for the copy. Only its owner can read it.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Runs `ringshard accounts import`.
pub fn import(arguments: &ImportArguments) -> Result<(), Box<dyn Error>> {
    let mut input: Box<dyn BufRead> = match arguments.file.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => {
            let file = File::open(&arguments.file);
            let file = file.map_err(|error| format!("cannot read {}: {error}", arguments.file.display()))?;
            Box::new(BufReader::new(file))
        }
    };
    let existing = if arguments.skip_existing { Existing::Skip } else { Existing::Refuse };
    let imported = arguments.folder.accounts(arguments.create)?.import(&mut *input, existing)?;
    let (added, skipped) = (whole(imported.added), whole(imported.skipped));
    Ok(output::print_line(format_args!("imported {added} accounts, skipped {skipped} that exist"))?)
}

/// Runs `ringshard accounts export`.
pub fn export(arguments: &ExportArguments) -> Result<(), Box<dyn Error>> {
    let mut admin = arguments.folder.accounts(false)?;
    let secrets = if arguments.with_passwords { Secrets::Included } else { Secrets::LeftOut };
    let mut out = Lines { to: Output::create(&arguments.file, "the lines")?, failed: None };
    let mut buffered = BufWriter::with_capacity(1 << 16, &mut out);
    let exported = admin.export(&mut buffered, secrets);
    let flushed = buffered.flush();
    drop(buffered);
    if let Some(error) = out.failed {
        out.to.discard();
        return Err(error);
    }
    match exported.map_err(Box::from).and_then(|count| flushed.map(|()| count).map_err(Box::from)) {
        Ok(count) => {
            output::remark(format_args!("wrote {} accounts to {}", whole(count), out.to));
            Ok(())
        }
        Err(error) => {
            out.to.discard();
            Err(error)
        }
    }
}

/// Runs `ringshard accounts backup`.
pub fn backup(arguments: &BackupArguments) -> Result<(), Box<dyn Error>> {
    let size = arguments.folder.accounts(false)?.backup(&arguments.file)?;
    let file = arguments.file.display();
    Ok(output::print_line(format_args!("copied {} to {file}, and found no damage", bytes(size as f64)))?)
}

/// Writes to an output, and keeps its error: that of a closed pipe is none for the user.
struct Lines {
    to: Output,
    failed: Option<Box<dyn Error>>,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.to.write(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(error) => {
                self.failed = Some(error);
                Err(io::Error::other("the output failed"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
