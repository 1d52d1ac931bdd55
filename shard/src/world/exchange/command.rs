//! A command from one entity to another, on whatever core that is.

use ringshard_world::EntityId;

/// Most bytes that a command carries.
pub const COMMAND_BYTES_MAX: usize = 112;

const _: () = assert!(COMMAND_BYTES_MAX <= u8::MAX as usize);

/// A command to the owner of an entity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Command {
    /// The receiver. Its owner may find that it no longer exists.
    pub to: EntityId,
    /// The sender.
    pub from: EntityId,
    /// The kind; its meaning, and that of the content, is up to the game.
    pub kind: u8,
    len: u8,
    bytes: [u8; COMMAND_BYTES_MAX],
}

impl Command {
    /// A command; None if `content` is longer than [`COMMAND_BYTES_MAX`].
    pub fn new(to: EntityId, from: EntityId, kind: u8, content: &[u8]) -> Option<Command> {
        let mut bytes = [0; COMMAND_BYTES_MAX];
        bytes.get_mut(..content.len())?.copy_from_slice(content);
        Some(Command { to, from, kind, len: content.len() as u8, bytes })
    }

    /// The bytes that it carries.
    pub fn content(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}
