//! The archive: its files, its table of contents, and how it is written.

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What to know before passing it on.
const CAUTION: &str =
    "It holds addresses of players and the settings of the server. It holds no keys and no secrets: config.json has only the
names of their files. Look through it before you pass it on.";

/// A report that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file exists.
    #[error("{0} already exists, and files are never overwritten: name another file with --out")]
    Exists(PathBuf),
    /// The file cannot be created or written.
    #[error("cannot write {0}: {1}; name a file in another folder with --out")]
    Write(PathBuf, io::Error),
}

/// Checks, before the work begins, whether the file can be created.
///
/// # Errors
/// [`ArchiveError`].
pub fn check(path: &Path) -> Result<(), ArchiveError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let wrong = |error| ArchiveError::Write(path.to_owned(), error);
    if !std::fs::metadata(folder).map_err(wrong)?.is_dir() {
        return Err(wrong(io::ErrorKind::NotADirectory.into()));
    }
    match path.symlink_metadata() {
        Ok(_) => Err(ArchiveError::Exists(path.to_owned())),
        Err(_) => Ok(()),
    }
}

/// A file of the archive.
struct Entry {
    name: String,
    about: String,
    bytes: Vec<u8>,
}

/// The files collected so far.
pub struct Archive {
    /// The folder that holds all files.
    name: String,
    made: Timestamp,
    entries: Vec<Entry>,
    /// Files that are missing, and why.
    missing: Vec<(String, String)>,
    remarks: Vec<String>,
}

impl Archive {
    /// An empty archive.
    pub fn new(name: String, made: Timestamp) -> Self {
        Archive { name, made, entries: Vec::new(), missing: Vec::new(), remarks: Vec::new() }
    }

    /// Adds a file, or notes why it is missing.
    pub fn add(&mut self, name: impl Into<String>, about: impl Into<String>, text: Result<String, String>) {
        match text {
            Ok(text) => self.entries.push(Entry { name: name.into(), about: about.into(), bytes: text.into() }),
            Err(error) => self.miss(name, error),
        }
    }

    /// Notes why a file is missing, or what is wrong with it.
    pub fn miss(&mut self, name: impl Into<String>, error: String) {
        self.missing.push((name.into(), error));
    }

    /// Adds a remark for the reader.
    pub fn remark(&mut self, text: String) {
        self.remarks.push(text);
    }

    /// Writes the archive to a file that only its owner can read; returns the number of bytes.
    ///
    /// # Errors
    /// [`ArchiveError`]. Then the file does not exist.
    pub fn write(&self, path: &Path) -> Result<u64, ArchiveError> {
        let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = open.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => ArchiveError::Exists(path.to_owned()),
            _ => ArchiveError::Write(path.to_owned(), error),
        })?;
        let written =
            self.pack(BufWriter::new(file)).and_then(|buffer| buffer.into_inner().map_err(|it| it.into_error()));
        let length = written.and_then(|file| {
            file.sync_all()?;
            Ok(file.metadata()?.len())
        });
        length.map_err(|error| {
            let _ = std::fs::remove_file(path);
            ArchiveError::Write(path.to_owned(), error)
        })
    }

    fn pack<W: Write>(&self, sink: W) -> io::Result<W> {
        let mut archive = tar::Builder::new(GzEncoder::new(sink, Compression::default()));
        let mut append = |name: &str, bytes: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(self.made.as_second().max(0).cast_unsigned());
            archive.append_data(&mut header, format!("{}/{name}", self.name), bytes)
        };
        append("README.txt", self.readme().as_bytes())?;
        if !self.missing.is_empty() {
            append("errors.txt", self.errors().as_bytes())?;
        }
        for entry in &self.entries {
            append(&entry.name, &entry.bytes)?;
        }
        archive.into_inner()?.finish()
    }

    fn readme(&self) -> String {
        let mut text = format!(
            "A report on a Ringshard server, made {} UTC by ringshard {}.\n\n{CAUTION}\n\n",
            self.made.strftime("%Y-%m-%d %H:%M:%S"),
            env!("CARGO_PKG_VERSION"),
        );
        for remark in &self.remarks {
            let _ = writeln!(text, "{remark}\n");
        }
        let _ = write!(text, "Files:\n{}", self.files());
        if !self.missing.is_empty() {
            let _ = write!(text, "\nMissing (also in errors.txt):\n{}", self.errors());
        }
        text
    }

    fn files(&self) -> String {
        let width = self.entries.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
        self.entries.iter().map(|Entry { name, about, .. }| format!("  {name:width$}  {about}\n")).collect()
    }

    /// The missing files, grouped by reason.
    fn errors(&self) -> String {
        let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
        for (name, error) in &self.missing {
            match reasons.iter_mut().find(|(reason, _)| reason == error) {
                Some((_, names)) => names.push(name),
                None => reasons.push((error, vec![name])),
            }
        }
        reasons.iter().map(|(reason, names)| format!("  {}: {reason}\n", names.join(", "))).collect()
    }

    /// The contents, for the user who made the archive.
    pub fn summary(&self) -> String {
        let mut text = self.files();
        if !self.missing.is_empty() {
            let _ = write!(text, "Missing (also in errors.txt):\n{}", self.errors());
        }
        text.push_str(CAUTION);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_missing_for_one_reason_are_named_together() {
        let mut archive = Archive::new("report".into(), Timestamp::UNIX_EPOCH);
        for (name, error) in [("a", "no server"), ("b", "no file"), ("c", "no server")] {
            archive.add(name, "", Err(error.into()));
        }
        assert_eq!(archive.errors(), "  a, c: no server\n  b: no file\n");
        assert!(archive.readme().contains("made 1970-01-01 00:00:00 UTC"));
    }
}
