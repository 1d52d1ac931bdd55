//! Messages to players, which leave at the end of the tick.

use super::player::PlayerId;
use ringshard_protocol::wire::Channel;
use std::ops::Range;

/// Who gets a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Recipient {
    /// A player of this core.
    Player(PlayerId),
    /// All players of this core.
    Everybody,
}

/// Messages that wait, in the order of sending. Their bytes share one buffer, which keeps its capacity.
#[derive(Debug, Default)]
pub(crate) struct OutgoingMessages {
    messages: Vec<(Recipient, Channel, Range<usize>)>,
    bytes: Vec<u8>,
}

impl OutgoingMessages {
    pub(crate) fn push(&mut self, to: Recipient, channel: Channel, message: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(message);
        self.messages.push((to, channel, start..self.bytes.len()));
    }

    /// Removes all messages and calls `send` with each.
    pub(crate) fn drain(&mut self, mut send: impl FnMut(Recipient, Channel, &[u8])) {
        let mut sent = 0;
        for (to, channel, range) in self.messages.drain(..) {
            assert_eq!(range.start, sent, "messages lie one after the other");
            sent = range.end;
            send(to, channel, &self.bytes[range]);
        }
        assert_eq!(sent, self.bytes.len(), "all bytes belong to messages");
        self.bytes.clear();
    }
}
