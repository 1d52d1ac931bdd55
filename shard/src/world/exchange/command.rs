//! What a core sends to another core beside changes: commands between entities, and events for players of that core.

use ringshard_protocol::wire::Channel;
use ringshard_world::EntityId;
use ringshard_world::limits::EVENT_BYTES_MAX;

/// Most bytes that a command carries.
pub const COMMAND_BYTES_MAX: usize = EVENT_BYTES_MAX;

const _: () = assert!(COMMAND_BYTES_MAX <= u8::MAX as usize);

/// What a command is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// A command of the game to the entity `to`.
    Game,
    /// An event for the player of the entity `to`.
    ToPlayer(Channel),
    /// An event for all players of the receiving core who see the entity `to`.
    ToViewers(Channel),
    /// An event for all players of the receiving core.
    ToEverybody(Channel),
    /// A piece of an introduction of `len` bytes that begins at `offset`, from the player of the entity `from` to that of the
    /// entity `to`. Its pieces follow one another.
    Introduction {
        /// Bytes of the introduction before this piece.
        offset: u16,
        /// Bytes of the whole introduction.
        len: u16,
    },
}

/// A command to a core.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Command {
    /// What it is for.
    pub purpose: Purpose,
    /// The entity that it concerns. Its owner may find that it no longer exists.
    pub to: EntityId,
    /// The sender.
    pub from: EntityId,
    len: u8,
    bytes: [u8; COMMAND_BYTES_MAX],
}

impl Command {
    /// A command.
    ///
    /// # Panics
    /// When `content` is longer than [`COMMAND_BYTES_MAX`].
    pub fn new(purpose: Purpose, to: EntityId, from: EntityId, content: &[u8]) -> Command {
        assert!(content.len() <= COMMAND_BYTES_MAX, "a command carries at most {COMMAND_BYTES_MAX} bytes");
        let mut bytes = [0; COMMAND_BYTES_MAX];
        bytes[..content.len()].copy_from_slice(content);
        Command { purpose, to, from, len: content.len() as u8, bytes }
    }

    /// The bytes that it carries.
    pub fn content(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}
