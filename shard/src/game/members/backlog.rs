//! Reliable messages for a player whose client is silent. They are sent when the client is back.

use ringshard_protocol::wire::Channel;
use std::ops::Range;

/// Bytes of messages that wait for one player.
pub(crate) const BACKLOG_BYTES_MAX: usize = 32 * 1_024;
/// Messages that wait for one player.
const BACKLOG_MESSAGES_MAX: usize = 512;

/// The messages that wait for one player, in the order of sending.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    messages: Vec<(Channel, Range<usize>)>,
    bytes: Vec<u8>,
    /// A message found no room. No later one is kept: none may be missing between others.
    overflowed: bool,
}

impl Backlog {
    /// Keeps a message; false if there is no room for it.
    pub(crate) fn push(&mut self, channel: Channel, message: &[u8]) -> bool {
        let start = self.bytes.len();
        self.overflowed |= start + message.len() > BACKLOG_BYTES_MAX || self.messages.len() == BACKLOG_MESSAGES_MAX;
        if self.overflowed {
            return false;
        }
        self.bytes.extend_from_slice(message);
        self.messages.push((channel, start..self.bytes.len()));
        true
    }

    /// Removes all messages and calls `send` with each. The memory is freed: few players are ever suspended.
    pub(crate) fn drain(&mut self, mut send: impl FnMut(Channel, &[u8])) {
        let Backlog { messages, bytes, .. } = std::mem::take(self);
        messages.into_iter().for_each(|(channel, range)| send(channel, &bytes[range]));
    }

    /// Whether a message found no room.
    pub(crate) fn is_overflowed(&self) -> bool {
        self.overflowed
    }

    /// Forgets all messages.
    pub(crate) fn clear(&mut self) {
        *self = Backlog::default();
    }
}
