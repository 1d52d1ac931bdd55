//! The life of a session on a server. A session begins when a client proves its keys, can move from connection to
//! connection, can be suspended without a connection, and ends once.
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
//! Each arrow is one [`Event`]. A client can only choose among these arrows: the reason in its Disconnect is reported,
//! and decides nothing.

use super::Endpoint;
use super::entry::{Entry, Phase};
use super::events::{EndCause, Event};
use super::resumption::{Found, Suspended};
use super::send::compose;
use super::session::{SessionId, Token};
use crate::limits::DISCONNECT_COPIES;
use crate::time::Instant;
use crate::wire::{ConnectionId, DisconnectReason};

/// How a connection ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Departure {
    /// The client disconnected.
    Client(DisconnectReason),
    /// The server ends it.
    Server(DisconnectReason),
    /// The client was silent for the timeout, or long enough that another client may have its slot. That client may
    /// name the session `spare`, which must not make room for this one.
    Silent { spare: Option<Token> },
}

impl Endpoint {
    /// A client has proved its keys: its session begins, or it resumes the one that it named.
    pub(super) fn establish(&mut self, now: Instant, id: ConnectionId) {
        let resumes = self.table.establish(id);
        self.stats.joined += 1;
        let session = match resumes {
            None => {
                let session = self.events.begin_session();
                self.events.push(Event::Joined { id, session });
                session
            }
            Some(key) => match self.resume(now, id, &key.token) {
                Some(session) => session,
                None => return self.disconnect(id, DisconnectReason::NotResumable),
            },
        };
        let Some(entry) = self.table.get_mut(id) else { return };
        assert!(entry.session_id.is_none(), "a connection carries one session");
        entry.session_id = Some(session);
        entry.resumed_by = resumes.map(|key| key.token);
        self.resumption.begin(entry.connection.resume_key(), resumes, id);
        if let Some(integrity) = &self.integrity {
            entry.integrity_check_at = now + integrity.period;
            self.table.schedule(id);
        }
    }

    /// Moves the session that `token` names to the connection; None if the session is over.
    fn resume(&mut self, now: Instant, id: ConnectionId, token: &Token) -> Option<SessionId> {
        let (session, former, channels) = match self.resumption.take(token)? {
            Found::Suspended(session, channels) => (session, None, channels),
            // A connection that is closing ends with its session.
            Found::Live(former) if self.table.get(former).is_some_and(Entry::is_closing) => return None,
            Found::Live(former) => {
                assert!(former != id, "a session is resumed over another connection");
                let mut entry = self.table.remove_in_order(now, former)?;
                self.resumption.forget_alias(entry.resumed_by);
                self.stats.left += 1;
                let channels = entry.connection.take_channels(&mut self.resources);
                (entry.session_id?, Some(former), channels)
            }
        };
        if let Some(channels) = channels {
            let entry = self.table.get_mut(id)?;
            entry.connection.adopt(now, *channels);
            if let Some(cap) = self.policy.connection_send_bytes_per_second {
                entry.connection.cap_rate(now, Some(cap));
            }
        }
        self.stats.resumed += 1;
        self.events.push(Event::Resumed { id, session, former });
        Some(session)
    }

    /// Removes the connection. Its session ends too, unless it can be resumed.
    pub(super) fn leave(&mut self, now: Instant, id: ConnectionId, departure: Departure) {
        if self.table.get(id).is_none() {
            return;
        }
        let id = self.table.id_in_slot(id.slot().into()).unwrap_or(id);
        // Datagrams of a silent client that is heard again count as unknown, not as late: operators should see them.
        let removed = match departure {
            Departure::Silent { .. } => self.table.remove(id),
            Departure::Client(_) | Departure::Server(_) => self.table.remove_in_order(now, id),
        };
        let Some(mut entry) = removed else { return };
        let key = entry.connection.resume_key();
        self.stats.left += u64::from(!entry.is_half_open());
        assert!(
            entry.session_id.is_none() || !entry.is_half_open(),
            "a session begins when the client has proved its keys"
        );
        // Without a session there was no event, so there is none now.
        let Some(session) = entry.session_id else {
            entry.connection.release(&mut self.resources);
            return;
        };
        let cause = match departure {
            Departure::Client(reason) => EndCause::Client(reason),
            Departure::Server(reason) => EndCause::Server(reason),
            Departure::Silent { spare } => {
                let channels = entry.connection.take_channels(&mut self.resources);
                self.events.push(Event::Suspended { id, session });
                let suspended = Suspended { key, session, channels, alias: entry.resumed_by };
                let Endpoint { resumption, resources, events, .. } = self;
                resumption.suspend(now, suspended, spare.as_ref(), &mut resources.pool, |session| {
                    events.ended(None, session, EndCause::Expired);
                });
                return;
            }
        };
        self.resumption.end(&key.token, entry.resumed_by);
        entry.connection.release(&mut self.resources);
        self.events.ended(Some(id), session, cause);
    }

    /// Ends the suspended sessions that were not resumed in time.
    pub(super) fn expire_suspended(&mut self, now: Instant) {
        let Endpoint { resumption, resources, events, .. } = self;
        resumption.expire(now, &mut resources.pool, |session| events.ended(None, session, EndCause::Expired));
    }

    /// Ends suspended sessions that hold memory, until enough is free.
    pub(super) fn relieve_suspended(&mut self) {
        let Endpoint { resumption, resources, events, .. } = self;
        resumption.relieve(&mut resources.pool, |session| events.ended(None, session, EndCause::Expired));
    }

    /// Ends all suspended sessions: no client will be admitted to resume them.
    fn end_suspended(&mut self) {
        let cause = EndCause::Server(DisconnectReason::ShuttingDown);
        let Endpoint { resumption, resources, events, .. } = self;
        resumption.end_suspended(&mut resources.pool, |session| events.ended(None, session, cause));
    }

    /// Removes a connection whose client has not proved its keys.
    pub(super) fn remove_half_open(&mut self, id: ConnectionId) {
        if let Some(mut entry) = self.table.remove(id) {
            assert!(entry.session_id.is_none(), "a half-open connection has no session");
            entry.connection.release(&mut self.resources);
        }
    }

    /// Ends a connection. The next flush tells its client, after what was sent before. A half-open connection is
    /// removed at once.
    pub fn disconnect(&mut self, id: ConnectionId, reason: DisconnectReason) {
        let Some(entry) = self.table.get_mut(id) else { return };
        match entry.phase {
            Phase::Closing(_) => return,
            Phase::HalfOpen { .. } => {
                self.remove_half_open(id);
                return;
            }
            Phase::Established => entry.phase = Phase::Closing(reason),
        }
        for _ in 0..DISCONNECT_COPIES {
            // Each copy has its own datagram. If there is no room for one, the client's timeout covers it as if it were
            // lost.
            entry.open_datagram = None;
            compose(&mut self.send_queue, entry, &mut self.resources.random, |frames| frames.disconnect(reason));
        }
        self.send_queue.close_after_flush(id.slot());
    }

    /// Refuses new connections from now on. Existing ones stay.
    pub fn refuse_new(&mut self) {
        self.admission.refuse_all();
    }

    /// Whether clients that do not resume a session are denied with [`DeniedReason::Busy`](crate::wire::DeniedReason::Busy).
    pub fn refuse_newcomers(&mut self, refuse: bool) {
        self.admission.refuse_newcomers(refuse);
    }

    /// Refuses new connections from now on, and ends as many as the send queue has room for. Call it and flush until it
    /// returns 0, the number of connections left.
    pub fn shut_down(&mut self) -> usize {
        self.admission.refuse_all();
        self.end_suspended();
        for slot in 0..self.table.slots() {
            if !self.send_queue.has_room_for(DISCONNECT_COPIES) {
                break;
            }
            if let Some(id) = self.table.id_in_slot(slot) {
                self.disconnect(id, DisconnectReason::ShuttingDown);
            }
        }
        self.table.len()
    }
}
