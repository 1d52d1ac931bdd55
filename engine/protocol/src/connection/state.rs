//! The state of one connection, its timers, and what it reports.

use super::channels::{ChannelQuality, Channels};
use super::config::ConnectionConfig;
use super::control_frames::ControlKind;
use super::heartbeat::{Heartbeat, HeartbeatAction, HeartbeatConfig};
use super::integrity::{ConnectionEvent, IntegrityCheck};
use super::keys::{TrafficKeys, TrafficSecrets};
use super::rekeying::Rekeying;
use super::resources::Resources;
use super::transport::{CongestionControl, Transport, TransportConfig};
use crate::crypto::noise::ResumeKey;
use crate::crypto::{Csprng, ReplayWindow, Suite};
use crate::limits::*;
use crate::stats::ConnectionStats;
use crate::time::{Duration, Instant};
use crate::wire::{Channel, ConnectionId, Delivery, DisconnectReason, Flags, INTEGRITY_NONCE_BYTES, flags};
use rand_chacha::rand_core::Rng;

/// Frames that are sent once: a late copy would be worth nothing.
#[derive(Debug, Default)]
pub(super) struct TransientFrames {
    pub(super) ping: Option<u64>,
    pub(super) pong: Option<u64>,
    pub(super) path_response: Option<u64>,
}

impl TransientFrames {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.ping.is_none() && self.pong.is_none() && self.path_response.is_none()
    }
}

/// Message numbers of one unreliable channel. Only sequenced and fragmented messages have one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct UnreliableNumbers {
    sent: u16,
    /// The newest delivered one, on a sequenced channel.
    newest: Option<u16>,
}

impl UnreliableNumbers {
    pub(super) fn next(&mut self) -> u16 {
        self.sent = self.sent.wrapping_add(1);
        self.sent
    }

    /// Whether a sequenced message is newer than all delivered ones. It is then the newest.
    pub(super) fn take_newer(&mut self, number: u16) -> bool {
        let newer = self.newest.is_none_or(|newest| (1..0x8000).contains(&number.wrapping_sub(newest)));
        if newer {
            self.newest = Some(number);
        }
        newer
    }
}

/// One connection: its keys, sequences, heartbeat and channels.
#[derive(Debug)]
pub struct Connection {
    pub(super) id: ConnectionId,
    /// While the id changes: the old id until the peer uses the new one (client), or the announced one (server).
    pub(super) other_id: Option<ConnectionId>,
    /// Sequence of the datagram that brought the newest id.
    pub(super) id_changed_by: u64,
    pub(super) flags: Flags,
    pub(super) next_sequence: u64,
    /// The sequence to skip next.
    pub(super) skip_at: u64,
    pub(super) replay: ReplayWindow,
    /// When the highest sequence arrived.
    pub(super) highest_at: Instant,
    pub(super) rekeying: Rekeying,
    pub(super) heartbeat: Heartbeat,
    pub(super) transient: TransientFrames,
    numbers: [UnreliableNumbers; CHANNELS / 2],
    pub(super) config: TransportConfig,
    /// Allocated when something ack-eliciting is first sent or received.
    pub(super) transport: Option<Box<Transport>>,
    /// Resumes the session.
    resume_key: ResumeKey,
    pub(super) integrity: IntegrityCheck,
    /// What the connection did so far.
    pub stats: ConnectionStats,
}

impl Connection {
    /// A connection whose peer was last heard at `now`.
    pub fn new(config: ConnectionConfig, now: Instant, random: &mut Csprng) -> Self {
        let ConnectionConfig { id, role, suite, secrets, heartbeat, transport } = config;
        let suite_flag = match suite {
            Suite::ChaCha20Poly1305 => flags::CHACHA20_POLY1305,
            Suite::Aes128Gcm => 0,
        };
        Connection {
            id,
            other_id: None,
            id_changed_by: 0,
            flags: flags::ENCRYPTED | suite_flag,
            next_sequence: 1,
            skip_at: next_skip(1, random),
            replay: ReplayWindow::default(),
            highest_at: now,
            resume_key: secrets.resume_key(),
            integrity: IntegrityCheck::new(secrets.export(b"ringshard 1 integrity")),
            rekeying: Rekeying::new(TrafficKeys::new(role, suite, secrets, now)),
            heartbeat: Heartbeat::new(heartbeat, now),
            transient: TransientFrames::default(),
            numbers: [UnreliableNumbers::default(); CHANNELS / 2],
            config: transport,
            transport: None,
            stats: ConnectionStats::default(),
        }
    }

    /// The connection's id.
    #[inline]
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// Whether datagrams may carry this id. While the id changes, two are valid (PROTOCOL.md#new-connection-id).
    #[inline]
    pub fn has_id(&self, id: ConnectionId) -> bool {
        id == self.id || Some(id) == self.other_id
    }

    /// The AEAD.
    pub fn suite(&self) -> Suite {
        self.rekeying.keys().suite
    }

    /// Ping interval and timeout.
    pub fn heartbeat_config(&self) -> HeartbeatConfig {
        self.heartbeat.config()
    }

    /// When the last authentic datagram arrived.
    pub fn heard_at(&self) -> Instant {
        self.heartbeat.heard_at()
    }

    /// Smoothed RTT: from acknowledgments if there are any, else from the heartbeat. None before the first sample.
    pub fn round_trip(&self) -> Option<Duration> {
        let measured = self.transport.as_ref().and_then(|transport| transport.recovery.rtt.smoothed());
        measured.or(self.heartbeat.rtt())
    }

    /// Share of the peer's datagrams that never arrived, 0 to 1.
    pub fn loss(&self) -> f64 {
        self.stats.loss(self.replay.highest())
    }

    /// Largest datagram that is sent over the path, in bytes.
    pub fn datagram_bytes(&self) -> usize {
        self.transport.as_ref().map_or(DATAGRAM_BYTES_BASE, |transport| transport.datagram_bytes())
    }

    /// Datagrams deemed lost. Their parts of reliable messages are sent again.
    pub fn packets_lost(&self) -> u64 {
        self.transport.as_ref().map_or(0, |transport| transport.packets_lost)
    }

    /// Completed rekeys.
    pub fn key_changes(&self) -> u64 {
        self.rekeying.completed()
    }

    /// Congestion window and bytes in flight. None before anything ack-eliciting was sent.
    pub fn congestion(&self) -> Option<(u64, u64)> {
        self.transport.as_ref().map(|transport| (transport.window(), transport.recovery.in_flight()))
    }

    /// Cost of the reliable messages that are not acknowledged, in bytes: for each its size and [`MESSAGE_COST_BYTES`].
    pub fn unacknowledged_bytes(&self) -> usize {
        self.transport.as_ref().map_or(0, |transport| transport.channels.queued())
    }

    /// Memory that its messages hold, in bytes: received ones that wait for others or for the reader, and sent or
    /// queued ones that are not acknowledged.
    pub fn held_bytes(&self) -> usize {
        self.transport.as_ref().map_or(0, |transport| transport.channels.held_bytes())
    }

    /// Messages with missing pieces.
    pub fn messages_in_pieces(&self) -> usize {
        self.transport.as_ref().map_or(0, |transport| transport.channels.in_pieces())
    }

    /// The secrets of its traffic.
    pub fn traffic_secrets(&self) -> TrafficSecrets {
        self.rekeying.keys().traffic_secrets(self.id)
    }

    /// The key that resumes the session over a later connection.
    pub fn resume_key(&self) -> ResumeKey {
        self.resume_key
    }

    /// The event that came with the last datagram.
    pub fn poll_event(&mut self) -> Option<ConnectionEvent> {
        self.integrity.poll_event()
    }

    pub(super) fn transport_mut(&mut self, now: Instant) -> &mut Transport {
        let config = self.config;
        self.transport.get_or_insert_with(|| Box::new(Transport::new(now, config)))
    }

    pub(super) fn numbers_mut(&mut self, channel: Channel) -> &mut UnreliableNumbers {
        let index = match channel.delivery() {
            Delivery::Unreliable => channel.index() / 4,
            _ => CHANNELS / 4 + channel.index() / 4,
        };
        &mut self.numbers[index]
    }

    /// Room for frames in a datagram.
    pub fn frames_max(&self) -> usize {
        self.transport.as_ref().map_or(FRAMES_BYTES_BASE, |transport| transport.frames_max())
    }

    /// Lets time pass. Returns the reason if the connection is over.
    pub fn advance(&mut self, now: Instant, resources: &mut Resources) -> Option<DisconnectReason> {
        match self.heartbeat.advance(now) {
            HeartbeatAction::TimedOut => return Some(DisconnectReason::TimedOut),
            HeartbeatAction::Ping(value) => {
                self.transient.ping = Some(value);
                if let Some(transport) = &mut self.transport {
                    transport.shrink();
                }
            }
            HeartbeatAction::Nothing => {}
        }
        if self.rekeying.is_due(now) {
            self.rekey(now, resources);
        }
        if self.rekeying.should_ask_again(now) {
            self.transport_mut(now).controls.queue(ControlKind::RekeyRequest);
        }
        let transport = self.transport.as_mut()?;
        let abandoned = transport.channels.abandoned();
        transport.advance(now, &mut resources.pool);
        resources.drops.fragments_abandoned += transport.channels.abandoned() - abandoned;
        // When memory is short, connections that leave large messages incomplete close first.
        let stalled = resources.pool.is_low()
            && transport.channels.stalled_since().is_some_and(|since| now.since(since) >= FRAGMENT_TIMEOUT);
        stalled.then_some(DisconnectReason::ShortOfMemory)
    }

    /// When [`Self::advance`] and [`Self::wants_datagram`] must be called at the latest.
    pub fn deadline(&self) -> Instant {
        let timers = self.heartbeat.deadline().min(self.rekeying.deadline());
        self.transport.as_ref().map_or(timers, |transport| timers.min(transport.deadline()))
    }

    /// Asks the peer for new traffic keys. Does nothing during a rekey, or so soon after one that the peer would ignore
    /// the request.
    pub fn rekey(&mut self, now: Instant, resources: &mut Resources) {
        if let Some(key) = self.rekeying.ask(now, resources.draw_secret()) {
            self.transport_mut(now).controls.request_rekey(key);
        }
    }

    /// Sends a ping, so that the server sees a new path.
    pub fn ping(&mut self, now: Instant) {
        self.transient.ping = Some(self.heartbeat.ping(now));
    }

    /// Sets priority and rate of a channel.
    pub fn set_channel_quality(&mut self, now: Instant, channel: Channel, quality: ChannelQuality) {
        self.transport_mut(now).quality_mut().set_channel(now, channel, quality);
    }

    /// Limits the bytes of messages per second over all channels. None: no limit.
    pub fn set_rate(&mut self, now: Instant, bytes_per_second: Option<u64>) {
        self.transport_mut(now).quality_mut().set_connection(now, bytes_per_second);
    }

    /// As [`Self::set_rate`], without allocating a transport only to set no limit.
    pub(crate) fn cap_rate(&mut self, now: Instant, bytes_per_second: Option<u64>) {
        if bytes_per_second.is_some() || self.transport.is_some() {
            self.set_rate(now, bytes_per_second);
        }
    }

    /// Selects the congestion controller. It starts as on an unknown path.
    pub fn set_congestion(&mut self, now: Instant, algorithm: CongestionControl) {
        self.config.congestion = algorithm;
        if let Some(transport) = &mut self.transport {
            transport.set_congestion(now, algorithm);
        }
    }

    /// Challenges the client's integrity with entry `index` of the key table, which is `key`. While an earlier
    /// challenge is outstanding, repeats that one. Returns whether it is a new one.
    pub fn challenge_integrity(&mut self, now: Instant, index: u8, key: [u8; 32], resources: &mut Resources) -> bool {
        match self.integrity.challenge(index, key, &mut resources.random) {
            Some(frame) => self.transport_mut(now).controls.check_integrity(frame),
            None => {
                self.transport_mut(now).controls.queue(ControlKind::Integrity);
                return false;
            }
        }
        true
    }

    /// Answers an integrity challenge with the entry of the key table that it named.
    pub fn answer_integrity(&mut self, now: Instant, key: &[u8; 32], nonce: &[u8; INTEGRITY_NONCE_BYTES]) {
        let answer = self.integrity.answer(key, nonce);
        self.transport_mut(now).controls.check_integrity(answer);
    }

    /// Server: gives the connection a new id. Both ids are valid until the client uses the new one.
    pub(crate) fn announce_id(&mut self, now: Instant, id: ConnectionId) {
        assert!(id != self.id && !self.is_changing_id(), "one change of the id at a time");
        self.other_id = Some(id);
        self.transport_mut(now).controls.announce_id(id);
    }

    /// Server: whether the client has not yet used the new id.
    pub(crate) fn is_changing_id(&self) -> bool {
        self.other_id.is_some()
    }

    /// The peer has another path: everything in flight is lost, and the path must be measured anew.
    pub(crate) fn path_changed(&mut self, now: Instant) {
        if let Some(transport) = &mut self.transport {
            transport.path_changed(now);
        }
    }

    /// Takes the channels, for another connection to resume. This connection must not be used any more.
    pub(crate) fn take_channels(&mut self, resources: &mut Resources) -> Option<Box<Channels>> {
        let mut channels = self.transport.take()?.channels;
        channels.forget_pieces(&mut resources.pool);
        Some(Box::new(channels))
    }

    /// Resumes the channels of another connection.
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

/// The sequence to skip next, drawn so that the peer cannot predict it.
pub(super) fn next_skip(after: u64, random: &mut Csprng) -> u64 {
    after + SKIPPED_NUMBER_PERIOD / 2 + random.next_u64() % SKIPPED_NUMBER_PERIOD
}
