//! Messages and events between [`Driver::update`](crate::Driver::update), which receives them, and the game.
//!
//! All messages lie one behind the other in one buffer, which is reused: once it is warm, nothing is allocated.

use ringshard_protocol::client::{ClientEvent, CloseReason};
use ringshard_protocol::limits::MESSAGE_BYTES_MAX;
use ringshard_protocol::wire::{Channel, ConnectionId, Message};
use std::collections::VecDeque;
use std::ops::Range;

/// Bytes of messages that may wait for the game before no more datagrams are received.
const BYTES_MAX: usize = 4 << 20;
/// Messages and events that may wait before no more datagrams are received.
const ENTRIES_MAX: usize = 1 << 16;

/// Something that a game gets from its connection.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The server let the client in; messages can be sent.
    Connected {
        /// The connection's name.
        id: ConnectionId,
        /// The session of the former connection goes on, with all its reliable messages; otherwise a new one begins.
        resumed: bool,
    },
    /// A message from the server.
    Message(Message<'a>),
    /// The connection is gone; the driver is connecting again, because [`reconnect`] is set.
    ///
    /// [`reconnect`]: crate::ClientConfig::reconnect
    Reconnecting(CloseReason),
    /// There is no connection any more, and there will be none: the last event of a driver.
    Closed(CloseReason),
}

impl From<ClientEvent> for Event<'_> {
    fn from(event: ClientEvent) -> Self {
        match event {
            ClientEvent::Connected { id, resumed } => Event::Connected { id, resumed },
            ClientEvent::Moved { .. } => unreachable!("the driver follows the session, and says nothing"),
            ClientEvent::Reconnecting(reason) => Event::Reconnecting(reason),
            ClientEvent::Closed(reason) => Event::Closed(reason),
        }
    }
}

#[derive(Debug)]
enum Entry {
    Event(ClientEvent),
    /// A message, and where it lies in the buffer.
    Message(Channel, Range<usize>),
}

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    /// [`ClientEvent::Closed`] was pushed.
    is_closed: bool,
    entries: VecDeque<Entry>,
}

impl Inbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether more may be received, or read from the client. What one datagram contains, or one message, always fits.
    pub(crate) fn has_room(&self) -> bool {
        self.entries.len() < ENTRIES_MAX && (self.is_empty() || self.bytes.len() < BYTES_MAX)
    }

    pub(crate) fn push_event(&mut self, event: ClientEvent) {
        assert!(!self.is_closed, "Closed is the last event");
        self.is_closed = matches!(event, ClientEvent::Closed(_));
        self.entries.push_back(Entry::Event(event));
    }

    pub(crate) fn push_message(&mut self, message: Message<'_>) {
        assert!(message.bytes.len() <= MESSAGE_BYTES_MAX, "the protocol delivers no larger message");
        if self.entries.is_empty() {
            self.bytes.clear();
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(message.bytes);
        self.entries.push_back(Entry::Message(message.channel, start..self.bytes.len()));
    }

    /// The oldest message or event.
    pub(crate) fn pop(&mut self) -> Option<Event<'_>> {
        match self.entries.pop_front()? {
            Entry::Event(event) => Some(event.into()),
            Entry::Message(channel, range) => {
                assert!(range.end <= self.bytes.len(), "the buffer is only cleared when no message lies in it");
                Some(Event::Message(Message { channel, bytes: &self.bytes[range] }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringshard_protocol::wire::DisconnectReason;

    const RECONNECTING: ClientEvent = ClientEvent::Reconnecting(CloseReason::Silent);
    const CLOSED: ClientEvent = ClientEvent::Closed(CloseReason::Disconnected(DisconnectReason::Closed));

    fn message(bytes: &[u8]) -> Message<'_> {
        Message { channel: Channel::RELIABLE_ORDERED, bytes }
    }

    fn pop_message(inbox: &mut Inbox) -> Option<Vec<u8>> {
        match inbox.pop()? {
            Event::Message(message) => Some(message.bytes.to_vec()),
            other => panic!("a message was expected: {other:?}"),
        }
    }

    #[test]
    fn messages_and_events_come_out_in_the_order_they_went_in() {
        let mut inbox = Inbox::default();
        inbox.push_message(message(b"first"));
        inbox.push_message(message(b""));
        inbox.push_event(RECONNECTING);
        inbox.push_message(message(b"last"));
        inbox.push_event(CLOSED);
        assert_eq!(pop_message(&mut inbox).unwrap(), b"first");
        assert_eq!(pop_message(&mut inbox).unwrap(), b"");
        assert!(matches!(inbox.pop(), Some(Event::Reconnecting(_))));
        assert_eq!(pop_message(&mut inbox).unwrap(), b"last");
        assert!(matches!(inbox.pop(), Some(Event::Closed(_))));
        assert!(inbox.pop().is_none());
    }

    #[test]
    fn the_memory_is_reused() {
        let mut inbox = Inbox::default();
        let mut capacity = None;
        for _ in 0..100 {
            for _ in 0..50 {
                inbox.push_message(message(&[7; 1_000]));
            }
            while inbox.pop().is_some() {}
            let now = (inbox.bytes.capacity(), inbox.entries.capacity());
            assert_eq!(*capacity.get_or_insert(now), now);
        }
    }

    #[test]
    fn a_game_that_takes_nothing_bounds_the_memory() {
        let mut inbox = Inbox::default();
        while inbox.has_room() {
            inbox.push_message(message(&[7; 60_000]));
        }
        assert!(inbox.bytes.len() < BYTES_MAX + 60_000);
        while inbox.pop().is_some() {}
        while inbox.has_room() {
            inbox.push_message(message(&[]));
        }
        assert_eq!(inbox.entries.len(), ENTRIES_MAX);
        while inbox.pop().is_some() {}
        assert!(inbox.has_room());
    }
}
