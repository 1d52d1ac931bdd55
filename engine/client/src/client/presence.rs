//! Entering the world and leaving it (PROTOCOL.md#entering).

use super::Client;
use super::news::{News, Unanswered};
use ringshard_protocol::wire::Channel;
use ringshard_world::Rules;
use ringshard_world::limits::TICKET_BYTES_MAX;
use ringshard_world::messages::{EnterAnswer, EnterRequest, Welcome};

/// Where the client is on its way into the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Presence {
    /// It does not want to enter: it was refused, or put out.
    Outside,
    /// It is to ask as soon as it is connected.
    Due,
    /// It has asked.
    Asking,
    /// It is in the world.
    Inside,
}

impl<R: Rules> Client<R> {
    /// Asks to enter again, after the client was refused or put out. False, and nothing is done, if the client is in the world
    /// or on its way, if it is closed, or if the ticket is longer than [`TICKET_BYTES_MAX`].
    pub fn enter(&mut self, ticket: &[u8]) -> bool {
        if self.presence != Presence::Outside || ticket.len() > TICKET_BYTES_MAX || self.is_closed() {
            return false;
        }
        self.ticket.clear();
        self.ticket.extend_from_slice(ticket);
        self.presence = Presence::Due;
        self.send_request();
        true
    }

    /// Sends the request to enter, if it is due and possible.
    pub(super) fn send_request(&mut self) {
        if self.presence != Presence::Due || !self.connection.is_connected() {
            return;
        }
        let ticket = std::mem::take(&mut self.ticket);
        let request = EnterRequest { schema: self.rules.schema(), ticket: &ticket };
        if self.send(Channel::RELIABLE_ORDERED, |writer| request.write(writer)) {
            self.presence = Presence::Asking;
        }
        self.ticket = ticket;
    }

    pub(super) fn take_enter_answer(&mut self, message: &[u8]) {
        let Ok(answer) = EnterAnswer::read(message) else {
            self.stats.malformed += 1;
            return;
        };
        match answer {
            EnterAnswer::Welcome(welcome) => self.begin_presence(&welcome),
            EnterAnswer::Moved(welcome) => self.take_moved(&welcome),
            EnterAnswer::Refused(reason) => self.end_presence(News::Refused(reason)),
            EnterAnswer::WrongSchema(which) => self.end_presence(News::WrongSchema(which)),
            EnterAnswer::PutOut(reason) => self.end_presence(News::PutOut(reason)),
        }
    }

    /// A client that is inside ignores a welcome: the server repeats it, and nothing begins anew.
    fn begin_presence(&mut self, welcome: &Welcome) {
        if self.is_in_world() {
            return;
        }
        self.forget_world(Unanswered::PutOut);
        self.presence = Presence::Inside;
        self.presences += 1;
        self.map = welcome.map;
        self.view.begin(welcome.first_snapshot);
        self.news.push_back(News::Entered { map: welcome.map });
    }

    fn end_presence(&mut self, news: News<R>) {
        self.forget_world(Unanswered::PutOut);
        self.presence = Presence::Outside;
        self.news.push_back(news);
    }

    /// The session is new: nothing of the former one goes on. A client that was in the world enters again.
    pub(super) fn begin_session(&mut self) {
        if self.stats.reconnects > 0 {
            self.news.push_back(News::Renewed);
        }
        self.forget_world(Unanswered::SessionLost);
        if self.presence != Presence::Outside {
            self.presence = Presence::Due;
        }
    }

    /// Forgets all of the world. Memory is kept.
    pub(super) fn forget_world(&mut self, why: Unanswered) {
        self.end_asks(why);
        self.forget_view();
        (self.change_of_server, self.held_pose) = (None, None);
    }

    /// Forgets what snapshots and inputs have brought. Memory is kept.
    pub(super) fn forget_view(&mut self) {
        self.view.begin(0);
        self.prediction.clear();
        self.smoother.clear();
        (self.input_clock, self.shown_clock) = (None, None);
        (self.body, self.due, self.unsent, self.is_inexact) = (None, 0, 0, false);
    }
}
