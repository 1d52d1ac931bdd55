//! The store: a folder of blobs, each named by its hash, and a manifest that gives them names.
//!
//! ```text
//! resources/manifest.jsonl      name, hash, size, signature, time of each resource
//! resources/blobs/ab/cd/abcd…   a blob, named by its SHA-256
//! resources/lock                held by whoever changes the store
//! ```
//!
//! A blob is written and synced before the manifest names it, and both appear under their names only once they are complete.
//! A crash leaves at most a partial file, or a blob without a name; [`Store::sweep`] removes both.

mod check;
mod manifest;
mod write;

pub use check::{Checked, Problem};
pub use manifest::{Entry, Manifest};

use super::hexadecimal::{from_hex, to_hex};
use super::keys::SigningKey;
use ring::digest::{Context, SHA256};
use ringshard_requests::message::download::{BadName, Hash, check_name, hash_of_name};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use write::{PARTIAL, Partial, create_folder, sync_folder};

/// Bytes that are read at once.
const READ_BYTES: usize = 256 * 1024;

/// Why an operation on a store fails.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// What the system reports.
    #[error("cannot {0} {1}: {2}")]
    Failed(&'static str, PathBuf, io::Error),
    /// The manifest is damaged.
    #[error("{0}, line {1}: {2}; restore the manifest from a backup, or remove the line and add the resource again")]
    BadManifest(PathBuf, usize, String),
    /// The name is not one of a resource.
    #[error("{0:?} cannot be the name of a resource: {1}")]
    BadName(String, BadName),
    /// The name has a meaning of its own.
    #[error("{0:?} cannot be the name of a resource: names that begin with sha256/ or tile/ have another meaning")]
    Reserved(String),
    /// The manifest does not have the name.
    #[error("there is no resource {0}: `ringshard resources list` names them all")]
    Unknown(String),
    /// The manifest is full.
    #[error("the store has {0} resources, which is the most it can have: remove some first")]
    Full(usize),
}

impl StoreError {
    fn failed(step: &'static str, path: &Path, error: io::Error) -> StoreError {
        StoreError::Failed(step, path.to_owned(), error)
    }
}

/// A folder of blobs with names.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// A file to add, and its name in the store.
#[derive(Clone, Debug)]
pub struct Addition {
    /// The name.
    pub name: String,
    /// The file.
    pub file: PathBuf,
}

impl Store {
    /// The store in `folder`, which the first change creates.
    pub fn new(folder: impl Into<PathBuf>) -> Store {
        Store { folder: folder.into() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the manifest is.
    pub fn manifest_path(&self) -> PathBuf {
        self.folder.join("manifest.jsonl")
    }

    /// Where the blob with this hash is.
    pub fn blob_path(&self, hash: &Hash) -> PathBuf {
        let digits = to_hex(hash);
        self.blobs().join(&digits[..2]).join(&digits[2..4]).join(digits)
    }

    /// Reads the manifest. A store that does not exist has no entries.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn manifest(&self) -> Result<Manifest, StoreError> {
        let path = self.manifest_path();
        match fs::read_to_string(&path) {
            Ok(text) => manifest::parse(&path, &text),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Manifest::new()),
            Err(error) => Err(StoreError::failed("read", &path, error)),
        }
    }

    /// Adds files, and signs them if there is a key. A name that exists stands for the new content afterwards.
    ///
    /// All names change at once, after all blobs are written. `now` is in Unix ms.
    ///
    /// # Errors
    /// [`StoreError`]. The manifest is as before.
    pub fn add(&self, files: &[Addition], key: Option<&SigningKey>, now: u64) -> Result<Vec<Entry>, StoreError> {
        files.iter().try_for_each(|it| check_own_name(&it.name))?;
        let _lock = self.lock()?;
        let mut manifest = self.manifest()?;
        let mut added = Vec::new();
        for Addition { name, file } in files {
            let (hash, size) = self.add_blob(file)?;
            let signature = key.map(|key| key.sign(name, size, &hash));
            let entry = Entry { name: name.clone(), hash, size, signature, added: now };
            manifest.insert(name.clone(), entry.clone());
            added.push(entry);
        }
        self.write_manifest(&manifest)?;
        Ok(added)
    }

    /// Signs names; all of them if `names` is empty. Returns the signed entries.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn sign(&self, names: &[String], key: &SigningKey) -> Result<Vec<Entry>, StoreError> {
        let _lock = self.lock()?;
        let mut manifest = self.manifest()?;
        let names = if names.is_empty() { manifest.keys().cloned().collect() } else { names.to_vec() };
        let mut signed = Vec::new();
        for name in names {
            let entry = manifest.get_mut(&name).ok_or(StoreError::Unknown(name))?;
            entry.signature = Some(key.sign(&entry.name, entry.size, &entry.hash));
            signed.push(entry.clone());
        }
        self.write_manifest(&manifest)?;
        Ok(signed)
    }

    /// Removes names, and each blob that has no name afterwards.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove(&self, names: &[String]) -> Result<(), StoreError> {
        let _lock = self.lock()?;
        let mut manifest = self.manifest()?;
        let mut removed = Vec::new();
        for name in names {
            removed.push(manifest.remove(name).ok_or_else(|| StoreError::Unknown(name.clone()))?);
        }
        self.write_manifest(&manifest)?;
        let kept: BTreeSet<Hash> = manifest.values().map(|entry| entry.hash).collect();
        for entry in removed.iter().filter(|entry| !kept.contains(&entry.hash)) {
            remove_file(&self.blob_path(&entry.hash))?;
        }
        Ok(())
    }

    /// Removes blobs without a name, and partial files. Returns how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn sweep(&self) -> Result<usize, StoreError> {
        let _lock = self.lock()?;
        let unnamed = self.unnamed(&self.manifest()?)?;
        unnamed.iter().try_for_each(|path| remove_file(path))?;
        Ok(unnamed.len())
    }

    /// Files that no entry of the manifest names: blobs that an interrupted change left, and partial files.
    fn unnamed(&self, manifest: &Manifest) -> Result<Vec<PathBuf>, StoreError> {
        let named: BTreeSet<Hash> = manifest.values().map(|entry| entry.hash).collect();
        let mut folders = vec![self.blobs()];
        let mut unnamed = Vec::new();
        while let Some(folder) = folders.pop() {
            for path in entries_of(&folder)? {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if path.is_dir() {
                    folders.push(path);
                } else if from_hex(name).is_none_or(|hash: Hash| !named.contains(&hash)) {
                    unnamed.push(path);
                }
            }
        }
        let is_partial = |path: &PathBuf| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(PARTIAL))
        };
        unnamed.extend(entries_of(&self.folder)?.into_iter().filter(is_partial));
        unnamed.sort();
        Ok(unnamed)
    }

    fn blobs(&self) -> PathBuf {
        self.folder.join("blobs")
    }

    /// Copies a file into the store, and hashes what it copies.
    fn add_blob(&self, file: &Path) -> Result<(Hash, u64), StoreError> {
        let mut partial = Partial::create(&self.blobs())?;
        let (hash, size) = read_all(file, |bytes| partial.write(bytes))?;
        let path = self.blob_path(&hash);
        create_folder(path.parent().expect("a blob lies in a folder"))?;
        // Also over a blob that exists: that one may be damaged, and this one is not.
        partial.put(&path)?;
        Ok((hash, size))
    }

    fn write_manifest(&self, manifest: &Manifest) -> Result<(), StoreError> {
        if manifest.len() > manifest::ENTRIES_MAX {
            return Err(StoreError::Full(manifest::ENTRIES_MAX));
        }
        let mut partial = Partial::create(&self.folder)?;
        partial.write(manifest::text(manifest).as_bytes())?;
        partial.put(&self.manifest_path())
    }

    /// Waits until nobody else changes the store. It is unlocked when the file is closed.
    fn lock(&self) -> Result<File, StoreError> {
        create_folder(&self.blobs())?;
        let path = self.folder.join("lock");
        let opened = File::options().write(true).create(true).truncate(false).open(&path);
        let file = opened.map_err(|error| StoreError::failed("open", &path, error))?;
        file.lock().map_err(|error| StoreError::failed("lock", &path, error))?;
        Ok(file)
    }
}

/// Checks a name that a store is to give to a blob.
fn check_own_name(name: &str) -> Result<(), StoreError> {
    check_name(name).map_err(|error| StoreError::BadName(name.to_owned(), error))?;
    match hash_of_name(name).is_some() || name.starts_with("sha256/") || name.starts_with("tile/") {
        true => Err(StoreError::Reserved(name.to_owned())),
        false => Ok(()),
    }
}

/// Reads a file to its end, hands its bytes to `take`, and returns its hash and its size.
pub(super) fn read_all(
    path: &Path,
    mut take: impl FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<(Hash, u64), StoreError> {
    let failed = |error| StoreError::failed("read", path, error);
    let mut file = File::open(path).map_err(failed)?;
    let (mut context, mut size) = (Context::new(&SHA256), 0);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        context.update(&buffer[..count]);
        size += count as u64;
        take(&buffer[..count])?;
    }
    Ok((context.finish().as_ref().try_into().expect("a SHA-256 has 32 bytes"), size))
}

fn entries_of(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |error| StoreError::failed("list", folder, error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    entries.map(|entry| entry.map(|it| it.path()).map_err(failed)).collect()
}

fn remove_file(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::failed("remove", path, error)),
        _ => sync_folder(path.parent().expect("a file lies in a folder")),
    }
}
