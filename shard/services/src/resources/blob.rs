//! A file of the store, open for reading.

use ringshard_requests::message::download::Hash;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

/// A file of the store, open for reading. A blob that is removed meanwhile stays readable.
#[derive(Debug)]
pub struct Blob {
    /// SHA-256 that the bytes should have.
    pub hash: Hash,
    /// Bytes in all.
    pub size: u64,
    pub(super) key: BlobKey,
    file: File,
}

/// Tells a state of a file from other files and from other states of the same file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct BlobKey {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    size: u64,
}

impl BlobKey {
    /// The state of a file.
    pub fn of(status: &Metadata) -> BlobKey {
        BlobKey {
            device: status.dev(),
            inode: status.ino(),
            modified: (status.mtime(), status.mtime_nsec()),
            size: status.size(),
        }
    }
}

impl Blob {
    /// A blob in `file`.
    ///
    /// # Errors
    /// What the system reports.
    pub(super) fn new(hash: Hash, file: File) -> io::Result<Blob> {
        let status = file.metadata()?;
        Ok(Blob { hash, size: status.len(), key: BlobKey::of(&status), file })
    }

    /// Reads `length` bytes from `offset`. Blocks the thread.
    ///
    /// # Errors
    /// What the system reports, also if the file ends before the range does.
    pub(super) fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}
