//! A file of the store, open for reading.

use ringshard_requests::message::download::Hash;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// A file of the store, open for reading. A blob that is removed meanwhile stays readable.
#[derive(Debug)]
pub struct Blob {
    /// SHA-256 of all bytes, and the key of its blocks in the cache.
    pub hash: Hash,
    /// Bytes in all.
    pub size: u64,
    file: File,
}

impl Blob {
    /// A blob of `size` bytes in `file`.
    pub(super) fn new(hash: Hash, size: u64, file: File) -> Blob {
        Blob { hash, size, file }
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
