//! The start of a snapshot (PROTOCOL.md#snapshots).
//!
//! A snapshot may be lost and is not sent again: the next one repeats, in their current state, the changes that the client
//! has not acknowledged.

use super::kinds;
use crate::codec::{Malformed, NoRoom, Reader, Writer};

/// The header of a snapshot; entries follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SnapshotHeader {
    /// Number of the snapshot, counted per client.
    pub number: u16,
    /// The world's tick that it shows.
    pub tick: u32,
    /// The last input that was applied by then.
    pub input: u16,
}

impl SnapshotHeader {
    /// Its size.
    pub const BYTES: usize = 9;

    /// Writes the header.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn write(self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        writer.u8(kinds::DELTA_SYNC)?;
        writer.u16(self.number)?;
        writer.u32(self.tick)?;
        writer.u16(self.input)
    }

    /// Reads a header.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are no header.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        if reader.u8()? != kinds::DELTA_SYNC {
            return Err(Malformed::UnknownValue);
        }
        Ok(SnapshotHeader { number: reader.u16()?, tick: reader.u32()?, input: reader.u16()? })
    }
}
