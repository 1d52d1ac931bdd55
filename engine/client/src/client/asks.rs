//! Asks and their answers (PROTOCOL.md#asks-and-events).

use super::news::{AskId, News, Unanswered};
use super::{Client, MESSAGE_BYTES_MAX};
use ringshard_protocol::limits::MESSAGE_COST_BYTES;
use ringshard_protocol::wire::Channel;
use ringshard_world::Rules;
use ringshard_world::codec::{NoRoom, Writer};
use ringshard_world::limits::ASKS_OPEN_MAX;
use ringshard_world::messages::{Answered, read_answer, write_ask, write_event};

/// The asks that wait for an answer.
#[derive(Debug, Default)]
pub(super) struct Asks {
    open: Vec<u16>,
    next: u16,
}

impl Asks {
    /// A number for a new ask; None while [`ASKS_OPEN_MAX`] are open.
    fn begin(&mut self) -> Option<u16> {
        if self.open.len() >= ASKS_OPEN_MAX {
            return None;
        }
        while self.open.contains(&self.next) {
            self.next = self.next.wrapping_add(1);
        }
        let number = self.next;
        self.open.push(number);
        self.next = number.wrapping_add(1);
        Some(number)
    }

    /// Ends an ask; false if it is not open.
    fn end(&mut self, number: u16) -> bool {
        let at = self.open.iter().position(|open| *open == number);
        at.map(|at| self.open.swap_remove(at)).is_some()
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = AskId> + '_ {
        self.open.drain(..).map(AskId)
    }
}

impl<R: Rules> Client<R> {
    /// Asks the server. [`News::Answer`] or [`News::Unanswered`] follows, once.
    ///
    /// None, and nothing is sent, if the client is not in the world, if [`ASKS_OPEN_MAX`] asks wait for an answer, or if the
    /// queue of reliable messages is full.
    pub fn ask(&mut self, ask: &R::Ask) -> Option<AskId> {
        if !self.is_in_world() {
            return None;
        }
        let number = self.asks.begin()?;
        if self.send(Channel::RELIABLE_ORDERED, |writer| write_ask(number, ask, writer)) {
            return Some(AskId(number));
        }
        self.asks.end(number);
        None
    }

    /// Tells the server an event. False, and nothing is sent, if the client is not in the world, if the queue of reliable
    /// messages is full, or if an unreliable event does not fit the datagram that is about to be sent.
    pub fn tell(&mut self, channel: Channel, event: &R::Event) -> bool {
        self.is_in_world() && self.send(channel, |writer| write_event(event, writer))
    }

    /// Sends a message; false if it cannot be sent now.
    pub(super) fn send(&mut self, channel: Channel, write: impl FnOnce(&mut Writer<'_>) -> Result<(), NoRoom>) -> bool {
        let mut writer = Writer::new(&mut self.outgoing[..]);
        write(&mut writer).expect("every message fits the buffer");
        let message = writer.written();
        assert!(message.len() <= MESSAGE_BYTES_MAX, "every message fits the buffer");
        // A full queue would end the connection.
        let full = self.connection.send_room() < message.len() + MESSAGE_COST_BYTES;
        if channel.delivery().is_reliable() && full {
            return false;
        }
        self.connection.send(self.now, channel, message).is_ok()
    }

    pub(super) fn take_answer(&mut self, message: &[u8]) {
        let (number, news) = match read_answer(message) {
            Ok((number, Answered::Answer(answer))) => (number, News::Answer(AskId(number), answer)),
            Ok((number, Answered::TooMany)) => (number, News::Unanswered(AskId(number), Unanswered::TooMany)),
            Ok((number, Answered::Malformed)) => (number, News::Unanswered(AskId(number), Unanswered::Malformed)),
            Err(_) => {
                self.stats.malformed += 1;
                let &[_, low, high, ..] = message else { return };
                let number = u16::from_le_bytes([low, high]);
                (number, News::Unanswered(AskId(number), Unanswered::Malformed))
            }
        };
        if self.asks.end(number) {
            self.news.push_back(news);
        }
    }

    /// Ends all asks that wait for an answer.
    pub(super) fn end_asks(&mut self, why: Unanswered) {
        let Client { asks, news, .. } = self;
        news.extend(asks.drain().map(|id| News::Unanswered(id, why)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_wrap_and_skip_those_that_are_open() {
        let mut asks = Asks { open: Vec::new(), next: u16::MAX };
        let first = asks.begin().unwrap();
        for _ in 0..u16::MAX {
            let number = asks.begin().unwrap();
            assert_ne!(number, first);
            assert!(asks.end(number));
        }
        assert_eq!(asks.next, first, "all numbers were used once");
        assert_ne!(asks.begin().unwrap(), first);
    }

    #[test]
    fn a_bounded_number_of_asks_is_open_and_each_ends_once() {
        let mut asks = Asks::default();
        let all: Vec<u16> = std::iter::from_fn(|| asks.begin()).collect();
        assert_eq!(all.len(), ASKS_OPEN_MAX);
        assert!(asks.end(all[5]) && !asks.end(all[5]));
        assert!(asks.begin().is_some() && asks.begin().is_none());
    }
}
