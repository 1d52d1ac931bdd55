//! Messages between the client and the server's services (PROTOCOL.md#services). The client does not read them.

use super::Client;
use ringshard_protocol::limits::{MESSAGE_BYTES_MAX, MESSAGE_COST_BYTES};
use ringshard_protocol::wire::Channel;
use ringshard_world::Rules;
use std::collections::VecDeque;

/// The channel of all messages to services.
const CHANNEL: Channel = Channel::new(13).expect("there is such a channel");
/// Bytes of messages that may wait for the application. What exceeds them is dropped: the server says it again when asked.
const WAITING_BYTES_MAX: usize = 16 * MESSAGE_BYTES_MAX;

/// Messages of services that wait for the application.
#[derive(Debug, Default)]
pub(super) struct ServiceMessages {
    waiting: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl ServiceMessages {
    /// False if there is no room for it.
    pub(super) fn push(&mut self, message: &[u8]) -> bool {
        let has_room = self.bytes + message.len() <= WAITING_BYTES_MAX;
        if has_room {
            self.bytes += message.len();
            self.waiting.push_back(message.to_vec());
        }
        has_room
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        let message = self.waiting.pop_front()?;
        self.bytes -= message.len();
        Some(message)
    }
}

impl<R: Rules> Client<R> {
    /// The oldest message of services that was not taken. [`Services`](crate::Services) takes them.
    pub fn service_message(&mut self) -> Option<Vec<u8>> {
        self.service_messages.pop()
    }

    /// Sends a message to the server's services. False, and nothing is sent, if the client is not in the world, or too much
    /// waits to be sent.
    pub fn send_to_services(&mut self, message: &[u8]) -> bool {
        let fits = self.connection.send_room() >= message.len() + MESSAGE_COST_BYTES;
        self.is_in_world() && fits && self.connection.send(self.now, CHANNEL, message).is_ok()
    }

    /// How often the client has entered the world. Services know a client from one time to the next only by what it says.
    pub fn presences(&self) -> u64 {
        self.presences
    }
}
