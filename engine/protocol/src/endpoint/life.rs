//! The life of a session at a server: it begins when a client proves its keys, can move from connection to connection, can
//! be suspended while no connection carries it, and ends once.
//!
//! ```text
//!            Joined                    Renamed, Resumed { former: Some }
//! half-open -------> connected <---------------------------------------+
//!                     |  |  ^ \________________________________________|
//!              Ended  |  |  | Resumed { former: None }
//!       over <--------+  |  |
//!        ^      Suspended|  |
//!        |               v  |
//!        +----------- suspended
//!             Ended
//! ```
//! Each arrow is one [`Event`]. Whatever a client says, it only ever chooses among these arrows: the reason in its
//! Disconnect is reported, and decides nothing.

use super::resumption::{Found, Token};
use super::table::{Entry, Phase};
use super::{Endpoint, compose};
use crate::limits::{DISCONNECT_COPIES, EVENTS_RESERVED};
use crate::time::Instant;
use crate::wire::{ConnectionId, DisconnectReason};
use std::collections::VecDeque;

/// Names a session of an endpoint. Unlike a connection's id it stays the same over address changes and resumptions, and
/// no other session of the endpoint ever gets it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SessionId(u64);

/// Something that happened to a connection, or to the session that it carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A client has proved its keys, and a session begins.
    Joined {
        /// Its connection.
        id: ConnectionId,
        /// The new session.
        session: SessionId,
    },
    /// A client has proved its keys, and goes on with a session: what was sent reliably and is not acknowledged goes on,
    /// too.
    Resumed {
        /// Its connection.
        id: ConnectionId,
        /// The session.
        session: SessionId,
        /// The connection that carried the session until now; None when it was suspended.
        former: Option<ConnectionId>,
    },
    /// The connection has another id from now on, because its client has moved. The former id is understood until it
    /// changes again.
    Renamed {
        /// The new id.
        id: ConnectionId,
        /// The former id.
        former: ConnectionId,
    },
    /// Its client has answered an integrity challenge: rightly, or not. What follows is the game's to decide.
    Integrity(ConnectionId, bool),
    /// The client was silent for the timeout. Its connection is gone, its session can be resumed for a while.
    Suspended {
        /// The connection that is gone.
        id: ConnectionId,
        /// The session.
        session: SessionId,
    },
    /// The session is over, and so is its connection.
    Ended {
        /// The connection that is gone; None when the session was suspended.
        id: Option<ConnectionId>,
        /// The session.
        session: SessionId,
        /// Why.
        cause: EndCause,
    },
}

/// Why a session is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndCause {
    /// The client hung up. The reason is what the client says: report it, decide nothing by it.
    Client(DisconnectReason),
    /// The server ended it.
    Server(DisconnectReason),
    /// It was suspended, and nobody resumed it in time; or memory was short.
    Expired,
}

/// How a connection goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Departure {
    /// The client hung up.
    Client(DisconnectReason),
    /// The server ends it.
    Server(DisconnectReason),
    /// Nothing was heard for the timeout, or for long enough where a client that names the session `spare` wants the slot.
    Silent { spare: Option<Token> },
}

/// What has happened and was not asked for yet, and the sessions that there were.
#[derive(Debug)]
pub(super) struct Life {
    events: VecDeque<Event>,
    sessions: u64,
}

impl Life {
    pub(super) fn new(connections_max: usize) -> Self {
        Life { events: VecDeque::with_capacity(EVENTS_RESERVED.max(2 * connections_max)), sessions: 0 }
    }

    pub(super) fn note(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub(super) fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn begin_session(&mut self) -> SessionId {
        self.sessions += 1;
        SessionId(self.sessions)
    }
}

impl Endpoint {
    /// A client has proved its keys: its session begins, or the one that it named goes on.
    pub(super) fn confirm(&mut self, now: Instant, id: ConnectionId) {
        let resumes = self.table.confirm(id);
        self.stats.joined += 1;
        let begun = match resumes {
            None => {
                let session = self.life.begin_session();
                self.life.note(Event::Joined { id, session });
                session
            }
            Some(key) => match self.resume(now, id, &key.token) {
                Some(session) => session,
                None => return self.disconnect(id, DisconnectReason::NotResumable),
            },
        };
        let Some(connection) = self.table.get_mut(id) else { return };
        connection.session_id = Some(begun);
        connection.alias = resumes.map(|key| key.token);
        self.resumption.begin(connection.session.resume_key(), resumes, id);
        if let Some(integrity) = &self.integrity {
            connection.challenge_at = now + integrity.period;
            self.table.schedule(id);
        }
    }

    /// Lets the connection go on with the session that `token` names; None when that is over.
    fn resume(&mut self, now: Instant, id: ConnectionId, token: &Token) -> Option<SessionId> {
        let (session, former, channels) = match self.resumption.take(token)? {
            Found::Suspended(session, channels) => (session, None, channels),
            // One that is being put out takes its session along.
            Found::Live(former) if self.table.get(former).is_some_and(Entry::is_closing) => return None,
            Found::Live(former) => {
                let mut connection = self.table.retire(now, former)?;
                self.resumption.forget_alias(connection.alias);
                self.stats.left += 1;
                let channels = connection.session.take_channels(&mut self.resources);
                (connection.session_id?, Some(former), channels)
            }
        };
        if let Some(channels) = channels {
            let connection = self.table.get_mut(id)?;
            connection.session.adopt(now, *channels);
            if let Some(cap) = self.policy.connection_send_bytes_per_second {
                connection.session.cap_rate(now, Some(cap));
            }
        }
        self.stats.resumed += 1;
        self.life.note(Event::Resumed { id, session, former });
        Some(session)
    }

    /// The connection is gone; its session with it, unless that may go on.
    pub(super) fn leave(&mut self, now: Instant, id: ConnectionId, departure: Departure) {
        if self.table.get(id).is_none() {
            return;
        }
        let id = self.table.occupant(id.slot().into()).unwrap_or(id);
        // A client that was silent and is heard again is worth a word in the log: its connection did not end in order.
        let removed = match departure {
            Departure::Silent { .. } => self.table.remove(id),
            Departure::Client(_) | Departure::Server(_) => self.table.retire(now, id),
        };
        let Some(mut connection) = removed else { return };
        let key = connection.session.resume_key();
        self.stats.left += u64::from(!connection.is_half_open());
        // One that never got a session has no life that anybody was told.
        let Some(session) = connection.session_id else {
            connection.session.release(&mut self.resources);
            return;
        };
        let cause = match departure {
            Departure::Client(reason) => EndCause::Client(reason),
            Departure::Server(reason) => EndCause::Server(reason),
            Departure::Silent { spare } => {
                let channels = connection.session.take_channels(&mut self.resources);
                self.life.note(Event::Suspended { id, session });
                let Endpoint { resumption, resources, life, .. } = self;
                let (alias, pool) = (connection.alias, &mut resources.pool);
                resumption.suspend(now, key, alias, session, channels, spare.as_ref(), pool, |session| {
                    life.note(Event::Ended { id: None, session, cause: EndCause::Expired });
                });
                return;
            }
        };
        self.resumption.end(&key.token, connection.alias);
        connection.session.release(&mut self.resources);
        self.life.note(Event::Ended { id: Some(id), session, cause });
    }

    /// Ends the suspended sessions whose time is over.
    pub(super) fn expire_suspended(&mut self, now: Instant) {
        let Endpoint { resumption, resources, life, .. } = self;
        resumption.expire(now, &mut resources.pool, |session| {
            life.note(Event::Ended { id: None, session, cause: EndCause::Expired });
        });
    }

    /// Ends suspended sessions that hold memory, as long as it is low.
    pub(super) fn relieve_suspended(&mut self) {
        let Endpoint { resumption, resources, life, .. } = self;
        resumption.relieve(&mut resources.pool, |session| {
            life.note(Event::Ended { id: None, session, cause: EndCause::Expired });
        });
    }

    /// Ends all suspended sessions: nobody will be let in to resume them.
    fn end_suspended(&mut self) {
        let Endpoint { resumption, resources, life, .. } = self;
        resumption.end_suspended(&mut resources.pool, |session| {
            life.note(Event::Ended { id: None, session, cause: EndCause::Server(DisconnectReason::ShuttingDown) });
        });
    }

    /// Forgets a connection whose client never proved its keys.
    pub(super) fn forget(&mut self, id: ConnectionId) {
        if let Some(mut connection) = self.table.remove(id) {
            connection.session.release(&mut self.resources);
        }
    }

    /// Ends a connection: its client is told at the next flush, behind what was sent before. One whose client has yet to
    /// prove its keys is forgotten at once.
    pub fn disconnect(&mut self, id: ConnectionId, reason: DisconnectReason) {
        let Some(connection) = self.table.get_mut(id) else { return };
        match connection.phase {
            Phase::Closing(_) => return,
            Phase::HalfOpen { .. } => {
                self.forget(id);
                return;
            }
            Phase::Established => connection.phase = Phase::Closing(reason),
        }
        for _ in 0..DISCONNECT_COPIES {
            // Each copy in a datagram of its own. One that finds no room is as good as one that was lost: the client's
            // timeout covers both.
            connection.staged = None;
            compose(&mut self.staging, connection, &mut self.resources.random, |frames| frames.disconnect(reason));
        }
        self.staging.retire_later(id.slot());
    }

    /// Refuses new connections from here on. Those that are there stay.
    pub fn refuse_new(&mut self) {
        self.strangers.refuse_all();
    }

    /// Refuses new connections from here on, and ends as many as there is room to tell. Call it, and flush, until it
    /// gives 0: the connections that are left.
    pub fn shut_down(&mut self) -> usize {
        self.strangers.refuse_all();
        self.end_suspended();
        for slot in 0..self.table.slots() {
            if !self.staging.has_room_for(DISCONNECT_COPIES) {
                break;
            }
            if let Some(id) = self.table.occupant(slot) {
                self.disconnect(id, DisconnectReason::ShuttingDown);
            }
        }
        self.table.len()
    }
}
