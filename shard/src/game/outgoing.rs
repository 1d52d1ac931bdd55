//! Messages of a game to its players, which leave at the end of the tick.

use ringshard_protocol::wire::Channel;
use ringshard_world::EntityId;
use std::ops::Range;

/// Messages that wait, in the order of sending. Their bytes share one buffer, which keeps its capacity.
#[derive(Debug, Default)]
pub(crate) struct OutgoingMessages {
    messages: Vec<(EntityId, Channel, Range<usize>)>,
    bytes: Vec<u8>,
}

impl OutgoingMessages {
    pub(super) fn push(&mut self, to: EntityId, channel: Channel, message: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(message);
        self.messages.push((to, channel, start..self.bytes.len()));
    }

    /// Removes all messages and calls `send` with each.
    pub(super) fn drain(&mut self, mut send: impl FnMut(EntityId, Channel, &[u8])) {
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
