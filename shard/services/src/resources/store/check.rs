//! Checks a whole store: every blob is read.

use super::{Entry, Store, StoreError, read_all};
use crate::resources::hexadecimal::to_hex;
use crate::resources::keys::PublicKey;
use ringshard_requests::message::download::signed_bytes;
use std::io::ErrorKind;
use std::path::PathBuf;

/// What a check found.
#[derive(Debug, Default)]
pub struct Checked {
    /// Resources without a fault.
    pub sound: usize,
    /// Bytes read.
    pub bytes: u64,
    /// Resources with a fault.
    pub problems: Vec<Problem>,
    /// Blobs without a name, and partial files. They do no harm.
    pub unnamed: Vec<PathBuf>,
}

/// A resource with a fault.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Its name.
    pub name: String,
    /// What is wrong, and what to do.
    pub what: String,
}

impl Store {
    /// Reads all blobs. Checks sizes and hashes, and signatures if `key` is given.
    ///
    /// # Errors
    /// [`StoreError`]: the manifest or a folder cannot be read. A blob that cannot be read is a [`Problem`].
    pub fn check(&self, key: Option<&PublicKey>) -> Result<Checked, StoreError> {
        let manifest = self.manifest()?;
        let mut checked = Checked { unnamed: self.unnamed(&manifest)?, ..Checked::default() };
        for entry in manifest.values() {
            match self.check_entry(entry, key) {
                Ok(()) => (checked.sound, checked.bytes) = (checked.sound + 1, checked.bytes + entry.size),
                Err(what) => checked.problems.push(Problem { name: entry.name.clone(), what }),
            }
        }
        Ok(checked)
    }

    fn check_entry(&self, entry: &Entry, key: Option<&PublicKey>) -> Result<(), String> {
        if let Some(key) = key {
            let signature = entry.signature.ok_or("it is not signed: run `ringshard resources sign`")?;
            if !key.verify(&signed_bytes(&entry.name, entry.size, &entry.hash), &signature) {
                return Err("its signature is not of this key, or its line in the manifest was changed".into());
            }
        }
        let path = self.blob_path(&entry.hash);
        let (hash, size) = read_all(&path, |_| Ok(())).map_err(|error| match error {
            StoreError::Failed(_, path, error) if error.kind() == ErrorKind::NotFound => {
                format!("its blob {} is missing: add the file again", path.display())
            }
            error => error.to_string(),
        })?;
        if size != entry.size {
            return Err(format!("its blob has {size} bytes instead of {}: add the file again", entry.size));
        }
        match hash == entry.hash {
            true => Ok(()),
            false => Err(format!("its blob is damaged (SHA-256 {}): add the file again", to_hex(&hash))),
        }
    }
}
