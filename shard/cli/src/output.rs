//! The output of commands: standard output, remarks on standard error, and new files.
//!
//! If the reader of standard output stops, as `| head` does, the command ends quietly and successfully.

use std::error::Error;
use std::fmt::{self, Display};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Standard output cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output: {0}")]
pub struct PrintError(#[from] io::Error);

/// Prints a text to standard output.
///
/// # Errors
/// [`PrintError`]. Commands pass it on; [`is_closed`] says whether it is an error for the user.
pub fn print(text: impl Display) -> Result<(), PrintError> {
    let mut out = io::stdout().lock();
    write!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Prints a line to standard output.
///
/// # Errors
/// [`PrintError`].
pub fn print_line(text: impl Display) -> Result<(), PrintError> {
    print(format_args!("{text}\n"))
}

/// Prints a line to standard error, if possible.
pub fn remark(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// A text without the control characters that a hostile one could hold for a terminal.
pub fn plain(text: &str) -> String {
    let mut plain = String::new();
    for it in text.chars() {
        if it.is_control() { plain.extend(it.escape_default()) } else { plain.push(it) }
    }
    plain
}

/// Whether a command ended because its standard output was closed.
pub fn is_closed(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<PrintError>().is_some_and(|PrintError(error)| error.kind() == ErrorKind::BrokenPipe)
}

/// A new file that only its owner can read, or standard output for `-`.
pub enum Output {
    /// A file.
    File(PathBuf, File),
    /// Standard output.
    Standard,
}

impl Output {
    /// Creates the file.
    ///
    /// # Errors
    /// The file exists or cannot be created, or standard output is a terminal, where `what` does not belong.
    pub fn create(path: &Path, what: &str) -> Result<Self, String> {
        if path.as_os_str() == "-" {
            return match io::stdout().is_terminal() {
                true => Err(format!("standard output is a terminal: redirect {what} to a pipe or a file")),
                false => Ok(Output::Standard),
            };
        }
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(file) => Ok(Output::File(path.to_owned(), file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Err(format!("{} already exists, and files are never overwritten: name another file", path.display()))
            }
            Err(error) => Err(format!("cannot write {}: {error}", path.display())),
        }
    }

    /// Writes and flushes `bytes`.
    ///
    /// # Errors
    /// What the system reports.
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

    /// Removes the file, because the command failed.
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
