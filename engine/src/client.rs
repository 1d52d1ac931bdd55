//! One connection seen from the client's end.
//!
//! The driving law is the endpoint's: hand in one thing, drain [`Client::poll_transmit`] and [`Client::poll_event`], come
//! back at [`Client::deadline`]. It knows no socket: whoever drives it sends the datagrams to the server.

use crate::crypto::noise::Initiator;
use crate::crypto::{Csprng, NotAuthentic, PreSharedKey, PublicKey, SecretKey, Suite, Suites};
use crate::endpoint::SendError;
use crate::limits::*;
use crate::prefetch::prefetch;
use crate::session::{Due, HeartbeatConfig, Session, prologue, sealed_len};
use crate::stats::Drops;
use crate::time::{Duration, Instant};
use crate::wire::{
    Accepted, Cleartext, Connect, ConnectionId, Denied, DeniedReason, DisconnectReason, Frame, FrameWriter, Frames,
    Header, Messages, Options, SessionParameters, decode_cleartext,
};
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::VecDeque;

/// What a client is made with.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The server's public key, from a source that is trusted.
    pub server: PublicKey,
    /// AEADs that it offers.
    pub suites: Suites,
    /// Mixed into the handshake, when set.
    pub pre_shared: Option<PreSharedKey>,
}

/// Why there is no connection. The texts are for people: they say what to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CloseReason {
    /// No answer within [`CONNECT_TIMEOUT`].
    #[error("no answer from the server after {0} tries: check its address and port, that it runs, and firewalls")]
    Unreachable(u32),
    /// The server said no.
    #[error("{0} (client protocol {client}, server protocol {1})", client = PROTOCOL_VERSION)]
    Denied(DeniedReason, u16),
    /// The server answered, but not as the holder of the pinned key.
    #[error("the server's answer does not fit the pinned key: check the server's public key and the pre-shared key")]
    WrongKey,
    /// The server hung up, or was silent for too long.
    #[error("{0}")]
    Disconnected(DisconnectReason),
}

/// Something that happened to the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientEvent {
    /// The server let it in.
    Connected(ConnectionId),
    /// There is no connection any more.
    Closed(CloseReason),
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a client is connected nearly all its life")]
enum State {
    Connecting(Box<Connecting>),
    Connected(Session),
    Closed,
}

#[derive(Debug)]
struct Connecting {
    initiator: Initiator,
    connect: Connect,
    started_at: Instant,
    retry_at: Instant,
    retry_after: Duration,
    tries: u32,
    /// An answer came that did not fit the pinned key.
    distrusted: bool,
}

/// A client's end of a connection.
#[derive(Debug)]
pub struct Client {
    state: State,
    tag: u64,
    /// The datagram being composed.
    frames: Box<[u8; FRAMES_BYTES_MAX]>,
    frames_used: usize,
    farewells: usize,
    /// When to prove the keys again, and how long to wait after that; until the server is heard.
    proof: Option<(Instant, Duration)>,
    pong: Option<u64>,
    events: VecDeque<ClientEvent>,
    drops: Drops,
}

impl Client {
    /// A client that wants to connect. All its randomness comes from `seed`, which must be secret and fresh.
    ///
    /// # Errors
    /// [`NotAuthentic`] when the server's public key is one that nobody can hold.
    pub fn new(config: ClientConfig, now: Instant, seed: [u8; 32]) -> Result<Self, NotAuthentic> {
        let mut ephemeral = [0; 32];
        Csprng::from_seed(seed).fill_bytes(&mut ephemeral);
        let options = Options { pre_shared_key: config.pre_shared.is_some() };
        let suites = config.suites.bits();
        let (initiator, noise) = Initiator::begin(
            &config.server,
            SecretKey::from_bytes(ephemeral),
            &prologue(suites, options),
            config.pre_shared,
        )?;
        let mut connect = Connect { tag: 0, suites, options, cookie: [0; COOKIE_BYTES], noise };
        connect.tag = Connect::tag_of(connect.client_key());
        Ok(Client {
            tag: connect.tag,
            state: State::Connecting(Box::new(Connecting {
                initiator,
                connect,
                started_at: now,
                retry_at: now,
                retry_after: CONNECT_RETRY_FIRST,
                tries: 0,
                distrusted: false,
            })),
            frames: Box::new([0; FRAMES_BYTES_MAX]),
            frames_used: 0,
            farewells: 0,
            proof: None,
            pong: None,
            events: VecDeque::new(),
            drops: Drops::default(),
        })
    }

    /// The tag that packets outside encryption for this client carry as their sequence.
    pub fn handshake_tag(&self) -> u64 {
        self.tag
    }

    /// The connection's name, while connected.
    pub fn id(&self) -> Option<ConnectionId> {
        self.session().map(Session::id)
    }

    /// Whether messages can be sent.
    pub fn is_connected(&self) -> bool {
        self.session().is_some()
    }

    /// Whether it is over.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// The AEAD in use, while connected.
    pub fn suite(&self) -> Option<Suite> {
        self.session().map(Session::suite)
    }

    /// The session with its counters and round trip, while connected.
    pub fn session(&self) -> Option<&Session> {
        match &self.state {
            State::Connected(session) => Some(session),
            _ => None,
        }
    }

    /// What it dropped so far, and why.
    pub fn drops(&self) -> &Drops {
        &self.drops
    }

    /// Asks the processor for the front of the datagram being composed, which is about to be written.
    #[inline]
    pub fn prefetch_frames(&self) {
        if let Some(front) = self.frames.first_chunk::<128>() {
            prefetch(front);
        }
    }

    /// Takes a datagram, which is opened in place, and gives its messages.
    #[inline]
    pub fn receive<'a>(&mut self, now: Instant, datagram: &'a mut [u8]) -> Option<Messages<'a>> {
        let Ok(header) = Header::decode(datagram) else {
            self.drops.bad_size += 1;
            return None;
        };
        if header.flags == 0 {
            self.receive_cleartext(now, datagram);
            return None;
        }
        let State::Connected(session) = &mut self.state else {
            self.drops.unknown_connection += 1;
            return None;
        };
        if header.connection != session.id() {
            self.drops.unknown_connection += 1;
            return None;
        }
        let plaintext = match session.open(now, &header, datagram) {
            Ok(plaintext) => plaintext,
            Err(refused) => {
                *self.drops.counter_of(refused) += 1;
                return None;
            }
        };
        self.proof = None;
        for frame in Frames::new(plaintext) {
            match frame {
                Frame::Message(_) => {}
                Frame::Ping(value) => self.pong = Some(value),
                Frame::Pong(value) => {
                    session.stats.pongs_in += u64::from(session.heartbeat.pong(now, value));
                }
                Frame::Disconnect(reason) => {
                    self.close(CloseReason::Disconnected(reason));
                    return None;
                }
                Frame::Bad => self.drops.bad_frame += 1,
            }
        }
        Some(Messages::new(plaintext))
    }

    fn receive_cleartext(&mut self, now: Instant, datagram: &[u8]) {
        let packet = match decode_cleartext(datagram) {
            Ok(packet) => packet,
            Err(_) => {
                self.drops.malformed += 1;
                return;
            }
        };
        let State::Connecting(connecting) = &mut self.state else {
            // Late answers to a handshake that is over.
            self.drops.unexpected += 1;
            return;
        };
        match packet {
            Cleartext::Cookie(cookie) if cookie.tag == self.tag => {
                if connecting.connect.cookie != cookie.cookie {
                    connecting.connect.cookie = cookie.cookie;
                    connecting.retry_at = now;
                }
            }
            Cleartext::Accepted(accepted) if accepted.tag == self.tag => self.accepted(now, &accepted),
            Cleartext::Denied(Denied { tag, reason, server_version }) if tag == self.tag => {
                self.close(CloseReason::Denied(reason, server_version));
            }
            _ => self.drops.unexpected += 1,
        }
    }

    fn accepted(&mut self, now: Instant, accepted: &Accepted) {
        let State::Connecting(connecting) = &mut self.state else { return };
        let finished = connecting.initiator.finish(&accepted.noise).ok().and_then(|(secrets, payload)| {
            let parameters = SessionParameters::decode(&payload).ok()?;
            let suite = Suite::from_bit(parameters.suite)?;
            if connecting.connect.suites & parameters.suite == 0 {
                return None;
            }
            Some((secrets, parameters, suite))
        });
        let Some((secrets, parameters, suite)) = finished else {
            connecting.distrusted = true;
            self.drops.not_authentic += 1;
            return;
        };
        let (client_to_server, server_to_client) = secrets.traffic_keys(suite);
        let heartbeat = HeartbeatConfig { interval: parameters.heartbeat, timeout: parameters.timeout };
        let session = Session::new(parameters.connection, suite, server_to_client, client_to_server, heartbeat, now);
        self.state = State::Connected(session);
        self.events.push_back(ClientEvent::Connected(parameters.connection));
        self.proof = Some((now, CONNECT_RETRY_FIRST));
        self.prove(now);
    }

    /// Sends a first datagram, also when there is nothing to say, and again until the server is heard: the way there
    /// can lose it like any other.
    fn prove(&mut self, now: Instant) {
        if let Some((at, wait)) = self.proof
            && at <= now
        {
            self.compose(|frames| frames.ping(0));
            self.proof = Some((now + wait, (wait * 2).min(CONNECT_RETRY_MAX)));
        }
    }

    /// Takes a message for the next datagram.
    ///
    /// # Errors
    /// [`SendError::Full`] when the datagram has no room for it: drain [`Self::poll_transmit`] first.
    #[inline]
    pub fn send(&mut self, message: &[u8]) -> Result<(), SendError> {
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(SendError::TooLong);
        }
        if !self.is_connected() {
            return Err(SendError::NotConnected);
        }
        if self.compose(|frames| frames.message(message)) { Ok(()) } else { Err(SendError::Full) }
    }

    #[inline]
    fn compose(&mut self, write: impl Fn(&mut FrameWriter<'_>) -> bool) -> bool {
        let mut frames = FrameWriter::new(self.frames.as_mut_slice(), self.frames_used);
        let written = write(&mut frames);
        self.frames_used = frames.used();
        written
    }

    /// Hangs up. The server is told by the datagrams that [`Self::poll_transmit`] then gives.
    pub fn disconnect(&mut self) {
        if self.is_connected() {
            self.farewells = DISCONNECT_COPIES;
        } else if !self.is_closed() {
            self.close(CloseReason::Disconnected(DisconnectReason::Closed));
        }
    }

    /// Lets time pass: pings, retries, gives up.
    pub fn advance(&mut self, now: Instant) {
        self.prove(now);
        match &mut self.state {
            State::Connecting(connecting) => {
                if now.since(connecting.started_at) >= CONNECT_TIMEOUT {
                    let reason = match connecting.distrusted {
                        true => CloseReason::WrongKey,
                        false => CloseReason::Unreachable(connecting.tries),
                    };
                    self.close(reason);
                }
            }
            State::Connected(session) => match session.heartbeat.due(now) {
                Due::Nothing => {}
                Due::Ping(value) => {
                    // A full datagram is about to leave: it is the sign of life, the round trip can wait.
                    self.compose(|frames| frames.ping(value));
                }
                Due::TimedOut => self.close(CloseReason::Disconnected(DisconnectReason::TimedOut)),
            },
            State::Closed => {}
        }
    }

    /// When [`Self::advance`] and [`Self::poll_transmit`] want to be called next, at the latest.
    pub fn deadline(&self) -> Instant {
        match &self.state {
            State::Connecting(connecting) => connecting.retry_at.min(connecting.started_at + CONNECT_TIMEOUT),
            State::Connected(session) => {
                session.heartbeat.deadline().min(self.proof.map_or(Instant::NEVER, |(at, _)| at))
            }
            State::Closed => Instant::NEVER,
        }
    }

    /// Size of the datagram that waits to be sent, if one does.
    #[inline]
    pub fn transmit_len(&self, now: Instant) -> Option<usize> {
        match &self.state {
            State::Connecting(connecting) => (now >= connecting.retry_at).then_some(CONNECT_BYTES),
            State::Connected(_) if self.frames_used > 0 || self.pong.is_some() || self.farewells > 0 => {
                let pong = if self.pong.is_some() { FRAME_HEADER_BYTES + 8 } else { 0 };
                let with_pong = self.frames_used + pong;
                let frames = if with_pong <= FRAMES_BYTES_MAX { with_pong } else { self.frames_used };
                Some(sealed_len(if frames == 0 { FRAME_HEADER_BYTES + 1 } else { frames }))
            }
            _ => None,
        }
    }

    /// Writes the datagram that waits into `datagram`, which is exactly [`Self::transmit_len`] long.
    ///
    /// # Panics
    /// When nothing waits, or the room has another length.
    #[inline]
    pub fn transmit(&mut self, now: Instant, datagram: &mut [u8]) {
        assert!(self.transmit_len(now) == Some(datagram.len()), "the caller gives the room that was asked for");
        if let State::Connecting(connecting) = &mut self.state {
            datagram.copy_from_slice(&connecting.connect.encode());
            connecting.tries += 1;
            connecting.retry_at = now + connecting.retry_after;
            connecting.retry_after = (connecting.retry_after * 2).min(CONNECT_RETRY_MAX);
            return;
        }
        if let Some(value) = self.pong
            && self.compose(|frames| frames.pong(value))
        {
            self.pong = None;
        }
        let last = self.frames_used == 0 && self.farewells > 0;
        if last {
            self.farewells -= 1;
            self.compose(|frames| frames.disconnect(DisconnectReason::Closed));
        }
        let State::Connected(session) = &mut self.state else { return };
        if session.seal(&self.frames[..self.frames_used], datagram).is_err() {
            datagram.fill(0);
            return self.close(CloseReason::Disconnected(DisconnectReason::KeyExhausted));
        }
        self.frames_used = 0;
        if last && self.farewells == 0 {
            self.close(CloseReason::Disconnected(DisconnectReason::Closed));
        }
    }

    /// The datagram that waits, written to the front of `buffer`; gives its size.
    ///
    /// # Panics
    /// When `buffer` is shorter than [`DATAGRAM_BYTES_MAX`].
    pub fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<usize> {
        let len = self.transmit_len(now)?;
        self.transmit(now, &mut buffer[..len]);
        Some(len)
    }

    /// What happened since the last call, oldest first.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }

    fn close(&mut self, reason: CloseReason) {
        self.state = State::Closed;
        self.frames_used = 0;
        self.farewells = 0;
        self.proof = None;
        self.events.push_back(ClientEvent::Closed(reason));
    }
}
