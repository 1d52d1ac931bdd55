//! The handshake of a client: what unencrypted packets do, and how an Accepted becomes the connection.

use super::handshake::Handshake;
use super::{Client, ClientEvent, CloseReason, State};
use crate::connection::{Connection, ConnectionConfig, HeartbeatConfig, Role};
use crate::limits::*;
use crate::time::Instant;
use crate::wire::{Accepted, ConnectionParameters, UnencryptedPacket, decode_unencrypted};
use rand_chacha::rand_core::Rng;

impl Client {
    /// The handshake in progress: the first one, or a reconnect attempt.
    pub(super) fn handshake(&mut self) -> Option<&mut Handshake> {
        match &mut self.state {
            State::Connecting(handshake) => Some(handshake),
            State::Connected(_) => self.reconnect_attempt.as_deref_mut(),
            State::Waiting(_) | State::Closed => None,
        }
    }

    pub(super) fn receive_unencrypted(&mut self, now: Instant, datagram: &[u8]) {
        let Ok(packet) = decode_unencrypted(datagram) else {
            self.resources.drops.malformed += 1;
            return;
        };
        let tag = self.tag;
        let Some(handshake) = self.handshake() else {
            // A late answer to a handshake that is over.
            self.resources.drops.unexpected += 1;
            return;
        };
        match packet {
            UnencryptedPacket::Cookie(cookie) if cookie.tag == tag => handshake.cookie(now, &cookie),
            UnencryptedPacket::Accepted(accepted) if accepted.tag == tag => self.accepted(now, &accepted),
            UnencryptedPacket::Denied(denied) if denied.tag == tag => {
                let random = self.resources.random.next_u32();
                if let Some(handshake) = self.handshake() {
                    handshake.denied(now, &denied, random);
                }
            }
            _ => self.resources.drops.unexpected += 1,
        }
    }

    /// The server accepts the client: the handshake becomes the connection.
    fn accepted(&mut self, now: Instant, accepted: &Accepted) {
        let Some(handshake) = self.handshake() else { return };
        let Some((secrets, parameters, suite)) = handshake.finish(accepted) else {
            handshake.wrong_key = true;
            self.resources.drops.not_authentic += 1;
            return;
        };
        if !parameters.resumed && self.asks_other(now) {
            return;
        }
        // The answer may come again. Two connections from one handshake would use each nonce twice with one key.
        self.reconnect_attempt = None;
        let ConnectionParameters { connection: id, resumed, heartbeat, timeout, .. } = parameters;
        let config = ConnectionConfig {
            id,
            role: Role::Client,
            suite,
            secrets,
            heartbeat: HeartbeatConfig { interval: heartbeat, timeout },
            transport: self.config.transport,
        };
        if self.is_connected() {
            // The former connection gives way.
            self.suspend_session();
            match self.moves_to.take() {
                Some(server) => self.go_to(server),
                None => self.events.push_back(ClientEvent::Reconnecting(CloseReason::Silent)),
            }
        }
        let mut connection = Connection::new(config, now, &mut self.resources.random);
        if !resumed {
            self.forget_session();
        } else if let Some(channels) = self.take_channels() {
            connection.adopt(now, *channels);
        }
        assert!(self.outgoing.is_empty(), "nothing for a former connection is sealed with the keys of this one");
        self.state = State::Connected(connection);
        self.reconnect_after = RECONNECT_FIRST;
        self.events.push_back(ClientEvent::Connected { id, resumed });
        self.proof = Some((now, CONNECT_RETRY_FIRST));
        self.prove_keys(now);
    }

    /// Sends a ping that proves the keys to the server, and repeats it until the server is heard: it can be lost on the
    /// way.
    pub(super) fn prove_keys(&mut self, now: Instant) {
        if let Some((at, wait)) = self.proof
            && at <= now
        {
            self.compose(|frames| frames.ping(0));
            self.proof = Some((now + wait, (wait * 2).min(CONNECT_RETRY_MAX)));
        }
    }
}
