//! Entering the world and having to leave it (PROTOCOL.md#entering).

use super::kinds;
use crate::codec::{Malformed, NoRoom, Reader, Writer};
use crate::contract::{ContractPart, Schema};
use crate::limits::TICKET_BYTES_MAX;
use crate::map::Map;

/// A client asks to enter the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EnterRequest<'a> {
    /// The numbers of the client's contract.
    pub schema: Schema,
    /// What the client shows to be let in: up to [`TICKET_BYTES_MAX`] bytes, which only the game understands.
    pub ticket: &'a [u8],
}

impl<'a> EnterRequest<'a> {
    /// Size of the largest request.
    pub const BYTES_MAX: usize = 1 + Schema::BYTES + TICKET_BYTES_MAX;

    /// Writes the message.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        writer.u8(kinds::ENTER_TO_WORLD)?;
        self.schema.write(writer)?;
        writer.raw(self.ticket)
    }

    /// Reads the whole of `message`.
    ///
    /// # Errors
    /// [`Malformed`] when it is another message, or the ticket is too long.
    pub fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(message);
        if reader.u8()? != kinds::ENTER_TO_WORLD {
            return Err(Malformed::UnknownValue);
        }
        let schema = Schema::read(&mut reader)?;
        if reader.remaining() > TICKET_BYTES_MAX {
            return Err(Malformed::TooLong);
        }
        let ticket = reader.raw(reader.remaining())?;
        Ok(EnterRequest { schema, ticket })
    }
}

/// Reasons of the server's own for refusing a client or putting it out (PROTOCOL.md#entering).
pub mod reason {
    /// More waited for the client, while it was silent, than the server keeps.
    pub const BACKLOG: u8 = 255;
    /// The client's ticket is not good: it was used, has expired, is for another server, or is no ticket.
    pub const TICKET: u8 = 254;
    /// The services are busy, or another server does not let the account go: the client may ask again in a second.
    pub const BUSY: u8 = 253;
    /// The account has entered from another client.
    pub const ELSEWHERE: u8 = 252;
    /// The account was disabled.
    pub const DISABLED: u8 = 251;
}

/// What the server says about a client's presence in the world.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum EnterAnswer {
    /// The client is in the world.
    Welcome(Welcome),
    /// The game refuses the client, with a reason of its own.
    Refused(u8),
    /// The client's contract differs from the server's in this type, or has another level.
    WrongSchema(ContractPart),
    /// The client was in the world, and is no longer. The reason is the game's.
    PutOut(u8),
    /// The client was in the world of another server, and is in that of this one now.
    Moved(Welcome),
}

/// How the world is that the client enters.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Welcome {
    /// The world's current tick.
    pub tick: u32,
    /// Number of the first snapshot that the client will get. Snapshots before it belong to an earlier presence.
    pub first_snapshot: u16,
    /// The world's map.
    pub map: Map,
}

const REFUSED: u8 = 0;
const WELCOME: u8 = 1;
const WRONG_SCHEMA: u8 = 2;
const PUT_OUT: u8 = 3;
const MOVED: u8 = 4;

impl EnterAnswer {
    /// Size of the largest answer.
    pub const BYTES_MAX: usize = 2 + 4 + 2 + 8 + 6;

    /// Writes the message.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        writer.u8(kinds::ENTER_TO_WORLD)?;
        match *self {
            EnterAnswer::Refused(reason) => writer.u8(REFUSED).and_then(|()| writer.u8(reason)),
            EnterAnswer::WrongSchema(which) => writer.u8(WRONG_SCHEMA).and_then(|()| writer.u8(which as u8)),
            EnterAnswer::PutOut(reason) => writer.u8(PUT_OUT).and_then(|()| writer.u8(reason)),
            EnterAnswer::Welcome(welcome) => writer.u8(WELCOME).and_then(|()| welcome.write(writer)),
            EnterAnswer::Moved(welcome) => writer.u8(MOVED).and_then(|()| welcome.write(writer)),
        }
    }

    /// Reads the whole of `message`.
    ///
    /// # Errors
    /// [`Malformed`] when it is another message, or its map is impossible.
    pub fn read(message: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(message);
        if reader.u8()? != kinds::ENTER_TO_WORLD {
            return Err(Malformed::UnknownValue);
        }
        let answer = match reader.u8()? {
            REFUSED => EnterAnswer::Refused(reader.u8()?),
            PUT_OUT => EnterAnswer::PutOut(reader.u8()?),
            WRONG_SCHEMA => {
                let which = ContractPart::from_number(reader.u8()?).ok_or(Malformed::UnknownValue)?;
                EnterAnswer::WrongSchema(which)
            }
            WELCOME => EnterAnswer::Welcome(Welcome::read(&mut reader)?),
            MOVED => EnterAnswer::Moved(Welcome::read(&mut reader)?),
            _ => return Err(Malformed::UnknownValue),
        };
        reader.finish()?;
        Ok(answer)
    }
}

impl Welcome {
    fn write(self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        writer.u32(self.tick)?;
        writer.u16(self.first_snapshot)?;
        let (section, sections) = self.map.shape();
        section.into_iter().try_for_each(|edge| writer.f32(edge))?;
        sections.into_iter().try_for_each(|count| writer.u16(count))
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (tick, first_snapshot) = (reader.u32()?, reader.u16()?);
        let section = [reader.f32()?, reader.f32()?];
        let sections = [reader.u16()?, reader.u16()?, reader.u16()?];
        let map = Map::new(section, sections, [1, 1, 1]).map_err(|_| Malformed::UnknownValue)?;
        Ok(Welcome { tick, first_snapshot, map })
    }
}
