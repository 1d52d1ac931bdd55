//! Files that are complete or do not exist, also after a crash.

use super::StoreError;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// How the names of files that are not complete yet begin.
pub const PARTIAL: &str = "partial-";

/// Creates `folder` and what is missing above it, so that they exist after a crash, too.
pub fn create_folder(folder: &Path) -> Result<(), StoreError> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_folder(parent)?;
    }
    match fs::create_dir(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(StoreError::failed("create the folder", folder, error))
        }
        _ => sync_folder(folder.parent().unwrap_or(folder)),
    }
}

/// Makes the names in `folder` last over a crash.
pub fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| StoreError::failed("sync the folder", folder, error))
}

/// A file under a temporary name. It is removed unless it is [put in place](Partial::put).
pub struct Partial {
    path: PathBuf,
    file: File,
}

impl Partial {
    /// Creates a file in `folder`. The caller holds the lock of the store, so the name is free or left from a crash.
    pub fn create(folder: &Path) -> Result<Partial, StoreError> {
        let path = folder.join(format!("{PARTIAL}{}", std::process::id()));
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path);
        let file = file.map_err(|error| StoreError::failed("create", &path, error))?;
        Ok(Partial { path, file })
    }

    /// Appends bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(bytes).map_err(|error| StoreError::failed("write", &self.path, error))
    }

    /// Gives the file its name, over an older file of that name.
    pub fn put(self, path: &Path) -> Result<(), StoreError> {
        self.file.sync_all().map_err(|error| StoreError::failed("sync", &self.path, error))?;
        fs::rename(&self.path, path).map_err(|error| StoreError::failed("write", path, error))?;
        sync_folder(path.parent().expect("a file lies in a folder"))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After `put`, there is no such file.
        let _ = fs::remove_file(&self.path);
    }
}
