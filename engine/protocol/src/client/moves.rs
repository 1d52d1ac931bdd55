//! A session that moves to another server (PROTOCOL.md#moves).

use super::handshake::Handshake;
use super::{Client, ClientEvent, CloseReason, State};
use crate::crypto::{NotAuthentic, PublicKey};
use crate::time::Instant;
use crate::wire::DisconnectReason;

/// A server that the client talks to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Server {
    pub(super) key: PublicKey,
    /// What the caller calls its address.
    pub(super) place: u32,
    /// The core that knows the session, while it moves.
    pub(super) core: u8,
    /// It has said that it does not have the session.
    pub(super) is_without_session: bool,
}

impl Client {
    /// The session moves to another server, as the present one says: connects to it, and resumes the session there. The
    /// present connection stays until the other server accepts. If it does not, nothing changes.
    ///
    /// `server` is the other server's public key, `core` the core that expects the session. `place` is the caller's name for
    /// the address: [`Self::place`] names it for each datagram. The first server's place is 0. Without a connection, and while
    /// another move is under way, this does nothing.
    ///
    /// # Errors
    /// [`NotAuthentic`] if the key is not a valid key.
    pub fn move_to(&mut self, now: Instant, server: PublicKey, core: u8, place: u32) -> Result<(), NotAuthentic> {
        let is_free = matches!(self.state, State::Connected(_)) && self.moves_to.is_none() && self.came_from.is_none();
        if !is_free || self.outgoing.is_disconnecting() {
            return Ok(());
        }
        let resumable = self.resume_key().map(|(_, key)| (core, key));
        let handshake = Handshake::begin(&self.config, &server, now, resumable, &mut self.resources)?;
        self.tag = handshake.tag();
        self.reconnect_attempt = Some(Box::new(handshake));
        self.moves_to = Some(Server { key: server, place, core, is_without_session: false });
        Ok(())
    }

    /// Whether the session moves: until the other server is heard, or the client stays.
    pub fn is_moving(&self) -> bool {
        self.moves_to.is_some() || self.came_from.is_some()
    }

    /// The place of the server that has the connection, or that the client tries to reach.
    pub fn server_place(&self) -> u32 {
        self.server.place
    }

    /// Where the datagram goes that [`Self::transmit`] writes next: the place of [`Self::move_to`], or 0.
    pub fn place(&mut self, now: Instant) -> u32 {
        let is_connect = self.handshake().is_some_and(|handshake| now >= handshake.retry_at);
        let server = if is_connect { self.moves_to.unwrap_or(self.server) } else { self.server };
        server.place
    }

    /// From now on the server is another one.
    pub(super) fn go_to(&mut self, server: Server) {
        if self.came_from.is_none() {
            self.server.core = self.resumable.as_ref().map_or(0, |session| session.core);
        }
        self.came_from = Some(std::mem::replace(&mut self.server, server));
        self.events.push_back(ClientEvent::Moved { place: server.place });
    }

    /// A server accepts the client without the session that moves. Whether the client asks the other server first.
    pub(super) fn asks_other(&mut self, now: Instant) -> bool {
        if self.moves_to.is_some() {
            // It stays connected meanwhile.
            self.stay();
            return true;
        }
        let asks = self.came_from.is_some_and(|other| !other.is_without_session);
        if asks {
            self.server.is_without_session = true;
            self.lost(now, CloseReason::Disconnected(DisconnectReason::NotResumable));
        }
        asks
    }

    /// The session stays where it is.
    pub(super) fn stay(&mut self) {
        (self.reconnect_attempt, self.moves_to) = (None, None);
    }

    /// Gives the move up if the other server does not answer in time.
    pub(super) fn give_up_move(&mut self, now: Instant) {
        let is_over = |attempt: &Handshake| now >= attempt.gives_up_at();
        if self.moves_to.is_some() && self.reconnect_attempt.as_deref().is_some_and(is_over) {
            self.stay();
        }
    }
}
