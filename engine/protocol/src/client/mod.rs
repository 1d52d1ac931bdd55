//! One connection, from the client's side.
//!
//! It is driven like an endpoint: hand in one thing, drain [`Client::poll_transmit`] and [`Client::poll_event`], return
//! at [`Client::deadline`]. It owns no socket: the caller sends the datagrams to the server.

mod config;
mod connect;
mod events;
mod handshake;
mod moves;
mod outgoing;
mod reconnect;
mod resumable;
mod send;

pub use self::config::ClientConfig;
pub use self::events::{ClientEvent, CloseReason};

use self::handshake::Handshake;
use self::moves::Server;
use self::outgoing::Outgoing;
use self::resumable::ResumableSession;
use crate::connection::{Connection, ConnectionEvent, Ingested, Resources};
use crate::crypto::{Csprng, NotAuthentic, Suite};
use crate::limits::*;
use crate::stats::Drops;
use crate::time::{Duration, Instant};
use crate::wire::{Channel, ConnectionId, DisconnectReason, Header, Messages};
use rand_chacha::rand_core::SeedableRng;
use std::collections::VecDeque;

/// Memory for messages of a client, in bytes: the most that both of its queues can hold.
const CLIENT_MESSAGE_BYTES_MAX: usize = 2 * (SEND_QUEUE_BYTES_MAX + RELIABLE_WINDOW_BYTES);

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a client is connected nearly all its life")]
enum State {
    Connecting(Box<Handshake>),
    Connected(Connection),
    /// Reconnects at that time.
    Waiting(Instant),
    Closed,
}

/// A client's end of a connection.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    state: State,
    /// Identifies the handshake in progress, or the last one.
    tag: u64,
    outgoing: Outgoing,
    /// When to prove the keys again, and how long to wait after that; None once the server is heard.
    proof: Option<(Instant, Duration)>,
    /// The session of a former connection. A new connection may resume it.
    resumable: Option<ResumableSession>,
    /// An attempt to connect anew while the server is silent on the connection, or to connect to the server that the session
    /// moves to.
    reconnect_attempt: Option<Box<Handshake>>,
    /// The server of the connection.
    server: Server,
    /// The server that the reconnect attempt is for, if the session moves.
    moves_to: Option<Server>,
    /// The server that the session came from, until the present one is heard: perhaps it still has the session.
    came_from: Option<Server>,
    reconnect_after: Duration,
    events: VecDeque<ClientEvent>,
    resources: Resources,
}

impl Client {
    /// A client that wants to connect. All its randomness comes from `seed`, which must be secret and fresh.
    ///
    /// # Errors
    /// [`NotAuthentic`] if the server's public key is not a valid key.
    pub fn new(config: ClientConfig, now: Instant, seed: [u8; 32]) -> Result<Self, NotAuthentic> {
        let mut resources = Resources::new(CLIENT_MESSAGE_BYTES_MAX, Csprng::from_seed(seed));
        let handshake = Handshake::begin(&config, &config.server, now, None, &mut resources)?;
        Ok(Client {
            tag: handshake.tag(),
            state: State::Connecting(Box::new(handshake)),
            outgoing: Outgoing::new(),
            proof: None,
            resumable: None,
            reconnect_attempt: None,
            server: Server { key: config.server, place: 0, core: 0, is_without_session: false },
            moves_to: None,
            came_from: None,
            reconnect_after: RECONNECT_FIRST,
            events: VecDeque::new(),
            resources,
            config,
        })
    }

    /// The tag by which a driver of many clients finds the client of an unencrypted packet: it is the packet's
    /// sequence.
    pub fn handshake_tag(&self) -> u64 {
        self.tag
    }

    /// The id of the connection, while connected.
    pub fn id(&self) -> Option<ConnectionId> {
        self.connection().map(Connection::id)
    }

    /// Whether messages can be sent.
    pub fn is_connected(&self) -> bool {
        self.connection().is_some()
    }

    /// Whether the connection is gone for good.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// The AEAD in use, while connected.
    pub fn suite(&self) -> Option<Suite> {
        self.connection().map(Connection::suite)
    }

    /// The connection, with its counters and round-trip time, while connected.
    pub fn connection(&self) -> Option<&Connection> {
        match &self.state {
            State::Connected(connection) => Some(connection),
            _ => None,
        }
    }

    /// The connection and its resources, while connected: for tools that write their own frames.
    pub fn into_connection(self) -> Option<(Connection, Resources)> {
        match self.state {
            State::Connected(connection) => Some((connection, self.resources)),
            _ => None,
        }
    }

    /// Reliable messages and fragments that arrived more than once.
    pub fn duplicates(&self) -> u64 {
        self.resources.duplicates
    }

    /// Drops by reason.
    pub fn drops(&self) -> &Drops {
        &self.resources.drops
    }

    /// Bytes of memory that hold messages right now.
    pub fn message_bytes(&self) -> usize {
        self.resources.pool.lent_bytes()
    }

    /// Takes a datagram, opens it in place, and returns its messages. More messages may wait in [`Self::read`].
    #[inline]
    pub fn receive<'a>(&mut self, now: Instant, datagram: &'a mut [u8]) -> Option<Messages<'a>> {
        let Ok(header) = Header::decode(datagram) else {
            self.resources.drops.bad_size += 1;
            return None;
        };
        if header.flags == 0 {
            self.receive_unencrypted(now, datagram);
            return None;
        }
        let Client { state: State::Connected(connection), resources, .. } = self else {
            self.resources.drops.unknown_connection += 1;
            return None;
        };
        if !connection.has_id(header.connection) {
            resources.drops.unknown_connection += 1;
            return None;
        }
        let bytes = datagram.len();
        let ingested = connection.open(now, &header, datagram).and_then(|plaintext| {
            let ingested = connection.ingest(now, &header, bytes, plaintext, resources)?;
            Ok((ingested, &*plaintext))
        });
        let (ingested, plaintext) = match ingested {
            Ok(ingested) => ingested,
            Err(refused) => {
                *resources.drops.counter_of(refused) += 1;
                return None;
            }
        };
        if ingested == Ingested::PeerLeft(DisconnectReason::NotResumable) && self.came_from.is_some() {
            // The session has not moved: the other server still has it.
            self.lost(now, CloseReason::Disconnected(DisconnectReason::NotResumable));
            return None;
        }
        if self.proof.take().is_some() {
            // The server is heard, so it knows that the session continues over this connection.
            (self.resumable, self.came_from) = (None, None);
            self.server.is_without_session = false;
        }
        if self.moves_to.is_none() {
            self.reconnect_attempt = None;
        }
        match ingested {
            Ingested::Messages(_) => {}
            Ingested::Acted(_) | Ingested::PathResponse(..) => self.answer_integrity(now),
            Ingested::PeerLeft(reason) => {
                self.lost(now, CloseReason::Disconnected(reason));
                return None;
            }
            Ingested::End(reason) => {
                self.hang_up(reason);
                return None;
            }
        }
        Some(Messages::new(plaintext))
    }

    /// Answers an integrity challenge, if there is one.
    fn answer_integrity(&mut self, now: Instant) {
        let State::Connected(connection) = &mut self.state else { return };
        if let Some(ConnectionEvent::IntegrityChallenge { index, nonce }) = connection.poll_event()
            && let Some(key) = self.config.integrity_keys.as_ref().and_then(|keys| keys.get(usize::from(index)))
        {
            connection.answer_integrity(now, key, &nonce);
        }
    }

    /// The next message that could not be delivered in place: it arrived in pieces, too early, or compressed. It
    /// replaces the contents of `message`. Returns its channel.
    pub fn read(&mut self, message: &mut Vec<u8>) -> Option<Channel> {
        let Client { state: State::Connected(connection), resources, .. } = self else { return None };
        match connection.read(message, resources) {
            Ok(channel) => channel,
            Err(reason) => {
                self.hang_up(reason);
                None
            }
        }
    }

    /// Changes the traffic keys, unless they have just changed (PROTOCOL.md#rekeying).
    pub fn rekey(&mut self, now: Instant) {
        if let State::Connected(connection) = &mut self.state {
            connection.rekey(now, &mut self.resources);
        }
    }

    /// The client's own address has changed. It shows the server its new address at once, and sends again what was in
    /// flight (PROTOCOL.md#migration). If a NAT changes the address unnoticed, the next datagram shows it.
    pub fn address_changed(&mut self, now: Instant) {
        if let State::Connected(connection) = &mut self.state {
            connection.path_changed(now);
            connection.ping(now);
        }
    }

    /// Does what is due by `now`: pings, retries, timeouts.
    pub fn advance(&mut self, now: Instant) {
        self.prove_keys(now);
        match &mut self.state {
            State::Connecting(handshake) => {
                if now >= handshake.gives_up_at() {
                    let reason = handshake.failure();
                    self.lost(now, reason);
                }
            }
            State::Connected(connection) => {
                let attempt_at = attempt_at(connection);
                match connection.advance(now, &mut self.resources) {
                    Some(reason @ DisconnectReason::TimedOut) => self.lost(now, CloseReason::Disconnected(reason)),
                    Some(reason) => self.hang_up(reason),
                    None => {
                        self.give_up_move(now);
                        if attempt_at <= now {
                            self.attempt_reconnect(now);
                        }
                    }
                }
            }
            State::Waiting(until) if *until <= now => self.reconnect(now),
            State::Waiting(_) | State::Closed => {}
        }
    }

    /// When to call [`Self::advance`] and [`Self::poll_transmit`] next, at the latest.
    pub fn deadline(&self) -> Instant {
        match &self.state {
            State::Connecting(handshake) => handshake.retry_at.min(handshake.gives_up_at()),
            // Between two copies of Disconnect there is nothing else to do.
            State::Connected(_) if self.outgoing.is_disconnecting() && self.outgoing.disconnect_at > Instant::ZERO => {
                self.outgoing.disconnect_at
            }
            State::Connected(connection) => {
                let proof = self.proof.map_or(Instant::NEVER, |(at, _)| at);
                let attempt = match &self.reconnect_attempt {
                    Some(attempt) if self.moves_to.is_some() => attempt.retry_at.min(attempt.gives_up_at()),
                    Some(attempt) => attempt.retry_at,
                    None if self.config.reconnect => attempt_at(connection),
                    None => Instant::NEVER,
                };
                connection.deadline().min(proof).min(attempt)
            }
            State::Waiting(until) => *until,
            State::Closed => Instant::NEVER,
        }
    }

    /// The next event, oldest first.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }
}

/// When a client that hears nothing over this connection starts a reconnect attempt.
fn attempt_at(connection: &Connection) -> Instant {
    connection.heard_at() + connection.heartbeat_config().interval + RECONNECT_AFTER
}
