//! Ack-eliciting data over a path: what may leave now, what is in flight, what must be acknowledged.
//!
//! Allocated when a connection first needs it. Connections with unreliable messages only never do.

mod ack_timing;
mod config;
mod congestion;
mod mtu_discovery;
mod recovery;

pub use config::TransportConfig;
pub use congestion::CongestionControl;

use self::ack_timing::AckTiming;
use self::congestion::{Acked, Controller, Lost, WINDOW_BYTES_MIN};
use self::mtu_discovery::MtuDiscovery;
use self::recovery::{ImpossibleAck, Recovery, SentFrame};
use super::channels::{Channels, QualityOfService};
use super::control_frames::{ControlFrames, ControlKind};
use super::padding::sealed_len;
use super::token_bucket::TokenBucket;
use crate::crypto::ReplayWindow;
use crate::limits::*;
use crate::pool::MessagePool;
use crate::time::Instant;
use crate::wire::{Ack, FrameWriter};

/// Pacing rate over window per RTT if the controller gives no rate, in percent.
const PACING_PERCENT: u64 = 125;

#[derive(Debug)]
pub(super) struct Transport {
    pub(super) channels: Channels,
    pub(super) controls: ControlFrames,
    pub(super) acks: AckTiming,
    pub(super) recovery: Recovery,
    mtu: MtuDiscovery,
    algorithm: CongestionControl,
    congestion: Box<dyn Controller>,
    pacer: TokenBucket,
    /// Window and pacer have room, but no channel can send: no timer of theirs changes that.
    idle: bool,
    /// A probe timeout expired: one datagram may exceed the window.
    probe: bool,
    /// A message had to go in pieces that would fit a larger datagram.
    wants_larger: bool,
    /// Packets deemed lost.
    pub(super) packets_lost: u64,
    /// Where frames of the current datagram begin that must not be delivered in place.
    pub(super) consumed: Vec<u16>,
}

impl Transport {
    pub(super) fn new(now: Instant, config: TransportConfig) -> Self {
        let algorithm = config.congestion;
        Transport {
            channels: Channels::new(),
            controls: ControlFrames::default(),
            acks: AckTiming::new(now),
            recovery: Recovery::new(now, config.retransmission_first),
            mtu: MtuDiscovery::new(now),
            algorithm,
            congestion: algorithm.controller(now),
            pacer: TokenBucket::new(now),
            idle: false,
            probe: false,
            wants_larger: false,
            packets_lost: 0,
            consumed: Vec::new(),
        }
    }

    /// Gives back memory after a burst. Called when a ping is due.
    pub(super) fn shrink(&mut self) {
        self.channels.shrink();
        self.recovery.shrink();
    }

    /// Whether no rate limits unreliable messages, and datagrams of the usual size pass.
    pub(super) fn is_unlimited(&self) -> bool {
        self.channels.quality.is_unlimited() && self.mtu.datagram_bytes() >= DATAGRAM_BYTES_BASE
    }

    /// For changes of the rates, after which more may be sent.
    pub(super) fn quality_mut(&mut self) -> &mut QualityOfService {
        self.idle = false;
        &mut self.channels.quality
    }

    /// Room for frames in a datagram.
    pub(super) fn frames_max(&self) -> usize {
        self.mtu.frames_bytes()
    }

    /// Largest datagram that is sent.
    pub(super) fn datagram_bytes(&self) -> usize {
        self.mtu.datagram_bytes()
    }

    /// Room for frames in the next new datagram. An MTU probe has more than usual.
    pub(super) fn fresh_frames_max(&self, now: Instant) -> usize {
        match self.probe_size(now) {
            Some(size) => usize::from(size) - HEADER_BYTES - TAG_BYTES,
            None => self.frames_max(),
        }
    }

    /// Size of the MTU probe that is due. A probe is only worth it with much in flight, or with messages in pieces that
    /// would fit a larger datagram.
    fn probe_size(&self, now: Instant) -> Option<u16> {
        let worth_it = self.wants_larger
            || self.recovery.in_flight() > 4 * self.mtu.datagram_bytes() as u64
            || self.mtu.datagram_bytes() < DATAGRAM_BYTES_BASE;
        self.mtu.probe_due(now).filter(|_| worth_it)
    }

    /// A message whose frame has `frames_bytes` is sent. If it would fit a larger datagram whole, MTU probes are worth
    /// it.
    pub(super) fn note_message(&mut self, frames_bytes: usize) {
        self.wants_larger |= frames_bytes > self.frames_max() && frames_bytes <= FRAMES_BYTES_MAX;
    }

    /// Bytes per second at which datagrams leave.
    fn pacing_rate(&self) -> u64 {
        self.congestion.pacing_rate().unwrap_or_else(|| {
            let rtt = self.recovery.rtt.smoothed().unwrap_or(RETRANSMISSION_TIMEOUT_FIRST);
            let per_second = u128::from(self.congestion.window()) * 1_000_000_000 / rtt.as_nanos().max(1);
            (per_second as u64).saturating_mul(PACING_PERCENT) / 100
        })
    }

    /// Whether congestion window and pacer let a datagram leave.
    fn path_allows(&mut self, now: Instant) -> bool {
        let rate = self.pacing_rate();
        self.window_has_room() && self.pacer.allows(now, rate)
    }

    fn window_has_room(&self) -> bool {
        self.recovery.in_flight() + self.mtu.datagram_bytes() as u64 <= self.congestion.window()
    }

    /// Whether [`Self::fill`] into a new datagram would write anything.
    pub(super) fn wants_datagram(&mut self, now: Instant) -> bool {
        if self.acks.is_due(now) || self.controls.any_queued() || self.probe || self.probe_size(now).is_some() {
            return true;
        }
        if !self.channels.has_unsent() && self.recovery.in_flight() == 0 {
            // Nothing for congestion control to decide: window and pacer are not consulted.
            self.recovery.application_limited();
            return false;
        }
        if !self.path_allows(now) {
            return false;
        }
        let frames_max = self.frames_max();
        let can_write = self.channels.can_write(now, frames_max);
        if !can_write {
            // The path would take more than there is to send.
            self.recovery.application_limited();
        }
        self.idle = !can_write;
        can_write
    }

    /// Writes what is due into a datagram. `fresh`: nothing is in it yet. Returns how many ack-eliciting frames it
    /// wrote; if any, [`Self::sent`] must follow. The highest sequence in `received` arrived at `highest_at`.
    pub(super) fn fill(
        &mut self,
        now: Instant,
        received: &ReplayWindow,
        highest_at: Instant,
        writer: &mut FrameWriter<'_>,
        fresh: bool,
    ) -> u16 {
        if fresh && let Some(size) = self.probe_size(now) {
            // Nothing that must arrive goes into it: it may well be lost.
            self.mtu.probe_sent();
            self.recovery.add_frame(SentFrame::Probe(size));
            writer.probe(writer.room());
            return 1;
        }
        if self.acks.is_pending() {
            self.acks.write(now.since(highest_at), received, writer);
        }
        let mut written = 0;
        let Transport { controls, recovery, .. } = self;
        controls.write(writer, |kind| {
            recovery.add_frame(SentFrame::Control(kind));
            written += 1;
        });
        if self.channels.has_unsent() && (self.probe || self.path_allows(now)) {
            let Transport { channels, recovery, mtu, .. } = self;
            channels.write(now, writer, mtu.frames_bytes(), |channel, part| {
                recovery.add_frame(SentFrame::Message(channel, part));
                written += 1;
            });
        }
        if self.probe && written == 0 && writer.probe(0) {
            self.recovery.add_frame(SentFrame::Probe(0));
            written = 1;
        }
        if written > 0 {
            self.probe = false;
        }
        written
    }

    /// The `ack_eliciting` frames that [`Self::fill`] wrote leave in datagram `sequence`, which has `frames` bytes of
    /// frames.
    pub(super) fn sent(&mut self, now: Instant, sequence: u64, frames: usize, ack_eliciting: u16) {
        let bytes = sealed_len(frames) as u64;
        self.recovery.sent(now, sequence, bytes, ack_eliciting);
        self.congestion.on_sent(now, bytes, self.recovery.in_flight());
        self.pacer.take(bytes);
    }

    /// Takes an acknowledgment. Calls `control_acked` for every control frame that arrived.
    ///
    /// # Errors
    /// [`ImpossibleAck`].
    pub(super) fn acknowledged(
        &mut self,
        now: Instant,
        ack: &Ack<'_>,
        next_sequence: u64,
        pool: &mut MessagePool,
        mut control_acked: impl FnMut(ControlKind),
    ) -> Result<(), ImpossibleAck> {
        let Transport { channels, mtu, recovery, .. } = self;
        let progress = recovery.acknowledge(now, ack, next_sequence, |frame| match frame {
            SentFrame::Message(channel, part) => channels.acked(channel, part, pool),
            SentFrame::Probe(0) => {}
            SentFrame::Probe(size) => mtu.probe_acked(now, size),
            SentFrame::Control(kind) => control_acked(kind),
        })?;
        let Some(progress) = progress else { return Ok(()) };
        self.probe = false;
        // Losses first: the controller then sees the true bytes in flight.
        self.detect_losses(now, progress.persistent_congestion);
        self.congestion.on_acked(&Acked {
            now,
            bytes: progress.bytes,
            newest_sent_at: progress.newest_sent_at,
            in_flight: self.recovery.in_flight(),
            rtt: progress.rtt,
            rtt_smoothed: self.recovery.rtt.smoothed().unwrap_or(RETRANSMISSION_TIMEOUT_FIRST),
            rate: progress.rate,
        });
        debug_assert!(self.congestion.window() >= WINDOW_BYTES_MIN, "a controller never stops the flow");
        Ok(())
    }

    /// Looks for losses and tells the controller.
    fn detect_losses(&mut self, now: Instant, persistent_congestion: bool) {
        let Transport { channels, controls, mtu, recovery, .. } = self;
        let losses = recovery.detect_losses(now, |frame| resend(frame, now, channels, controls, mtu));
        if losses.packets == 0 && !persistent_congestion {
            return;
        }
        if persistent_congestion {
            self.mtu.outage_over(now);
        }
        self.packets_lost += losses.packets;
        self.congestion.on_lost(&Lost {
            now,
            bytes: losses.bytes,
            newest_sent_at: losses.newest_sent_at,
            in_flight: self.recovery.in_flight(),
            persistent: persistent_congestion,
        });
        assert!(self.congestion.window() >= WINDOW_BYTES_MIN, "a controller never stops the flow");
    }

    /// Lets time pass: losses by time, probe timeouts, pieces that never arrived.
    pub(super) fn advance(&mut self, now: Instant, pool: &mut MessagePool) {
        self.channels.expire(now, pool);
        if self.recovery.deadline() > now {
            return;
        }
        self.detect_losses(now, false);
        if self.recovery.deadline() > now {
            return;
        }
        let Transport { channels, controls, mtu, recovery, .. } = self;
        recovery.probe_timeout_expired(now, |frame| resend(frame, now, channels, controls, mtu));
        self.probe = true;
        if self.recovery.timeouts.is_multiple_of(BLACK_HOLE_TIMEOUTS) && self.mtu.black_hole(now) {
            self.wants_larger = true;
        }
    }

    /// When [`Self::advance`] has something to do, or a datagram is due.
    pub(super) fn deadline(&self) -> Instant {
        let probe_at = if self.wants_larger { self.mtu.probe_due_at() } else { Instant::NEVER };
        let timers = self.recovery.deadline().min(self.acks.deadline()).min(self.channels.deadline()).min(probe_at);
        if !self.channels.has_unsent() || !self.window_has_room() {
            return timers;
        }
        if self.idle {
            // Only rates change by time. Windows open with acknowledgments, after which the driver asks again anyway.
            return timers.min(self.channels.rate_limited_until());
        }
        timers.min(self.pacer.ready_at(self.pacing_rate()).max(self.channels.ready_at()))
    }

    /// The path has changed: everything in flight is lost, and nothing is known about the new path.
    pub(super) fn path_changed(&mut self, now: Instant) {
        let Transport { channels, controls, mtu, recovery, .. } = self;
        recovery.path_changed(|frame| resend(frame, now, channels, controls, mtu));
        self.mtu = MtuDiscovery::new(now);
        self.congestion = self.algorithm.controller(now);
        self.pacer = TokenBucket::new(now);
    }

    /// Another congestion controller takes over, as on an unknown path.
    pub(super) fn set_congestion(&mut self, now: Instant, algorithm: CongestionControl) {
        self.algorithm = algorithm;
        self.congestion = algorithm.controller(now);
    }

    /// Resumes the channels of another connection.
    pub(super) fn adopt(&mut self, mut channels: Channels) {
        assert!(!self.channels.has_ready() && self.channels.queued() == 0, "a session is resumed before any message");
        channels.resend_all();
        self.channels = channels;
    }

    /// The congestion window, in bytes.
    pub(super) fn window(&self) -> u64 {
        self.congestion.window()
    }
}

/// Queues a lost frame again.
fn resend(
    frame: SentFrame,
    now: Instant,
    channels: &mut Channels,
    controls: &mut ControlFrames,
    mtu: &mut MtuDiscovery,
) {
    match frame {
        SentFrame::Message(channel, part) => channels.lost(channel, part),
        SentFrame::Control(kind) => controls.queue(kind),
        SentFrame::Probe(0) => {}
        SentFrame::Probe(_) => mtu.probe_lost(now),
    }
}
