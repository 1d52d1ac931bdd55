//! One connection, the same at both ends: its keys and numbers, its heartbeat, its channels and what carries them.
//!
//! A session opens and seals, reads frames and writes them; it does not know where datagrams come from or go to. It is
//! driven like everything here: hand in a datagram, a message or the time, then ask [`Connection::wants_datagram`] and let
//! [`Connection::fill`] write.

mod acks;
mod assembly;
mod channels;
mod compression;
pub mod congestion;
mod control;
mod grains;
mod heartbeat;
mod incoming;
mod keys;
mod mtu;
mod outgoing;
mod pacing;
mod quality;
mod receiving;
mod recovery;
mod sealing;
mod sending;
mod slack;
mod transport;
mod work;

pub use compression::Compressor;
pub use congestion::CongestionControl;
pub use heartbeat::HeartbeatConfig;
pub use keys::{Role, TrafficSecrets};
pub use quality::ChannelQuality;
pub use recovery::RoundTrip;
pub use sealing::{nonce, prologue, sealed_len};
pub use sending::Unreliable;

pub(crate) use channels::Channels;

use self::compression::decompress;
use self::control::Control;
use self::heartbeat::{Due, Heartbeat};
use self::incoming::Arrived;
use self::keys::{Answer, Answered, Keys, name_of};
use self::transport::Transport;
use self::work::Exchanges;
use crate::crypto::noise::{ResumeKey, Secrets};
use crate::crypto::{Csprng, ReplayWindow, SecretKey, Suite, hmac_sha256, hmac_sha256_verifies};
use crate::limits::*;
use crate::pool::MessagePool;
use crate::stats::{ConnectionStats, Drops};
use crate::time::{Duration, Instant};
use crate::wire::{
    Channel, ConnectionId, Delivery, DisconnectReason, Flags, Fragment, Frame, FrameWriter, Frames, Header,
    INTEGRITY_NONCE_BYTES, IntegrityFrame, NUMBER_BYTES, flags, mark_consumed,
};
use rand_chacha::rand_core::Rng;

/// How a connection carries what must arrive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TransportConfig {
    /// Which congestion control.
    pub congestion: CongestionControl,
    /// Whether messages above [`COMPRESSION_BYTES_MIN`] that look compressible are compressed.
    pub compression: bool,
    /// Wait for an acknowledgment before the first round trip was measured, 10 ms to [`PROBE_TIMEOUT_MAX`] (R2).
    pub retransmission_first: Duration,
}

impl Default for TransportConfig {
    fn default() -> Self {
        TransportConfig {
            congestion: CongestionControl::default(),
            compression: true,
            retransmission_first: RETRANSMISSION_TIMEOUT_FIRST,
        }
    }
}

/// What a session is made with.
#[derive(Debug)]
pub struct ConnectionConfig {
    /// The connection's name.
    pub id: ConnectionId,
    /// Which end this is.
    pub role: Role,
    /// The AEAD in use.
    pub suite: Suite,
    /// What the handshake gave.
    pub secrets: Secrets,
    /// Ping interval and timeout.
    pub heartbeat: HeartbeatConfig,
    /// How reliable messages are carried.
    pub transport: TransportConfig,
}

/// What a session may use of its driver's: one core's sessions share it.
#[derive(Debug)]
pub struct Resources {
    /// Memory for messages that are kept.
    pub pool: MessagePool,
    /// For messages that are compressed.
    pub compressor: Compressor,
    /// Where nonces, challenges and ephemeral keys come from.
    pub random: Csprng,
    /// What was dropped, and why.
    pub drops: Drops,
    /// What frames other than messages have cost so far, as messages (PROTOCOL.md, section 8, Budgets).
    pub work: u64,
    /// Key exchanges that peers may ask for.
    exchanges: Exchanges,
    /// Reliable messages, and pieces of them, that came again after they had arrived.
    pub duplicates: u64,
}

impl Resources {
    /// Memory of at most `message_bytes_max`; randomness from `random`.
    pub fn new(message_bytes_max: usize, random: Csprng) -> Self {
        Resources {
            pool: MessagePool::new(message_bytes_max),
            compressor: Compressor::default(),
            random,
            drops: Drops::default(),
            work: 0,
            exchanges: Exchanges::default(),
            duplicates: 0,
        }
    }

    /// A fresh key pair. The generator forgets how it came to it, so that who reads our memory later cannot either.
    pub fn draw_secret(&mut self) -> SecretKey {
        draw_secret(&mut self.random)
    }
}

/// A fresh key pair from `random`, which is left with a fresh seed.
pub fn draw_secret(random: &mut Csprng) -> SecretKey {
    use rand_chacha::rand_core::SeedableRng;
    let (mut secret, mut seed) = ([0; 32], [0; 32]);
    random.fill_bytes(&mut secret);
    random.fill_bytes(&mut seed);
    *random = Csprng::from_seed(seed);
    SecretKey::from_bytes(secret)
}

/// Why a datagram changed nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Flags or channel that the session's state does not allow.
    WrongFlags,
    /// Seen before, too old to tell, or numbered beyond what can be.
    Replayed,
    /// Does not open under the key.
    NotAuthentic,
    /// Holds messages that would have to be kept, and there is no memory: it is as good as lost on the way.
    NoMemory,
    /// Its sender sends more than it may: it is as good as lost on the way.
    OverBudget,
}

/// What an authentic datagram came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ingested {
    /// This many messages lie in it to be delivered.
    Messages(u32),
    /// The same, and the peer answers a path challenge with this value.
    PathResponse(u32, u64),
    /// The peer hung up.
    PeerLeft(DisconnectReason),
    /// The peer did what ends the connection.
    End(DisconnectReason),
}

/// A message that was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SendError {
    /// Over [`MESSAGE_BYTES_MAX`].
    #[error("a message has at most {MESSAGE_BYTES_MAX} bytes")]
    TooLong,
    /// No such connection, or one that is gone.
    #[error("no such connection")]
    NotConnected,
    /// Too many datagrams are composed and not yet sent, or there is no memory; unreliable messages are dropped then.
    #[error("too much waits to be sent")]
    Full,
    /// Beyond the rate of its channel or of the connection: unreliable messages are dropped then.
    #[error("beyond the rate of its channel or connection")]
    RateLimited,
    /// More reliable messages wait than may: the connection ends.
    #[error("more than {SEND_QUEUE_BYTES_MAX} bytes of reliable messages wait: the connection ends")]
    Overflow,
}

/// Something about the session that its driver may want to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConnectionEvent {
    /// The server wants proof that this client is unaltered.
    IntegrityChallenge {
        /// Entry of the table of keys.
        index: u8,
        /// What the answer must cover.
        nonce: [u8; INTEGRITY_NONCE_BYTES],
    },
    /// The client's answer to the challenge that waits, and whether it is the right one.
    IntegrityAnswer(bool),
}

/// The session's key has sealed as many packets as it may: the connection must end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyExhausted;

/// What the next datagram will say beside messages: all of it is only worth something now.
#[derive(Debug, Default)]
struct Pending {
    ping: Option<u64>,
    pong: Option<u64>,
    path_response: Option<u64>,
}

/// Numbers of one unreliable channel's messages that have some: sequenced ones, and those in pieces.
#[derive(Clone, Copy, Debug, Default)]
struct UnreliableNumbers {
    next: u16,
    /// The newest that was delivered, on a sequenced channel.
    newest: Option<u16>,
}

/// What an answer to an integrity challenge must fit.
#[derive(Debug)]
struct Challenge {
    key: [u8; 32],
    nonce: [u8; INTEGRITY_NONCE_BYTES],
}

/// Keys, packet numbers, heartbeat and channels of a connection.
#[derive(Debug)]
pub struct Connection {
    id: ConnectionId,
    /// What it was called until the peer uses the new name, or what the peer has been told to call it.
    other_id: Option<ConnectionId>,
    /// Number of the datagram that brought the newest name.
    renamed_by: u64,
    flags: Flags,
    next_sequence: u64,
    /// The number that will be left out next.
    skip_at: u64,
    replay: ReplayWindow,
    keys: Keys,
    heartbeat: Heartbeat,
    pending: Pending,
    numbers: [UnreliableNumbers; CHANNELS / 2],
    config: TransportConfig,
    transport: Option<Box<Transport>>,
    /// What the session is resumed by.
    resume_key: ResumeKey,
    /// What integrity answers cover of the handshake.
    transcript: [u8; 32],
    /// The integrity challenge that waits for its answer.
    challenge: Option<Box<Challenge>>,
    event: Option<ConnectionEvent>,
    /// What it did so far.
    pub stats: ConnectionStats,
}

impl Connection {
    /// A session that takes `now` as a sign of life.
    pub fn new(config: ConnectionConfig, now: Instant, random: &mut Csprng) -> Self {
        let ConnectionConfig { id, role, suite, secrets, heartbeat, transport } = config;
        let method = match suite {
            Suite::ChaCha20Poly1305 => flags::CHACHA20_POLY1305,
            Suite::Aes128Gcm => 0,
        };
        Connection {
            id,
            other_id: None,
            renamed_by: 0,
            flags: flags::ENCRYPTED | method,
            next_sequence: 1,
            skip_at: next_skip(1, random),
            replay: ReplayWindow::default(),
            resume_key: secrets.resume_key(),
            transcript: secrets.export(b"ringshard 1 integrity"),
            keys: Keys::new(role, suite, secrets, now),
            heartbeat: Heartbeat::new(heartbeat, now),
            pending: Pending::default(),
            numbers: [UnreliableNumbers::default(); CHANNELS / 2],
            config: transport,
            transport: None,
            challenge: None,
            event: None,
            stats: ConnectionStats::default(),
        }
    }

    /// The connection's name.
    #[inline]
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// Whether datagrams may carry this name: the one in use, or while it changes, the other.
    #[inline]
    pub fn is_called(&self, id: ConnectionId) -> bool {
        id == self.id || Some(id) == self.other_id
    }

    /// The AEAD in use.
    pub fn suite(&self) -> Suite {
        self.keys.suite()
    }

    /// Ping interval and timeout.
    pub fn heartbeat_config(&self) -> HeartbeatConfig {
        self.heartbeat.config()
    }

    /// When something was last heard.
    pub fn heard_at(&self) -> Instant {
        self.heartbeat.heard_at()
    }

    /// Smoothed round trip: from acknowledgments where there are some, else from the heartbeat. None before the first.
    pub fn round_trip(&self) -> Option<Duration> {
        let measured = self.transport.as_ref().and_then(|transport| transport.recovery.round_trip.smoothed());
        measured.or(self.heartbeat.round_trip())
    }

    /// Share of the peer's datagrams that never came, 0 to 1.
    pub fn loss(&self) -> f64 {
        self.stats.loss(self.replay.highest())
    }

    /// Largest datagram that is sent over the path, in bytes.
    pub fn datagram_bytes(&self) -> usize {
        self.transport.as_ref().map_or(DATAGRAM_BYTES_BASE, |transport| transport.datagram_bytes())
    }

    /// Datagrams given up as lost and, what they carried of reliable messages, sent again.
    pub fn packets_lost(&self) -> u64 {
        self.transport.as_ref().map_or(0, |transport| transport.packets_lost)
    }

    /// How often the traffic keys have changed.
    pub fn key_changes(&self) -> u64 {
        self.keys.changes
    }

    /// What may be under way by the congestion control, and what is, in bytes; None before anything reliable was sent.
    pub fn congestion(&self) -> Option<(u64, u64)> {
        self.transport.as_ref().map(|transport| (transport.window(), transport.recovery.in_flight()))
    }

    /// What reliable messages cost that are not acknowledged, in bytes; each costs its size and [`MESSAGE_COST_BYTES`].
    pub fn unacknowledged_bytes(&self) -> usize {
        self.transport.as_ref().map_or(0, |transport| transport.channels.queued())
    }

    /// Memory that its messages hold, in bytes: those that came and wait for others or for the reader, and those that were
    /// sent or are to be sent and are not acknowledged.
    pub fn held_bytes(&self) -> usize {
        self.transport.as_ref().map_or(0, |transport| transport.channels.held_bytes())
    }

    /// Unreliable messages of which pieces never came.
    pub fn messages_abandoned(&self) -> u64 {
        self.transport.as_ref().map_or(0, |transport| transport.channels.abandoned())
    }

    /// Messages of which some pieces have come, and some have not.
    pub fn messages_in_pieces(&self) -> usize {
        self.transport.as_ref().map_or(0, |transport| transport.channels.in_pieces())
    }

    /// What its traffic is sealed with.
    pub fn traffic_secrets(&self) -> TrafficSecrets {
        self.keys.traffic_secrets(self.id)
    }

    /// What a later connection goes on with the session by.
    pub fn resume_key(&self) -> ResumeKey {
        self.resume_key
    }

    /// Something about the session that came with the last datagram.
    pub fn poll_event(&mut self) -> Option<ConnectionEvent> {
        self.event.take()
    }

    fn transport_mut(&mut self, now: Instant) -> &mut Transport {
        let config = self.config;
        self.transport.get_or_insert_with(|| Box::new(Transport::new(now, config)))
    }

    /// What a datagram may hold as frames.
    pub fn frames_max(&self) -> usize {
        self.transport.as_ref().map_or(FRAMES_BYTES_BASE, |transport| transport.frames_max())
    }

    /// Lets time pass. Gives the reason if the connection is over.
    pub fn advance(&mut self, now: Instant, resources: &mut Resources) -> Option<DisconnectReason> {
        match self.heartbeat.due(now) {
            Due::TimedOut => return Some(DisconnectReason::TimedOut),
            Due::Ping(value) => {
                self.pending.ping = Some(value);
                if let Some(transport) = &mut self.transport {
                    transport.give_back_slack();
                }
            }
            Due::Nothing => {}
        }
        if self.keys.are_due(now) {
            self.rekey(now, resources);
        }
        if self.keys.should_ask_again(now) {
            self.transport_mut(now).controls.wait(Control::RekeyRequest);
        }
        let transport = self.transport.as_mut()?;
        let abandoned = transport.channels.abandoned();
        transport.advance(now, &mut resources.pool);
        resources.drops.fragments_abandoned += transport.channels.abandoned() - abandoned;
        // Who began large messages and left them is the one to go when others need the memory.
        let stalled = resources.pool.is_low()
            && transport.channels.stalled_since().is_some_and(|since| now.since(since) >= FRAGMENT_TIMEOUT);
        stalled.then_some(DisconnectReason::ShortOfMemory)
    }

    /// When [`Self::advance`] and [`Self::wants_datagram`] want to be asked, at the latest.
    pub fn deadline(&self) -> Instant {
        let timers = self.heartbeat.deadline().min(self.keys.deadline());
        self.transport.as_ref().map_or(timers, |transport| timers.min(transport.deadline()))
    }

    /// Asks the peer for new traffic keys. Nothing happens while a change is under way, or so soon after one that the
    /// peer would not answer.
    pub fn rekey(&mut self, now: Instant, resources: &mut Resources) {
        if let Some(key) = self.keys.ask(now, resources.draw_secret()) {
            self.transport_mut(now).controls.request_rekey(key);
        }
    }

    /// Sends a ping, to be heard of over a path that may be new.
    pub fn ping(&mut self, now: Instant) {
        self.pending.ping = Some(self.heartbeat.ping(now));
    }

    /// How a channel is treated from now on.
    pub fn set_channel_quality(&mut self, now: Instant, channel: Channel, quality: ChannelQuality) {
        self.transport_mut(now).quality_mut().set_channel(now, channel, quality);
    }

    /// Bytes of messages a second over all channels from now on; None for as many as there are.
    pub fn set_rate(&mut self, now: Instant, bytes_per_second: Option<u64>) {
        self.transport_mut(now).quality_mut().set_connection(now, bytes_per_second);
    }

    /// The same, where there was no such rate and there is none: nothing then.
    pub(crate) fn cap_rate(&mut self, now: Instant, bytes_per_second: Option<u64>) {
        if bytes_per_second.is_some() || self.transport.is_some() {
            self.set_rate(now, bytes_per_second);
        }
    }

    /// Which congestion control holds from now on (R4).
    pub fn set_congestion(&mut self, now: Instant, algorithm: CongestionControl) {
        self.config.congestion = algorithm;
        if let Some(transport) = &mut self.transport {
            transport.set_congestion(now, algorithm);
        }
    }

    /// Challenges the client's integrity with entry `index` of the table of keys, which is `key`. While the challenge
    /// before waits for its answer, that one is repeated; gives whether it is a new one.
    pub fn challenge_integrity(&mut self, now: Instant, index: u8, key: [u8; 32], resources: &mut Resources) -> bool {
        if self.challenge.is_some() {
            self.transport_mut(now).controls.wait(Control::Integrity);
            return false;
        }
        let mut nonce = [0; INTEGRITY_NONCE_BYTES];
        resources.random.fill_bytes(&mut nonce);
        self.challenge = Some(Box::new(Challenge { key, nonce }));
        self.transport_mut(now).controls.check_integrity(IntegrityFrame::Challenge { index, nonce });
        true
    }

    /// Answers an integrity challenge with the entry of the table that it named.
    pub fn answer_integrity(&mut self, now: Instant, key: &[u8; 32], nonce: &[u8; INTEGRITY_NONCE_BYTES]) {
        let mac = hmac_sha256(key, &[&self.transcript, nonce]);
        let to = *nonce.first_chunk().expect("a nonce is longer than its name");
        self.transport_mut(now).controls.check_integrity(IntegrityFrame::Answer { to, mac });
    }

    /// Has the peer call the connection `id` from now on; both names hold until it does.
    pub(crate) fn announce_id(&mut self, now: Instant, id: ConnectionId) {
        self.other_id = Some(id);
        self.transport_mut(now).controls.announce_id(id);
    }

    /// The peer is at the end of another path: everything under way is sent again, and the path learned anew.
    pub(crate) fn path_changed(&mut self, now: Instant) {
        if let Some(transport) = &mut self.transport {
            transport.path_changed(now);
        }
    }

    /// The channels, for another connection to go on with. This one must not be used any more.
    pub(crate) fn take_channels(&mut self, resources: &mut Resources) -> Option<Box<Channels>> {
        let mut channels = self.transport.take()?.channels;
        channels.forget_pieces(&mut resources.pool);
        Some(Box::new(channels))
    }

    /// Goes on with the channels of a session that was carried by another connection.
    pub(crate) fn adopt(&mut self, now: Instant, channels: Channels) {
        self.transport_mut(now).adopt(channels);
    }

    /// Gives all memory back.
    pub(crate) fn release(&mut self, resources: &mut Resources) {
        if let Some(transport) = &mut self.transport {
            transport.channels.release(&mut resources.pool);
        }
    }
}

/// The number to leave out next, drawn so that the peer cannot tell.
fn next_skip(after: u64, random: &mut Csprng) -> u64 {
    after + SKIPPED_NUMBER_PERIOD / 2 + random.next_u64() % SKIPPED_NUMBER_PERIOD
}
