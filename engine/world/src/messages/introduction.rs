//! What players say to each other over the server (PROTOCOL.md#introductions).

use super::kinds;
use crate::codec::{Malformed, NoRoom, Reader, Writer};
use crate::contract::Wire;
use crate::entity::EntityId;
use crate::limits::INTRODUCTION_BYTES_MAX;

/// Size of the largest introduction.
pub const INTRODUCTION_MESSAGE_BYTES_MAX: usize = 1 + 3 + INTRODUCTION_BYTES_MAX;

/// Bytes for another player, or from one. The server does not read them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Introduction<'a> {
    /// The body of the other player: of the receiver on the way to the server, of the sender on the way from it.
    pub player: EntityId,
    /// 1 to [`INTRODUCTION_BYTES_MAX`] bytes.
    pub bytes: &'a [u8],
}

impl<'a> Introduction<'a> {
    /// Writes the message.
    ///
    /// # Errors
    /// [`NoRoom`].
    ///
    /// # Panics
    /// When there are not 1 to [`INTRODUCTION_BYTES_MAX`] bytes.
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        assert!((1..=INTRODUCTION_BYTES_MAX).contains(&self.bytes.len()), "an introduction has 1 to 1,024 bytes");
        writer.u8(kinds::INTRODUCTION)?;
        self.player.write(writer)?;
        writer.raw(self.bytes)
    }

    /// Reads the whole message.
    ///
    /// # Errors
    /// [`Malformed`] when it is another message, or has too few or too many bytes.
    pub fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(message);
        if reader.u8()? != kinds::INTRODUCTION {
            return Err(Malformed::UnknownValue);
        }
        let player = EntityId::read(&mut reader)?;
        let bytes = reader.raw(reader.remaining())?;
        if !(1..=INTRODUCTION_BYTES_MAX).contains(&bytes.len()) {
            return Err(Malformed::UnknownValue);
        }
        Ok(Introduction { player, bytes })
    }
}
