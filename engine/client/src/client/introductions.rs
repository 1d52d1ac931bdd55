//! What players say to each other over the server (PROTOCOL.md#introductions).

use super::Client;
use ringshard_protocol::wire::Channel;
use ringshard_world::limits::INTRODUCTION_BYTES_MAX;
use ringshard_world::messages::Introduction;
use ringshard_world::{EntityId, Rules};
use std::collections::VecDeque;

/// Introductions that may wait for the game. What exceeds them is dropped: the other player tries again.
const WAITING_MAX: usize = 256;

/// Introductions that wait for the game.
pub(super) type Introductions = VecDeque<(EntityId, Vec<u8>)>;

impl<R: Rules> Client<R> {
    /// Sends bytes to the player whose body is `to`. The server drops them if its game does not allow it, or if that player is
    /// away: a sender that gets no answer tries again.
    ///
    /// False, and nothing is sent, if the client is not in the world, if there are not 1 to [`INTRODUCTION_BYTES_MAX`] bytes,
    /// or if the queue of reliable messages is full.
    pub fn introduce(&mut self, to: EntityId, bytes: &[u8]) -> bool {
        let fits = (1..=INTRODUCTION_BYTES_MAX).contains(&bytes.len());
        let introduction = Introduction { player: to, bytes };
        fits && self.is_in_world() && self.send(Channel::RELIABLE_ORDERED, |writer| introduction.write(writer))
    }

    /// The oldest introduction that was not taken: the body of the player that sent it, and its bytes. The server vouches for
    /// who sent it, and for nothing that it says.
    pub fn introduction(&mut self) -> Option<(EntityId, Vec<u8>)> {
        self.introductions.pop_front()
    }

    pub(super) fn take_introduction(&mut self, message: &[u8]) {
        match Introduction::read(message) {
            Ok(_) if self.introductions.len() >= WAITING_MAX => self.stats.introductions_dropped += 1,
            Ok(Introduction { player, bytes }) => self.introductions.push_back((player, bytes.to_vec())),
            Err(_) => self.stats.malformed += 1,
        }
    }
}
