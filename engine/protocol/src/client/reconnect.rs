//! Reconnection (PROTOCOL.md#reconnection): a client that loses its connection connects again, and resumes its session
//! if the server still knows it.

use super::handshake::Handshake;
use super::moves::Server;
use super::resumable::ResumableSession;
use super::{Client, ClientEvent, CloseReason, State};
use crate::connection::Channels;
use crate::crypto::noise::ResumeKey;
use crate::limits::*;
use crate::time::Instant;
use crate::wire::DisconnectReason;
use rand_chacha::rand_core::Rng;

impl Client {
    /// Starts a reconnect attempt beside the silent connection. If the server is heard over that after all, it stays.
    pub(super) fn attempt_reconnect(&mut self, now: Instant) {
        if !self.config.reconnect || self.reconnect_attempt.is_some() || self.outgoing.is_disconnecting() {
            return;
        }
        // A server that was never heard since the session moved to it may not have it: the one before may.
        self.moves_to = self.came_from;
        let server = self.moves_to.unwrap_or(self.server);
        let resumable = self.resume_key().map(|(core, key)| (self.moves_to.map_or(core, |it| it.core), key));
        self.reconnect_attempt = Some(Box::new(self.begin_handshake(now, &server, resumable)));
    }

    pub(super) fn reconnect(&mut self, now: Instant) {
        if let Some(server) = self.came_from {
            self.go_to(server);
        }
        let server = self.server;
        let moves = self.came_from.is_some();
        let core = |session: &ResumableSession| if moves { server.core } else { session.core };
        let resumable = self.resumable.as_ref().map(|session| (core(session), session.key));
        self.state = State::Connecting(Box::new(self.begin_handshake(now, &server, resumable)));
    }

    fn begin_handshake(&mut self, now: Instant, server: &Server, resumable: Option<(u8, ResumeKey)>) -> Handshake {
        let handshake = Handshake::begin(&self.config, &server.key, now, resumable, &mut self.resources)
            .expect("the server's key was valid for the first handshake");
        self.tag = handshake.tag();
        handshake
    }

    /// The core that knows the session, and the key that resumes it.
    pub(super) fn resume_key(&self) -> Option<(u8, ResumeKey)> {
        match &self.resumable {
            // The server was not heard since the session was to be resumed. Only the server knows whether it was.
            Some(ResumableSession { core, key, .. }) => Some((*core, *key)),
            None => self.connection().map(|connection| (connection.id().core(), connection.resume_key())),
        }
    }

    /// Drops the connection, and keeps its session for the next one.
    pub(super) fn suspend_session(&mut self) {
        let resumable = self.resume_key();
        if let State::Connected(mut connection) = std::mem::replace(&mut self.state, State::Closed)
            && let Some((core, key)) = resumable
        {
            let channels = connection.take_channels(&mut self.resources);
            self.resumable = Some(ResumableSession { core, key, channels });
        }
        self.forget_outgoing();
    }

    /// The connection was lost: waits and reconnects, if the client is configured to and it may help.
    pub(super) fn lost(&mut self, now: Instant, reason: CloseReason) {
        if self.outgoing.is_disconnecting() {
            return self.close(CloseReason::Disconnected(self.outgoing.disconnect_reason));
        }
        if !self.config.reconnect || !reason.is_temporary() {
            return self.close(reason);
        }
        let not_resumable = CloseReason::Disconnected(DisconnectReason::NotResumable);
        let resumable = reason != not_resumable || self.came_from.is_some();
        (self.reconnect_attempt, self.moves_to) = (None, None);
        self.suspend_session();
        if !resumable {
            self.forget_session();
        }
        // Jitter, so that the clients of a restarted server do not all come at once.
        let jitter = self.resources.random.next_u32() % 256;
        let wait = self.reconnect_after * (256 + jitter) / 512;
        self.reconnect_after = (self.reconnect_after * 2).min(RECONNECT_MAX);
        self.state = State::Waiting(now + wait);
        self.events.push_back(ClientEvent::Reconnecting(reason));
    }

    pub(super) fn close(&mut self, reason: CloseReason) {
        assert!(!self.is_closed(), "a client closes once");
        (self.reconnect_attempt, self.moves_to) = (None, None);
        if let State::Connected(mut connection) = std::mem::replace(&mut self.state, State::Closed) {
            connection.release(&mut self.resources);
        }
        self.forget_session();
        self.forget_outgoing();
        self.events.push_back(ClientEvent::Closed(reason));
    }

    /// The channels of the session that a new connection resumes. Its key is kept until the server is heard.
    pub(super) fn take_channels(&mut self) -> Option<Box<Channels>> {
        self.resumable.as_mut().and_then(|session| session.channels.take())
    }

    pub(super) fn forget_session(&mut self) {
        self.came_from = None;
        if let Some(ResumableSession { channels: Some(mut channels), .. }) = self.resumable.take() {
            channels.release(&mut self.resources.pool);
        }
    }

    fn forget_outgoing(&mut self) {
        self.outgoing.clear();
        self.proof = None;
    }
}
