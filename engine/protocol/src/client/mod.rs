//! One connection seen from the client's end.
//!
//! The driving law is the endpoint's: hand in one thing, drain [`Client::poll_transmit`] and [`Client::poll_event`], come
//! back at [`Client::deadline`]. It knows no socket: whoever drives it sends the datagrams to the server.

use crate::connection::{
    ChannelQuality, Channels, CongestionControl, Connection, ConnectionConfig, ConnectionEvent, HeartbeatConfig,
    Ingested, Resources, Role, SendError, TransportConfig, prologue, sealed_len,
};
use crate::crypto::noise::{Initiator, ResumeKey};
use crate::crypto::{Csprng, NotAuthentic, PreSharedKey, PublicKey, Suite, Suites};
use crate::limits::*;
use crate::stats::Drops;
use crate::time::{Duration, Instant};
use crate::wire::{
    Accepted, Channel, Connect, ConnectionId, ConnectionParameters, Delivery, Denied, DeniedReason, DisconnectReason,
    FrameWriter, Header, Messages, Options, UnencryptedPacket, decode_unencrypted,
};
use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard_prefetch::prefetch;
use std::collections::VecDeque;
use std::sync::Arc;

/// Memory for messages of a client, in bytes: what both its queues may hold.
const CLIENT_MESSAGE_BYTES_MAX: usize = 2 * (SEND_QUEUE_BYTES_MAX + RELIABLE_WINDOW_BYTES);

/// What a client is made with.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The server's public key, from a source that is trusted.
    pub server: PublicKey,
    /// AEADs that it offers.
    pub suites: Suites,
    /// Mixed into the handshake, when set.
    pub pre_shared: Option<PreSharedKey>,
    /// How reliable messages are carried.
    pub transport: TransportConfig,
    /// Whether it connects again by itself when the server cannot be heard any more, and goes on with the session where
    /// the server still knows it (R9). It begins to ask before it gives the connection up, and stays with the one that
    /// the server answers.
    pub reconnect: bool,
    /// The table of integrity keys of this version, if it has one (S7).
    pub integrity_keys: Option<Arc<[[u8; 32]]>>,
}

impl ClientConfig {
    /// A client of the server with this key, with everything else as usual: all suites, no pre-shared key, no
    /// reconnection.
    pub fn new(server: PublicKey) -> Self {
        ClientConfig {
            server,
            suites: Suites::native(),
            pre_shared: None,
            transport: TransportConfig::default(),
            reconnect: false,
            integrity_keys: None,
        }
    }
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
    /// The server was silent, and has answered a new connection meanwhile: it may have been started anew.
    #[error("the server was silent, and answers a new connection")]
    Silent,
    /// The server hung up, or was silent for too long.
    #[error("{0}")]
    Disconnected(DisconnectReason),
}

/// Something that happened to the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientEvent {
    /// The server let it in.
    Connected {
        /// The connection's name.
        id: ConnectionId,
        /// The session of the former connection goes on, with all its reliable messages; otherwise a new one begins.
        resumed: bool,
    },
    /// The connection is gone; the client is connecting again.
    Reconnecting(CloseReason),
    /// There is no connection any more.
    Closed(CloseReason),
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a client is connected nearly all its life")]
enum State {
    Connecting(Box<Connecting>),
    Connected(Connection),
    /// Connects again at that time.
    Waiting(Instant),
    Closed,
}

#[derive(Debug)]
struct Connecting {
    initiator: Initiator,
    /// The key of the session that it is to go on with.
    resumes: Option<ResumeKey>,
    connect: Connect,
    started_at: Instant,
    retry_at: Instant,
    retry_after: Duration,
    tries: u32,
    /// When a cookie last drew a Connect at once.
    cookie_at: Option<Instant>,
    /// An answer came that did not fit the pinned key.
    distrusted: bool,
    /// What the server said last when it did not let the client in, as far as that was the server.
    denied: Option<Denied>,
    /// When it last said that it is busy.
    busy_at: Option<Instant>,
}

/// What a lost connection leaves for the next one.
#[derive(Debug)]
struct Former {
    core: u8,
    key: ResumeKey,
    channels: Option<Box<Channels>>,
}

/// A composed datagram that waits to be sealed.
#[derive(Debug)]
struct Composed {
    sequence: u64,
    frames: Vec<u8>,
}

/// A client's end of a connection.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    state: State,
    tag: u64,
    /// The datagram being composed, and its number once something is in it.
    frames: Box<[u8; FRAMES_BYTES_MAX]>,
    frames_used: usize,
    sequence: u64,
    /// Datagrams that were full before that one.
    composed: VecDeque<Composed>,
    farewells: usize,
    farewell: DisconnectReason,
    /// When to prove the keys again, and how long to wait after that; until the server is heard.
    proof: Option<(Instant, Duration)>,
    former: Option<Former>,
    /// Asks for another connection while the server is silent on the one there is.
    knock: Option<Box<Connecting>>,
    reconnect_after: Duration,
    events: VecDeque<ClientEvent>,
    resources: Resources,
}

impl Client {
    /// A client that wants to connect. All its randomness comes from `seed`, which must be secret and fresh.
    ///
    /// # Errors
    /// [`NotAuthentic`] when the server's public key is one that nobody can hold.
    pub fn new(config: ClientConfig, now: Instant, seed: [u8; 32]) -> Result<Self, NotAuthentic> {
        let mut resources = Resources::new(CLIENT_MESSAGE_BYTES_MAX, Csprng::from_seed(seed));
        let connecting = Connecting::begin(&config, now, None, &mut resources)?;
        Ok(Client {
            config,
            tag: connecting.connect.tag,
            state: State::Connecting(Box::new(connecting)),
            frames: Box::new([0; FRAMES_BYTES_MAX]),
            frames_used: 0,
            sequence: 0,
            composed: VecDeque::new(),
            farewells: 0,
            farewell: DisconnectReason::Closed,
            proof: None,
            former: None,
            knock: None,
            reconnect_after: RECONNECT_FIRST,
            events: VecDeque::new(),
            resources,
        })
    }

    /// The tag that packets outside encryption for this client carry as their sequence.
    pub fn handshake_tag(&self) -> u64 {
        self.tag
    }

    /// The connection's name, while connected.
    pub fn id(&self) -> Option<ConnectionId> {
        self.session().map(Connection::id)
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
        self.session().map(Connection::suite)
    }

    /// The session with its counters and round trip, while connected.
    pub fn session(&self) -> Option<&Connection> {
        match &self.state {
            State::Connected(session) => Some(session),
            _ => None,
        }
    }

    /// The session by itself, while connected, with what it needs: for tools that put frames of their own into datagrams.
    pub fn into_session(self) -> Option<(Connection, Resources)> {
        match self.state {
            State::Connected(session) => Some((session, self.resources)),
            _ => None,
        }
    }

    /// Reliable messages, and pieces of them, that came again after they had arrived.
    pub fn duplicates(&self) -> u64 {
        self.resources.duplicates
    }

    /// What it dropped so far, and why.
    pub fn drops(&self) -> &Drops {
        &self.resources.drops
    }

    /// Memory that messages are kept in right now, in bytes.
    pub fn message_bytes(&self) -> usize {
        self.resources.pool.lent_bytes()
    }

    /// Asks the processor for the front of the datagram being composed, which is about to be written.
    #[inline]
    pub fn prefetch_frames(&self) {
        if let Some(front) = self.frames.first_chunk::<128>() {
            prefetch(front);
        }
    }

    /// Takes a datagram, which is opened in place, and gives its messages. Others may then wait in [`Self::read`].
    #[inline]
    pub fn receive<'a>(&mut self, now: Instant, datagram: &'a mut [u8]) -> Option<Messages<'a>> {
        let Ok(header) = Header::decode(datagram) else {
            self.resources.drops.bad_size += 1;
            return None;
        };
        if header.flags == 0 {
            self.receive_cleartext(now, datagram);
            return None;
        }
        let Client { state: State::Connected(session), resources, .. } = self else {
            self.resources.drops.unknown_connection += 1;
            return None;
        };
        if !session.has_id(header.connection) {
            resources.drops.unknown_connection += 1;
            return None;
        }
        let bytes = datagram.len();
        let ingested = session.open(now, &header, datagram).and_then(|plaintext| {
            let ingested = session.ingest(now, &header, bytes, plaintext, resources)?;
            Ok((ingested, &*plaintext))
        });
        let (ingested, plaintext) = match ingested {
            Ok(ingested) => ingested,
            Err(refused) => {
                *resources.drops.counter_of(refused) += 1;
                return None;
            }
        };
        if self.proof.take().is_some() {
            // The server is heard: the session goes by its new name.
            self.former = None;
        }
        self.knock = None;
        match ingested {
            Ingested::Messages(_) | Ingested::PathResponse(..) => {}
            Ingested::PeerLeft(reason) => {
                self.lost(now, CloseReason::Disconnected(reason));
                return None;
            }
            Ingested::End(reason) => {
                self.hang_up(reason);
                return None;
            }
        }
        self.session_event(now);
        Some(Messages::new(plaintext))
    }

    /// Answers what the server asks of the session.
    #[inline]
    fn session_event(&mut self, now: Instant) {
        let State::Connected(session) = &mut self.state else { return };
        if let Some(ConnectionEvent::IntegrityChallenge { index, nonce }) = session.poll_event()
            && let Some(key) = self.config.integrity_keys.as_ref().and_then(|keys| keys.get(usize::from(index)))
        {
            session.answer_integrity(now, key, &nonce);
        }
    }

    /// The next message that did not lie in the last datagram ready to be delivered: it came in pieces, or too early, or
    /// compressed. It is put into `message`; gives its channel.
    pub fn read(&mut self, message: &mut Vec<u8>) -> Option<Channel> {
        let Client { state: State::Connected(session), resources, .. } = self else { return None };
        match session.read(message, resources) {
            Ok(channel) => channel,
            Err(reason) => {
                self.hang_up(reason);
                None
            }
        }
    }

    fn receive_cleartext(&mut self, now: Instant, datagram: &[u8]) {
        let packet = match decode_unencrypted(datagram) {
            Ok(packet) => packet,
            Err(_) => {
                self.resources.drops.malformed += 1;
                return;
            }
        };
        let tag_of_ours = self.tag;
        let Some(connecting) = self.connecting() else {
            // Late answers to a handshake that is over.
            self.resources.drops.unexpected += 1;
            return;
        };
        match packet {
            UnencryptedPacket::Cookie(cookie) if cookie.tag == tag_of_ours => {
                if connecting.connect.cookie != cookie.cookie {
                    connecting.connect.cookie = cookie.cookie;
                    // One that is forged must not draw a Connect each time.
                    if connecting.cookie_at.is_none_or(|at| now.since(at) >= CONNECT_RETRY_FIRST) {
                        connecting.cookie_at = Some(now);
                        connecting.retry_at = now;
                    }
                }
            }
            UnencryptedPacket::Accepted(accepted) if accepted.tag == tag_of_ours => self.accepted(now, &accepted),
            // Anybody who can read a Connect can say this: it ends nothing.
            UnencryptedPacket::Denied(denied) if denied.tag == tag_of_ours => {
                let spread = self.resources.random.next_u32();
                if let Some(connecting) = self.connecting() {
                    connecting.denied(now, &denied, spread);
                }
            }
            _ => self.resources.drops.unexpected += 1,
        }
    }

    /// The handshake that is under way.
    fn connecting(&mut self) -> Option<&mut Connecting> {
        match &mut self.state {
            State::Connecting(connecting) => Some(connecting),
            State::Connected(_) => self.knock.as_deref_mut(),
            State::Waiting(_) | State::Closed => None,
        }
    }

    fn accepted(&mut self, now: Instant, accepted: &Accepted) {
        let Some(connecting) = self.connecting() else { return };
        let finished = connecting.initiator.finish(&accepted.noise).ok().and_then(|(secrets, payload)| {
            let parameters = ConnectionParameters::decode(&payload).ok()?;
            let suite = Suite::from_bit(parameters.suite)?;
            let offered = connecting.connect.suites & parameters.suite != 0;
            if !offered || parameters.resumed && connecting.resumes.is_none() {
                return None;
            }
            Some((secrets, parameters, suite))
        });
        let Some((secrets, parameters, suite)) = finished else {
            connecting.distrusted = true;
            self.resources.drops.not_authentic += 1;
            return;
        };
        let resumes = connecting.resumes;
        // Its answer may come again: two connections out of one handshake would use every number twice with one key.
        self.knock = None;
        let ConnectionParameters { connection: id, resumed, .. } = parameters;
        let secrets = match &resumes {
            Some(key) if resumed => secrets.resuming(key),
            _ => secrets,
        };
        let config = ConnectionConfig {
            id,
            role: Role::Client,
            suite,
            secrets,
            heartbeat: HeartbeatConfig { interval: parameters.heartbeat, timeout: parameters.timeout },
            transport: self.config.transport,
        };
        if self.is_connected() {
            // The silent connection gives way.
            self.leave_session();
            self.events.push_back(ClientEvent::Reconnecting(CloseReason::Silent));
        }
        let mut session = Connection::new(config, now, &mut self.resources.random);
        if !resumed {
            self.forget_former();
        } else if let Some(channels) = self.former.as_mut().and_then(|former| former.channels.take()) {
            session.adopt(now, *channels);
        }
        self.state = State::Connected(session);
        self.reconnect_after = RECONNECT_FIRST;
        self.events.push_back(ClientEvent::Connected { id, resumed });
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

    /// Takes a message. Unreliable ones share the next datagram; reliable ones leave as the path allows.
    ///
    /// # Errors
    /// [`SendError`]; the message was not taken. After [`SendError::Full`], drain [`Self::poll_transmit`] first; after
    /// [`SendError::Overflow`] the connection ends (R7).
    #[inline]
    pub fn send(&mut self, now: Instant, channel: Channel, message: &[u8]) -> Result<(), SendError> {
        let Client { state: State::Connected(session), resources, .. } = self else {
            return Err(SendError::NotConnected);
        };
        let plain = channel.delivery() == Delivery::Unreliable && message.len() <= COMPRESSION_BYTES_MIN;
        if plain && session.is_unlimited() {
            return if self.compose(|frames| frames.message(channel, message)) { Ok(()) } else { Err(SendError::Full) };
        }
        if channel.delivery().is_reliable() {
            let sent = session.send_reliable(now, channel, message, resources);
            if sent == Err(SendError::Overflow) {
                self.hang_up(DisconnectReason::Overflow);
            }
            return sent;
        }
        self.send_unreliable(now, channel, message)
    }

    fn send_unreliable(&mut self, now: Instant, channel: Channel, message: &[u8]) -> Result<(), SendError> {
        let Client { state: State::Connected(session), resources, frames, frames_used, sequence, composed, .. } = self
        else {
            return Err(SendError::NotConnected);
        };
        let Resources { compressor, random, .. } = resources;
        let message = session.send_unreliable(now, channel, message, compressor).inspect_err(|&error| {
            resources.drops.rate_limited += u64::from(error == SendError::RateLimited);
        })?;
        let limit = session.frames_max();
        for index in 0..message.frames() {
            let mut writer = FrameWriter::new(&mut frames[..limit.max(*frames_used)], *frames_used);
            if *frames_used > 0 && message.write(index, &mut writer) {
                *frames_used = writer.used();
                continue;
            }
            if *frames_used > 0 {
                if message.frames() == 1 {
                    return Err(SendError::Full);
                }
                composed.push_back(Composed { sequence: *sequence, frames: frames[..*frames_used].to_vec() });
            }
            let mut writer = FrameWriter::new(&mut frames[..limit], 0);
            assert!(message.write(index, &mut writer), "every frame fits an empty datagram");
            *frames_used = writer.used();
            *sequence = session.begin_datagram(random);
        }
        Ok(())
    }

    /// Bytes of reliable messages that can still be queued; each costs its size and [`MESSAGE_COST_BYTES`].
    pub fn send_room(&self) -> usize {
        self.session().map_or(0, Connection::send_room)
    }

    /// How a channel is treated from now on (R5).
    pub fn set_channel_quality(&mut self, now: Instant, channel: Channel, quality: ChannelQuality) {
        if let State::Connected(session) = &mut self.state {
            session.set_channel_quality(now, channel, quality);
        }
    }

    /// Bytes of messages a second, over all channels; None for as many as there are (R5).
    pub fn set_rate(&mut self, now: Instant, bytes_per_second: Option<u64>) {
        if let State::Connected(session) = &mut self.state {
            session.set_rate(now, bytes_per_second);
        }
    }

    /// Which congestion control holds from now on (R4).
    pub fn set_congestion(&mut self, now: Instant, algorithm: CongestionControl) {
        self.config.transport.congestion = algorithm;
        if let State::Connected(session) = &mut self.state {
            session.set_congestion(now, algorithm);
        }
    }

    /// Changes the traffic keys, unless they have just changed (S5).
    pub fn rekey(&mut self, now: Instant) {
        if let State::Connected(session) = &mut self.state {
            session.rekey(now, &mut self.resources);
        }
    }

    /// The client sends from another address from now on: the server is shown it at once, and what was under way is sent
    /// again (W13). Where an address changes unseen, by a translator, the next datagram shows it.
    pub fn address_changed(&mut self, now: Instant) {
        if let State::Connected(session) = &mut self.state {
            session.path_changed(now);
            session.ping(now);
        }
    }

    /// Appends a frame to the datagram being composed; false where it does not fit.
    #[inline]
    fn compose(&mut self, write: impl Fn(&mut FrameWriter<'_>) -> bool) -> bool {
        let Client { state: State::Connected(session), resources, frames, frames_used, sequence, .. } = self else {
            return false;
        };
        let limit = session.frames_max().max(*frames_used);
        let mut writer = FrameWriter::new(&mut frames[..limit], *frames_used);
        if !write(&mut writer) {
            return false;
        }
        if *frames_used == 0 {
            *sequence = session.begin_datagram(&mut resources.random);
        }
        *frames_used = writer.used();
        true
    }

    /// Hangs up. The server is told by the datagrams that [`Self::poll_transmit`] then gives.
    pub fn disconnect(&mut self) {
        self.hang_up(DisconnectReason::Closed);
    }

    fn hang_up(&mut self, reason: DisconnectReason) {
        self.knock = None;
        if self.is_connected() {
            self.farewells = DISCONNECT_COPIES;
            self.farewell = reason;
        } else if !self.is_closed() {
            self.close(CloseReason::Disconnected(reason));
        }
    }

    /// Lets time pass: pings, retries, gives up.
    pub fn advance(&mut self, now: Instant) {
        self.prove(now);
        match &mut self.state {
            State::Connecting(connecting) => {
                if now >= connecting.gives_up_at() {
                    let reason = connecting.failure();
                    self.lost(now, reason);
                }
            }
            State::Connected(session) => {
                let knock_at = session.heard_at() + session.heartbeat_config().interval + RECONNECT_AFTER;
                match session.advance(now, &mut self.resources) {
                    Some(reason @ DisconnectReason::TimedOut) => self.lost(now, CloseReason::Disconnected(reason)),
                    Some(reason) => self.hang_up(reason),
                    None if knock_at <= now => self.knock(now),
                    None => {}
                }
            }
            State::Waiting(until) if *until <= now => self.reconnect(now),
            State::Waiting(_) | State::Closed => {}
        }
    }

    /// Asks for another connection beside the silent one, which goes on should the server be heard over it after all.
    fn knock(&mut self, now: Instant) {
        if !self.config.reconnect || self.knock.is_some() || self.farewells > 0 {
            return;
        }
        let former = self.name_session();
        self.knock = Some(Box::new(self.begin_connecting(now, former)));
    }

    fn reconnect(&mut self, now: Instant) {
        let former = self.former.as_ref().map(|former| (former.core, former.key));
        self.state = State::Connecting(Box::new(self.begin_connecting(now, former)));
    }

    fn begin_connecting(&mut self, now: Instant, former: Option<(u8, ResumeKey)>) -> Connecting {
        let connecting = Connecting::begin(&self.config, now, former, &mut self.resources)
            .expect("the server's key has served before");
        self.tag = connecting.connect.tag;
        connecting
    }

    /// The core that knows the session, and the key that it is resumed by there.
    fn name_session(&self) -> Option<(u8, ResumeKey)> {
        match &self.former {
            // Never heard again after it was to go on: whether it did, the server alone knows.
            Some(Former { core, key, .. }) => Some((*core, *key)),
            None => self.session().map(|session| (session.id().core(), session.resume_key())),
        }
    }

    /// Leaves the connection, with the session ready to go on over another.
    fn leave_session(&mut self) {
        let named = self.name_session();
        if let State::Connected(mut session) = std::mem::replace(&mut self.state, State::Closed)
            && let Some((core, key)) = named
        {
            let channels = session.take_channels(&mut self.resources);
            self.former = Some(Former { core, key, channels });
        }
        self.forget_composed();
    }

    /// When [`Self::advance`] and [`Self::poll_transmit`] want to be called next, at the latest.
    pub fn deadline(&self) -> Instant {
        match &self.state {
            State::Connecting(connecting) => connecting.retry_at.min(connecting.gives_up_at()),
            State::Connected(session) => {
                let proof = self.proof.map_or(Instant::NEVER, |(at, _)| at);
                let knock = match &self.knock {
                    Some(knock) => knock.retry_at,
                    None if self.config.reconnect => {
                        session.heard_at() + session.heartbeat_config().interval + RECONNECT_AFTER
                    }
                    None => Instant::NEVER,
                };
                session.deadline().min(proof).min(knock)
            }
            State::Waiting(until) => *until,
            State::Closed => Instant::NEVER,
        }
    }

    /// Size of the datagram that waits to be sent, if one does.
    #[inline]
    pub fn transmit_len(&mut self, now: Instant) -> Option<usize> {
        if self.connecting().is_some_and(|connecting| now >= connecting.retry_at) {
            return Some(CONNECT_BYTES);
        }
        match &self.state {
            State::Connected(_) => self.compose_due(now),
            State::Connecting(_) | State::Waiting(_) | State::Closed => None,
        }
    }

    /// Lets the session write what is due, behind what is composed already. Gives the size of the datagram that is next.
    #[inline]
    fn compose_due(&mut self, now: Instant) -> Option<usize> {
        if let Some(composed) = self.composed.front() {
            return Some(sealed_len(composed.frames.len()));
        }
        let Client { state: State::Connected(session), resources, frames, frames_used, sequence, .. } = self else {
            return None;
        };
        let due = if *frames_used > 0 { !session.is_quiet() } else { session.wants_datagram(now) };
        if self.farewells == 0 && due {
            let fresh = *frames_used == 0;
            let limit = if fresh { session.fresh_frames_max(now) } else { session.frames_max().max(*frames_used) };
            let mut writer = FrameWriter::new(&mut frames[..limit], *frames_used);
            let carried = session.fill(now, &mut writer, fresh);
            *frames_used = writer.used();
            if fresh && *frames_used > 0 {
                *sequence = session.begin_datagram(&mut resources.random);
            }
            session.sent(now, *sequence, *frames_used, carried);
        }
        if *frames_used > 0 {
            return Some(sealed_len(*frames_used));
        }
        (self.farewells > 0).then(|| sealed_len(FRAME_HEADER_BYTES + 1))
    }

    /// Writes the datagram that waits into `datagram`, which is exactly [`Self::transmit_len`] long.
    ///
    /// # Panics
    /// When nothing waits, or the room has another length.
    #[inline]
    pub fn transmit(&mut self, now: Instant, datagram: &mut [u8]) {
        if let Some(connecting) = self.connecting().filter(|connecting| now >= connecting.retry_at) {
            assert!(datagram.len() == CONNECT_BYTES, "the caller asks for the size first");
            datagram.copy_from_slice(&connecting.connect.encode());
            connecting.tries += 1;
            // Clients that begin together must not all come again together.
            let spread = u32::from(connecting.connect.client_key()[31 - connecting.tries as usize % 16] % 128);
            connecting.retry_at = now + connecting.retry_after * (192 + spread) / 256;
            connecting.retry_after = (connecting.retry_after * 2).min(CONNECT_RETRY_MAX);
            return;
        }
        let last = self.composed.is_empty() && self.frames_used == 0 && self.farewells > 0;
        if last {
            self.farewells -= 1;
            let reason = self.farewell;
            self.compose(|frames| frames.disconnect(reason));
        }
        let Client { state: State::Connected(session), frames, frames_used, sequence, composed, .. } = self else {
            panic!("nothing waits to be sent");
        };
        let sealed = match composed.pop_front() {
            Some(Composed { sequence, frames }) => session.seal(sequence, &frames, datagram),
            None => {
                let used = std::mem::take(frames_used);
                session.seal(*sequence, &frames[..used], datagram)
            }
        };
        if sealed.is_err() {
            datagram.fill(0);
            return self.close(CloseReason::Disconnected(DisconnectReason::KeyExhausted));
        }
        if last && self.farewells == 0 {
            self.close(CloseReason::Disconnected(self.farewell));
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

    /// The connection is gone, not by our wish: connects again, where that is wanted and may help.
    fn lost(&mut self, now: Instant, reason: CloseReason) {
        if !self.config.reconnect || !reason.may_pass() {
            return self.close(reason);
        }
        let resumable = !matches!(reason, CloseReason::Disconnected(DisconnectReason::NotResumable));
        self.knock = None;
        self.leave_session();
        if !resumable {
            self.forget_former();
        }
        // Spread, so that the clients of a restarted server do not all come at once.
        let spread = self.resources.random.next_u32() % 256;
        let wait = self.reconnect_after * (256 + spread) / 512;
        self.reconnect_after = (self.reconnect_after * 2).min(RECONNECT_MAX);
        self.state = State::Waiting(now + wait);
        self.events.push_back(ClientEvent::Reconnecting(reason));
    }

    fn close(&mut self, reason: CloseReason) {
        self.knock = None;
        if let State::Connected(mut session) = std::mem::replace(&mut self.state, State::Closed) {
            session.release(&mut self.resources);
        }
        self.forget_former();
        self.forget_composed();
        self.events.push_back(ClientEvent::Closed(reason));
    }

    fn forget_former(&mut self) {
        if let Some(Former { channels: Some(mut channels), .. }) = self.former.take() {
            channels.release(&mut self.resources.pool);
        }
    }

    fn forget_composed(&mut self) {
        self.frames_used = 0;
        self.composed.clear();
        self.farewells = 0;
        self.proof = None;
    }
}

impl CloseReason {
    /// Whether another attempt may go better.
    fn may_pass(&self) -> bool {
        match self {
            // Nothing of this is authentic: a forged answer must not stop a client for good.
            CloseReason::Unreachable(_) | CloseReason::Silent | CloseReason::Denied(..) | CloseReason::WrongKey => true,
            CloseReason::Disconnected(reason) => {
                use DisconnectReason::*;
                matches!(reason, ShuttingDown | TimedOut | KeyExhausted | ShortOfMemory | NotResumable)
            }
        }
    }
}

impl Connecting {
    fn begin(
        config: &ClientConfig,
        now: Instant,
        former: Option<(u8, ResumeKey)>,
        resources: &mut Resources,
    ) -> Result<Self, NotAuthentic> {
        let options = Options { pre_shared_key: config.pre_shared.is_some() };
        let suites = config.suites.bits();
        let (initiator, noise) = Initiator::begin(
            &config.server,
            resources.draw_secret(),
            &prologue(suites, options),
            config.pre_shared.clone(),
            &former.map_or([0; RESUME_TOKEN_BYTES], |(_, key)| key.token),
        )?;
        let core = former.map(|(core, _)| core);
        let mut connect = Connect { core, tag: 0, suites, options, cookie: [0; COOKIE_BYTES], noise };
        connect.tag = Connect::tag_of(connect.client_key());
        Ok(Connecting {
            initiator,
            resumes: former.map(|(_, key)| key),
            connect,
            started_at: now,
            retry_at: now,
            retry_after: CONNECT_RETRY_FIRST,
            tries: 0,
            cookie_at: None,
            distrusted: false,
            denied: None,
            busy_at: None,
        })
    }

    /// The server does not let the client in now. `spread` is random: clients that were told to wait at the same time
    /// must not come back at the same time.
    fn denied(&mut self, now: Instant, denied: &Denied, spread: u32) {
        self.denied = Some(*denied);
        if denied.reason == DeniedReason::Busy {
            self.busy_at = Some(now);
        }
        let wait = Duration::from_millis(denied.wait_ms.into()).min(BUSY_WAIT_MAX);
        if !wait.is_zero() {
            // Once to twice as long as it was told.
            self.retry_at = self.retry_at.max(now + wait + wait * (spread % 256) / 256);
        }
    }

    /// When there is no sense in going on. A server that says that it is busy gets more time.
    fn gives_up_at(&self) -> Instant {
        let busy_until = self.busy_at.map(|at| at + CONNECT_TIMEOUT).unwrap_or(Instant::ZERO);
        (self.started_at + CONNECT_TIMEOUT).max(busy_until.min(self.started_at + BUSY_TIMEOUT))
    }

    /// Why it did not succeed, as far as the answers tell: none of them is authentic.
    fn failure(&self) -> CloseReason {
        match self.denied {
            _ if self.distrusted => CloseReason::WrongKey,
            Some(Denied { reason, server_version, .. }) => CloseReason::Denied(reason, server_version),
            None => CloseReason::Unreachable(self.tries),
        }
    }
}
