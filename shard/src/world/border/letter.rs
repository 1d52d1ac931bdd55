//! Commands and events between entities of two hosts, as they travel.

use super::message::{read_id, write_id};
use crate::world::exchange::{COMMAND_BYTES_MAX, Command, Purpose};
use ringshard_protocol::wire::Channel;
use ringshard_world::EntityId;
use ringshard_world::codec::{Malformed, NoRoom, Reader, Writer};

/// What a letter is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Subject {
    /// A command of the game to an entity of the receiver.
    Game,
    /// An event for the player of an entity of the receiver.
    ToPlayer(Channel),
    /// An event for all players of the receiver who see an entity of the receiver.
    ToViewersOfYours(Channel),
    /// An event for all players of the receiver who see an entity of the sender.
    ToViewersOfMine(Channel),
}

/// A command or an event to a neighbour: the subject in 4 bits and the channel in 4, the entity that it concerns, the entity of
/// the sender that it comes from (generation 0: none), and the content as a byte string.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Letter {
    pub(super) subject: Subject,
    pub(super) to: EntityId,
    pub(super) from: EntityId,
    /// The content. Its other fields do not count.
    content: Command,
}

/// Most bytes of a letter.
pub(super) const LETTER_BYTES_MAX: usize = 1 + 3 + 3 + 2 + COMMAND_BYTES_MAX;

impl Letter {
    pub(super) fn new(subject: Subject, to: EntityId, from: EntityId, content: &[u8]) -> Letter {
        Letter { subject, to, from, content: Command::new(Purpose::Game, to, from, content) }
    }

    /// The bytes that it carries.
    pub(super) fn content(&self) -> &[u8] {
        self.content.content()
    }

    /// # Errors
    /// [`NoRoom`]; nothing was written.
    pub(super) fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        let (subject, channel) = match self.subject {
            Subject::Game => (0, 0),
            Subject::ToPlayer(channel) => (1, channel.number()),
            Subject::ToViewersOfYours(channel) => (2, channel.number()),
            Subject::ToViewersOfMine(channel) => (3, channel.number()),
        };
        writer.whole(|writer| {
            writer.u8(subject | channel << 4)?;
            write_id(self.to, writer)?;
            write_id(self.from, writer)?;
            writer.bytes(self.content())
        })
    }

    /// # Errors
    /// [`Malformed`] when the bytes are no letter.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Letter, Malformed> {
        let both = reader.u8()?;
        let channel = Channel::new(both >> 4).ok_or(Malformed::UnknownValue)?;
        let subject = match both & 0x0F {
            0 if both == 0 => Subject::Game,
            1 => Subject::ToPlayer(channel),
            2 => Subject::ToViewersOfYours(channel),
            3 => Subject::ToViewersOfMine(channel),
            _ => return Err(Malformed::UnknownValue),
        };
        let (to, from) = (read_id(reader)?, read_id(reader)?);
        let content = reader.bytes()?;
        if content.len() > COMMAND_BYTES_MAX || to.generation == 0 {
            return Err(Malformed::UnknownValue);
        }
        Ok(Letter::new(subject, to, from, content))
    }
}
