//! Imports places from CSV or JSON. An import makes a new file beside the old one and renames it, so the old file stays as it
//! was until the new one is complete, and is whole at any time.

mod build;
mod columns;
mod source;

pub use columns::{Column, Columns, InvalidMapping};
pub use source::Format;

use super::file::{PlacesError, PlacesFile};
use super::place::{KINDS_MAX, LABEL_BYTES_MAX};
use build::Build;
use source::Records;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// How many rows pass between two calls of the progress function.
const PROGRESS_ROWS: u64 = 1_000;

/// What to import.
#[derive(Clone, Debug)]
pub struct Import<'a> {
    /// The file to read.
    pub source: &'a Path,
    /// Its format.
    pub format: Format,
    /// The kind that all of its places get. They replace all places of this kind; those of other kinds stay.
    pub kind: &'a str,
    /// Which column is what.
    pub columns: Columns,
    /// Skip and count invalid rows instead of failing.
    pub skip_invalid: bool,
}

/// What was imported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Imported {
    /// Places of the kind.
    pub places: u64,
    /// Invalid rows, which were left out.
    pub invalid: u64,
    /// Rows that were left out because another row has the same name and position.
    pub duplicates: u64,
    /// Places of other kinds, which stayed.
    pub kept: u64,
}

/// How far an import is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Progress {
    /// What it does.
    pub stage: Stage,
    /// From 0 to 1.
    pub part: f64,
}

/// What an import does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Reads rows.
    Read,
    /// Writes tables and indexes.
    Index,
}

/// An import that changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The source cannot be read.
    #[error("cannot read {path}: {reason}")]
    Source {
        /// The source.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// A row is invalid.
    #[error("row {row} of {path}: {reason}; correct it, or leave such rows out with --skip-invalid")]
    Row {
        /// The source.
        path: PathBuf,
        /// Its number, from 1, without the line of titles.
        row: u64,
        /// What is wrong.
        reason: String,
    },
    /// The source has no usable row.
    #[error("{0} has no place")]
    Empty(PathBuf),
    /// The kind's name is invalid.
    #[error("a kind has 1 to {LABEL_BYTES_MAX} of the characters a-z, 0-9, - and _")]
    Kind,
    /// Too many kinds.
    #[error("a file has at most {KINDS_MAX} kinds of places")]
    Kinds,
    /// The existing file cannot be read, and its other kinds would be lost.
    #[error("the existing places cannot be kept: {0}; remove the file to begin anew")]
    Existing(PlacesError),
    /// Another import runs.
    #[error("another import into {0} is running")]
    Running(PathBuf),
    /// The new file cannot be written.
    #[error("cannot write {path}: {reason}; the places are as before")]
    Target {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
}

/// Imports places into the file at `target`.
///
/// # Errors
/// [`ImportError`]. The file is as before then.
pub fn import(target: &Path, import: &Import<'_>, progress: &mut dyn FnMut(Progress)) -> Result<Imported, ImportError> {
    let is_plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-' || it == b'_';
    if !(1..=LABEL_BYTES_MAX).contains(&import.kind.len()) || !import.kind.bytes().all(is_plain) {
        return Err(ImportError::Kind);
    }
    let failed = |error: io::Error| ImportError::Target { path: target.to_owned(), reason: error.to_string() };
    let lock = OpenOptions::new().create(true).append(true).open(beside(target, "lock")).map_err(failed)?;
    lock.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => ImportError::Running(target.to_owned()),
        TryLockError::Error(error) => failed(error),
    })?;
    let partial = Partial(beside(target, "partial"));
    let imported = build(target, &partial.0, import, progress)?;
    let renamed = File::open(&partial.0)
        .and_then(|file| file.sync_all())
        .and_then(|()| std::fs::rename(&partial.0, target))
        .and_then(|()| File::open(folder(target))?.sync_all());
    renamed.map_err(failed)?;
    Ok(imported)
}

fn build(
    target: &Path,
    partial: &Path,
    import: &Import<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Imported, ImportError> {
    let failed = |error: rusqlite::Error| ImportError::Target { path: target.to_owned(), reason: error.to_string() };
    let mut build = Build::new(partial).map_err(failed)?;
    let kept = keep_others(&mut build, target, import.kind, &failed)?;
    let stage = build.begin(import.kind).map_err(failed)?;
    let (mut invalid, mut duplicates) = (0, 0);
    let mut records = Records::open(import)?;
    let mut row = 0;
    while let Some(record) = records.next()? {
        row += 1;
        if row % PROGRESS_ROWS == 0 {
            progress(Progress { stage: Stage::Read, part: records.part() });
        }
        match record {
            Ok(place) => duplicates += u64::from(!build.add(stage, &place).map_err(failed)?),
            Err(_) if import.skip_invalid => invalid += 1,
            Err(reason) => return Err(ImportError::Row { path: import.source.to_owned(), row, reason }),
        }
    }
    let places = row - invalid - duplicates;
    if places == 0 {
        return Err(ImportError::Empty(import.source.to_owned()));
    }
    build.finish(&mut |part| progress(Progress { stage: Stage::Index, part })).map_err(failed)?;
    Ok(Imported { places, invalid, duplicates, kept })
}

/// Takes the other kinds over from the existing file.
fn keep_others(
    build: &mut Build,
    target: &Path,
    kind: &str,
    failed: &dyn Fn(rusqlite::Error) -> ImportError,
) -> Result<u64, ImportError> {
    let existing = match PlacesFile::open(target) {
        Err(PlacesError::Missing(_)) => return Ok(0),
        opened => opened.map_err(ImportError::Existing)?,
    };
    let others: Vec<_> = existing.kinds().iter().filter(|other| other.name != kind).collect();
    if others.len() + 1 > KINDS_MAX {
        return Err(ImportError::Kinds);
    }
    let mut kept = 0;
    for other in others {
        let stage = build.begin(&other.name).map_err(failed)?;
        let mut failure = None;
        let mut keep = |place, importance| match build.add(stage, &build::Row { place, importance }) {
            Ok(added) => kept += u64::from(added),
            Err(error) => failure = Some(error),
        };
        existing.each_of(other, &mut keep).map_err(ImportError::Existing)?;
        failure.map_or(Ok(()), |error| Err(failed(error)))?;
    }
    Ok(kept)
}

/// The file that becomes the new one. It is removed if the import fails. One that a killed import left is written anew.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn beside(target: &Path, ending: &str) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{ending}"));
    target.with_file_name(name)
}

fn folder(target: &Path) -> &Path {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
