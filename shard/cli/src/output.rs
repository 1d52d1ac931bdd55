//! Where commands write: standard output, remarks on standard error, and files that were not there before.
//!
//! Whoever reads along may stop reading, as `| head` does. That ends a command quietly and well.

use std::error::Error;
use std::fmt::{self, Display};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Text that standard output did not take.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output: {0}")]
pub struct PrintError(#[from] io::Error);

/// Writes a text to standard output.
///
/// # Errors
/// [`PrintError`]; commands pass it on, and [`is_closed`] tells whether it is one to speak of.
pub fn print(text: impl Display) -> Result<(), PrintError> {
    let mut out = io::stdout().lock();
    write!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Writes a text and the end of its line to standard output.
///
/// # Errors
/// [`PrintError`].
pub fn print_line(text: impl Display) -> Result<(), PrintError> {
    print(format_args!("{text}\n"))
}

/// Says something aside, on standard error. Nothing depends on whether it is read.
pub fn remark(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Whether a command ended because nobody reads its standard output any more.
pub fn is_closed(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<PrintError>().is_some_and(|PrintError(error)| error.kind() == ErrorKind::BrokenPipe)
}

/// A file that this command makes, for its owner alone; or standard output, where `-` is asked for.
pub enum Output {
    /// A file.
    File(PathBuf, File),
    /// Standard output.
    Standard,
}

impl Output {
    /// Makes the file.
    ///
    /// # Errors
    /// It exists, or cannot be made; standard output is a terminal, and `what` is nothing for one.
    pub fn create(path: &Path, what: &str) -> Result<Self, String> {
        if path.as_os_str() == "-" {
            return match io::stdout().is_terminal() {
                true => Err(format!("standard output is a terminal: send {what} into a pipe or a file")),
                false => Ok(Output::Standard),
            };
        }
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(file) => Ok(Output::File(path.to_owned(), file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Err(format!("{} exists already, and nothing is overwritten: name another file", path.display()))
            }
            Err(error) => Err(format!("cannot write {}: {error}", path.display())),
        }
    }

    /// Writes all of `bytes`, so that whoever reads along has them.
    ///
    /// # Errors
    /// What the system said.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
        match self {
            Output::File(path, file) => {
                file.write_all(bytes).map_err(|error| format!("cannot write {}: {error}", path.display()).into())
            }
            Output::Standard => {
                let mut out = io::stdout().lock();
                let written = out.write_all(bytes).and_then(|()| out.flush());
                written.map_err(|error| PrintError(error).into())
            }
        }
    }

    /// Takes the file away again: nothing came of it.
    pub fn discard(self) {
        if let Output::File(path, _) = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Output::File(path, _) => path.display().fmt(f),
            Output::Standard => f.write_str("standard output"),
        }
    }
}
