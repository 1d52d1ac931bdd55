//! Datagrams, messages and events of the connection.

use super::Client;
use super::news::{NEWS_MAX, News, Unanswered};
use super::presence::Presence;
use ringshard_protocol::client::ClientEvent;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_world::Rules;
use ringshard_world::messages::{kinds, read_event};

impl<R: Rules> Client<R> {
    /// Whether datagrams are taken: false while [`NEWS_MAX`] news wait for the game.
    pub fn has_room(&self) -> bool {
        self.news.len() < NEWS_MAX
    }

    /// Takes a datagram of the server, and opens it in place.
    ///
    /// While [`NEWS_MAX`] news wait for the game, datagrams are ignored.
    pub fn receive(&mut self, now: Instant, datagram: &mut [u8]) {
        self.now = self.now.max(now);
        if !self.has_room() {
            self.stats.ignored += 1;
            return;
        }
        self.stats.datagrams_in += 1;
        self.stats.bytes_in += datagram.len() as u64;
        let messages = self.connection.receive(self.now, datagram);
        self.take_events();
        messages.into_iter().flatten().for_each(|message| self.take_message(message.bytes));
        self.read_messages();
    }

    /// Takes the messages that the connection has put together, while there is room for what they bring.
    pub(super) fn read_messages(&mut self) {
        let mut message = std::mem::take(&mut self.message);
        while self.has_room() && self.connection.read(&mut message).is_some() {
            self.take_message(&message);
        }
        self.message = message;
        self.take_events();
    }

    fn take_message(&mut self, message: &[u8]) {
        match message.first() {
            Some(&kinds::DELTA_SYNC) => self.take_snapshot(message),
            Some(&kinds::ENTER_TO_WORLD) => self.take_enter_answer(message),
            Some(&kinds::ANSWER) => self.take_answer(message),
            Some(&kinds::EVENT) => match read_event(message) {
                Ok(event) => self.news.push_back(News::Event(event)),
                Err(_) => self.stats.malformed += 1,
            },
            Some(&kinds::INTRODUCTION) => self.take_introduction(message),
            Some(&kinds::CHANGE_SERVER) => self.take_change_of_server(message),
            Some(kind) if kinds::SERVICES.contains(kind) => {
                self.stats.services_dropped += u64::from(!self.service_messages.push(message));
            }
            _ => self.stats.malformed += 1,
        }
    }

    pub(super) fn take_events(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            match event {
                ClientEvent::Connected { resumed: true, .. } => self.news.push_back(News::Resumed),
                ClientEvent::Connected { resumed: false, .. } => self.begin_session(),
                // The next server says so itself, once it has the player.
                ClientEvent::Moved { .. } => {}
                ClientEvent::Reconnecting(reason) => {
                    // What the server does meanwhile is unknown. The clock starts anew with the next snapshot.
                    (self.input_clock, self.due, self.unsent) = (None, 0, 0);
                    self.stats.reconnects += 1;
                    self.news.push_back(News::Reconnecting(reason));
                }
                ClientEvent::Closed(reason) => {
                    self.presence = Presence::Outside;
                    self.forget_world(Unanswered::SessionLost);
                    self.news.push_back(News::Closed(reason));
                }
            }
        }
        self.send_request();
    }

    /// The connection's round trip; zero before it is measured.
    pub(super) fn round_trip(&self) -> Duration {
        self.connection.connection().and_then(|connection| connection.round_trip()).unwrap_or_default()
    }
}
