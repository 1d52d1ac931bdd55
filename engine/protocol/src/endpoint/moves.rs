//! Sessions that move to another server, with their messages (PROTOCOL.md#moves). Here a session leaves or arrives; what tells
//! the client and the other server is the caller's.
//!
//! ```text
//!  server A                                          server B
//!  session_key ------------------------------------> expect_session
//!                          the client connects to B: Event::Awaited
//!  export_session <--------------------------------- the caller asks A
//!       \------------------------------------------> import_session, then Event::Resumed
//! ```
//! The session is at one server at a time. What the client sends to B before the session has arrived is dropped without an
//! acknowledgment, so it sends that again.

use super::Endpoint;
use super::entry::{Entry, Phase};
use super::events::{EndCause, Event};
use super::resumption::{Found, Suspended};
use super::session::{SessionId, Token};
use crate::connection::{Channels, TransferError};
use crate::crypto::noise::ResumeKey;
use crate::time::Instant;
use crate::wire::ConnectionId;

impl Endpoint {
    /// The key that resumes the session of a connection, for the server that the session is to move to. It is secret. None
    /// if there is no such connection, or its client has not proved its keys.
    pub fn session_key(&self, id: ConnectionId) -> Option<ResumeKey> {
        let entry = self.table.get(id).filter(|entry| entry.session_id.is_some())?;
        Some(entry.connection.resume_key())
    }

    /// The name of the key of the gateway that vouches for the client of a connection ([`GatewayKey::name`]). None if there is no
    /// such connection, or its client is behind none.
    ///
    /// [`GatewayKey::name`]: crate::gateway::GatewayKey::name
    pub fn gateway_of(&self, id: ConnectionId) -> Option<u64> {
        self.table.get(id)?.origin.map(|origin| origin.gateway)
    }

    /// A session with this key is to move here. For [`EXPECTED_PERIOD`](crate::limits::EXPECTED_PERIOD), its client is
    /// accepted. False if the session is here already, or too many are expected.
    pub fn expect_session(&mut self, now: Instant, key: ResumeKey) -> bool {
        self.resumption.expect(now, key)
    }

    /// The session does not move here after all. If its client has connected, that connection ends.
    pub fn forget_expected(&mut self, token: &Token) {
        self.resumption.forget_expected(token);
    }

    /// Takes the session that `token` names out of this server, with its connection, which ends without a notice: the client
    /// has another one. Returns the session as bytes for [`Self::import_session`] of another server. None if there is no such
    /// session, or it is ending. The caller forgets the session: no event reports it.
    pub fn export_session(&mut self, now: Instant, token: &Token) -> Option<(SessionId, Vec<u8>)> {
        let key = self.resumption.key_of(token)?;
        if self.resumption.connection_of(token).is_some_and(|id| self.table.get(id).is_none_or(Entry::is_closing)) {
            return None;
        }
        let (session, channels) = match self.resumption.take(token)? {
            Found::Suspended(session, channels) => (session, channels),
            Found::Live(id) => {
                let mut entry = self.table.remove_in_order(now, id)?;
                self.resumption.forget_alias(entry.resumed_by);
                self.stats.left += 1;
                (entry.session_id?, entry.connection.take_channels(&mut self.resources))
            }
        };
        let mut bytes = key.to_bytes().to_vec();
        if let Some(mut channels) = channels {
            channels.write_transfer(&mut bytes);
            channels.release(&mut self.resources.pool);
        }
        Some((session, bytes))
    }

    /// The session that `token` names.
    pub fn session_of(&self, token: &Token) -> Option<SessionId> {
        match self.resumption.connection_of(token) {
            Some(id) => self.table.get(id)?.session_id,
            None => self.resumption.suspended_session(token),
        }
    }

    /// Forgets a suspended session, whose client goes back to the server that it came from. The caller forgets it, too: no
    /// event reports it.
    pub fn drop_session(&mut self, session: SessionId) {
        if let Some(mut channels) = self.resumption.remove(session) {
            channels.release(&mut self.resources.pool);
        }
    }

    /// Takes in a session that another server has exported. It is suspended until its client's next datagram, which resumes
    /// it. Returns its name here.
    ///
    /// # Errors
    /// [`TransferError`]; nothing has changed then.
    pub fn import_session(&mut self, now: Instant, bytes: &[u8]) -> Result<SessionId, TransferError> {
        let (key, channels) = bytes.split_first_chunk().ok_or(TransferError::Malformed)?;
        let key = ResumeKey::from_bytes(key);
        if self.resumption.has(&key.token) {
            return Err(TransferError::Present);
        }
        let pool = &mut self.resources.pool;
        let channels = match channels {
            [] => None,
            channels => Some(Box::new(Channels::read_transfer(now, channels, pool)?)),
        };
        self.resumption.forget_expected(&key.token);
        let session = self.events.begin_session();
        let suspended = Suspended { key, session, channels, alias: None };
        let Endpoint { resumption, resources, events, .. } = self;
        resumption.suspend(now, suspended, None, &mut resources.pool, |session| {
            events.ended(None, session, EndCause::Expired);
        });
        Ok(session)
    }

    /// Whether a half-open connection waits for a session that has not arrived. Its client has just proved its keys.
    pub(super) fn awaits_session(&mut self, id: ConnectionId) -> bool {
        let Endpoint { table, resumption, events, .. } = self;
        let Some(Phase::HalfOpen(half_open)) = table.get(id).map(|entry| &entry.phase) else { return false };
        let Some(ResumeKey { token, .. }) = half_open.resumes else { return false };
        resumption.awaits(&token, || events.push(Event::Awaited { token }))
    }
}
