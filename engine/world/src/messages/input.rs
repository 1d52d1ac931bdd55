//! A client's input, which it sends every tick (PROTOCOL.md#input).

use super::kinds;
use crate::codec::{Malformed, NoRoom, Reader, Writer};

/// What a player does in a tick, and which snapshots the client has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Input {
    /// Number of the newest snapshot received, and a bit for each of the 64 before it; the lowest bit is the one right before.
    pub received: Option<(u16, u64)>,
    /// Digest of the client's view after the newest snapshot, if it sends one ([`crate::View::digest`]).
    pub digest: Option<u32>,
    /// Number of the input.
    pub number: u16,
    /// Where the player wants to go: 65,536ths of a turn, from the x axis towards the y axis.
    pub direction: u16,
    /// Its speed: 255 is the fastest that it may move.
    pub pace: u8,
    /// What else it does; the game defines the bits.
    pub actions: u8,
}

const HAS_RECEIVED: u8 = 1;
const HAS_DIGEST: u8 = 2;

impl Input {
    /// Size of the largest input.
    pub const BYTES_MAX: usize = 2 + 10 + 4 + 6;

    /// Writes the message.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn write(self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        let has = |present: bool, flag: u8| if present { flag } else { 0 };
        writer.u8(kinds::SYNC_ENTITY_QUANTIZED)?;
        writer.u8(has(self.received.is_some(), HAS_RECEIVED) | has(self.digest.is_some(), HAS_DIGEST))?;
        if let Some((newest, before)) = self.received {
            writer.u16(newest)?;
            writer.u64(before)?;
        }
        if let Some(digest) = self.digest {
            writer.u32(digest)?;
        }
        writer.u16(self.number)?;
        writer.u16(self.direction)?;
        writer.u8(self.pace)?;
        writer.u8(self.actions)
    }

    /// Reads the whole of `message`.
    ///
    /// # Errors
    /// [`Malformed`] when it is no input.
    pub fn read(message: &[u8]) -> Result<Input, Malformed> {
        let mut reader = Reader::new(message);
        if reader.u8()? != kinds::SYNC_ENTITY_QUANTIZED {
            return Err(Malformed::UnknownValue);
        }
        let flags = reader.u8()?;
        if flags & !(HAS_RECEIVED | HAS_DIGEST) != 0 {
            return Err(Malformed::UnknownValue);
        }
        let received = match flags & HAS_RECEIVED {
            0 => None,
            _ => Some((reader.u16()?, reader.u64()?)),
        };
        let digest = match flags & HAS_DIGEST {
            0 => None,
            _ => Some(reader.u32()?),
        };
        let (number, direction, pace, actions) = (reader.u16()?, reader.u16()?, reader.u8()?, reader.u8()?);
        reader.finish()?;
        Ok(Input { received, digest, number, direction, pace, actions })
    }
}
