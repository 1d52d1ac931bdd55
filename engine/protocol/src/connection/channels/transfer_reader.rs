//! Reads the bytes of a session that another server has written.

use crate::limits::MESSAGE_BYTES_MAX;
use crate::pool::{Buffer, MessagePool};

/// Why the bytes of a session are refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TransferError {
    /// They are no session of a server of this version.
    #[error("these bytes are no session of a server of this version")]
    Malformed,
    /// There is no memory for its messages.
    #[error("there is no memory for the messages of the session: see message-memory")]
    NoMemory,
    /// The session is here.
    #[error("the session is here already")]
    Present,
}

/// Reads the bytes of a session.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader(bytes)
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], TransferError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(TransferError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], TransferError> {
        self.take(N)?.first_chunk().ok_or(TransferError::Malformed)
    }

    pub(super) fn u8(&mut self) -> Result<u8, TransferError> {
        self.array::<1>().map(|bytes| bytes[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, TransferError> {
        self.array().map(|bytes| u16::from_le_bytes(*bytes))
    }

    pub(super) fn u32(&mut self) -> Result<u32, TransferError> {
        self.array().map(|bytes| u32::from_le_bytes(*bytes))
    }

    pub(super) fn u64(&mut self) -> Result<u64, TransferError> {
        self.array().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// The length of a message.
    pub(super) fn len(&mut self) -> Result<usize, TransferError> {
        let len = self.u32()? as usize;
        if len <= MESSAGE_BYTES_MAX { Ok(len) } else { Err(TransferError::Malformed) }
    }

    /// The next `len` bytes, in memory of the pool.
    pub(super) fn buffer(&mut self, len: usize, pool: &mut MessagePool) -> Result<Buffer, TransferError> {
        pool.copy(self.take(len)?).ok_or(TransferError::NoMemory)
    }

    /// An error unless a condition holds.
    pub(super) fn check(holds: bool) -> Result<(), TransferError> {
        if holds { Ok(()) } else { Err(TransferError::Malformed) }
    }

    /// An error if bytes are left.
    pub(super) fn finish(&self) -> Result<(), TransferError> {
        Self::check(self.0.is_empty())
    }
}
