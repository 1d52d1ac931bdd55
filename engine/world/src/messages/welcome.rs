//! The server's answer to a client that asks to enter the world (PROTOCOL.md#entering).

use super::kinds;
use crate::codec::{Malformed, NoRoom, Reader, Writer};
use crate::entity::EntityId;
use crate::map::Map;

/// The client is in the world.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Welcome {
    /// The client's own entity.
    pub player: EntityId,
    /// The world's current tick.
    pub tick: u32,
    /// The world's map.
    pub map: Map,
}

const REFUSED: u8 = 0;
const WELCOME: u8 = 1;

impl Welcome {
    /// Its size.
    pub const BYTES: usize = 2 + 3 + 4 + 8 + 6;

    /// Writes the message.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn write(self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        writer.u8(kinds::ENTER_TO_WORLD)?;
        writer.u8(WELCOME)?;
        writer.u16(self.player.index)?;
        writer.u8(self.player.generation)?;
        writer.u32(self.tick)?;
        let (section, sections) = self.map.shape();
        section.into_iter().try_for_each(|edge| writer.f32(edge))?;
        sections.into_iter().try_for_each(|count| writer.u16(count))
    }

    /// Reads the whole of `message`; None is a refusal.
    ///
    /// # Errors
    /// [`Malformed`] when it is another message, or its map is impossible.
    pub fn read(message: &[u8]) -> Result<Option<Welcome>, Malformed> {
        let mut reader = Reader::new(message);
        if reader.u8()? != kinds::ENTER_TO_WORLD {
            return Err(Malformed::UnknownValue);
        }
        match reader.u8()? {
            REFUSED => return reader.finish().map(|()| None),
            WELCOME => {}
            _ => return Err(Malformed::UnknownValue),
        }
        let player = EntityId { index: reader.u16()?, generation: reader.u8()? };
        let tick = reader.u32()?;
        let section = [reader.f32()?, reader.f32()?];
        let sections = [reader.u16()?, reader.u16()?, reader.u16()?];
        reader.finish()?;
        let map = Map::new(section, sections, [1, 1, 1]).map_err(|_| Malformed::UnknownValue)?;
        Ok(Some(Welcome { player, tick, map }))
    }

    /// The message that refuses a client.
    pub const REFUSAL: [u8; 2] = [kinds::ENTER_TO_WORLD, REFUSED];
}
