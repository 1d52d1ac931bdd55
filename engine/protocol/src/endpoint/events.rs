//! What the endpoint reports to its caller: one event for each transition in a session's life.

use super::session::SessionId;
use crate::limits::{EVENTS_RESERVED, RESUME_TOKEN_BYTES};
use crate::wire::{ConnectionId, DisconnectReason};
use std::collections::VecDeque;

/// Something that happened to a connection, or to the session that it carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A client has proved its keys, and a new session begins.
    Joined {
        /// Its connection.
        id: ConnectionId,
        /// The new session.
        session: SessionId,
    },
    /// A client has proved its keys and resumes a session, with all reliable messages that are not acknowledged yet.
    Resumed {
        /// Its connection.
        id: ConnectionId,
        /// The session.
        session: SessionId,
        /// The connection that carried the session until now; None if the session was suspended.
        former: Option<ConnectionId>,
    },
    /// A client has proved its keys, and its session is to move here ([`Endpoint::expect_session`]): the other server must
    /// hand the session over now ([`Endpoint::import_session`]). Until then, what the client sends is dropped.
    ///
    /// [`Endpoint::expect_session`]: super::Endpoint::expect_session
    /// [`Endpoint::import_session`]: super::Endpoint::import_session
    Awaited {
        /// Names the session.
        token: [u8; RESUME_TOKEN_BYTES],
    },
    /// The connection has a new id because its client has moved. The former id stays valid until the next change.
    Renamed {
        /// The new id.
        id: ConnectionId,
        /// The former id.
        former: ConnectionId,
    },
    /// The client has answered an integrity challenge; true if the answer is correct. The game decides what follows.
    Integrity(ConnectionId, bool),
    /// The client was silent for the timeout. Its connection is gone; its session can be resumed for a while.
    Suspended {
        /// The connection that is gone.
        id: ConnectionId,
        /// The session.
        session: SessionId,
    },
    /// The session is over, and so is its connection.
    Ended {
        /// The connection that is gone; None if the session was suspended.
        id: Option<ConnectionId>,
        /// The session.
        session: SessionId,
        /// Why it ended.
        cause: EndCause,
    },
}

/// Why a session is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndCause {
    /// The client disconnected. The client chooses the reason: report it, but decide nothing by it.
    Client(DisconnectReason),
    /// The server ended it.
    Server(DisconnectReason),
    /// It was suspended and not resumed in time, or memory was low.
    Expired,
}

/// Events that the caller has not polled yet, and the ids of new sessions.
#[derive(Debug)]
pub(super) struct Events {
    waiting: VecDeque<Event>,
    sessions: u64,
}

impl Events {
    pub(super) fn new(connections_max: usize) -> Self {
        Events { waiting: VecDeque::with_capacity(EVENTS_RESERVED.max(2 * connections_max)), sessions: 0 }
    }

    pub(super) fn push(&mut self, event: Event) {
        self.waiting.push_back(event);
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        self.waiting.pop_front()
    }

    /// The id of a session that begins.
    pub(super) fn begin_session(&mut self) -> SessionId {
        self.sessions += 1;
        SessionId(self.sessions)
    }

    /// Notes that a session ended.
    pub(super) fn ended(&mut self, id: Option<ConnectionId>, session: SessionId, cause: EndCause) {
        assert!(session.0 <= self.sessions, "only a session that began can end");
        self.push(Event::Ended { id, session, cause });
    }
}
