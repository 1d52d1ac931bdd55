//! Reliable delivery over a path: what may leave now, what is under way, what must be acknowledged.
//!
//! Made for a connection when it first needs one: those that speak unreliably alone never do.

use super::acks::Acks;
use super::channels::Channels;
use super::congestion::{Acked, CongestionControl, Controller, Lost};
use super::control::{Control, Controls};
use super::mtu::Mtu;
use super::pacing::TokenBucket;
use super::quality::Quality;
use super::recovery::{Carried, ImpossibleAck, Recovery};
use super::sealed_len;
use crate::crypto::ReplayWindow;
use crate::limits::*;
use crate::pool::MessagePool;
use crate::time::Instant;
use crate::wire::{Ack, FrameWriter};

/// Share of the window above its size over the round trip at which it leaves when the controller names no rate, in
/// percent.
const PACING_PERCENT: u64 = 125;

#[derive(Debug)]
pub(super) struct Transport {
    pub(super) channels: Channels,
    pub(super) controls: Controls,
    pub(super) acks: Acks,
    pub(super) recovery: Recovery,
    mtu: Mtu,
    algorithm: CongestionControl,
    congestion: Box<dyn Controller>,
    pacer: TokenBucket,
    /// There is nothing that may be sent, although window and pace have room: no timer changes that.
    idle: bool,
    /// An acknowledgment did not come in time: one datagram may go beyond the window.
    probe: bool,
    /// A message had to go in pieces that a larger datagram would hold whole.
    wants_larger: bool,
    /// Packets given up.
    pub(super) packets_lost: u64,
    /// Frames of the datagram at hand that are not to be delivered from it: where they begin.
    pub(super) struck: Vec<u16>,
}

impl Transport {
    pub(super) fn new(now: Instant, config: super::TransportConfig) -> Self {
        let algorithm = config.congestion;
        Transport {
            channels: Channels::new(),
            controls: Controls::default(),
            acks: Acks::new(now),
            recovery: Recovery::new(now, config.retransmission_first),
            mtu: Mtu::new(now),
            algorithm,
            congestion: algorithm.controller(now),
            pacer: TokenBucket::new(now),
            idle: false,
            probe: false,
            wants_larger: false,
            packets_lost: 0,
            struck: Vec::new(),
        }
    }

    /// Gives back the memory that its queues do not need any more. Asked for as seldom as a ping is due.
    pub(super) fn give_back_slack(&mut self) {
        self.channels.give_back_slack();
        self.recovery.give_back_slack();
    }

    /// Whether no rate holds back unreliable messages, and datagrams of the usual size pass.
    pub(super) fn is_unlimited(&self) -> bool {
        self.channels.quality.is_unlimited() && self.mtu.datagram_bytes() >= DATAGRAM_BYTES_BASE
    }

    /// The limits have changed: what was held back may perhaps leave.
    pub(super) fn quality_mut(&mut self) -> &mut Quality {
        self.idle = false;
        &mut self.channels.quality
    }

    /// What one datagram may hold as frames.
    pub(super) fn frames_max(&self) -> usize {
        self.mtu.frames_bytes()
    }

    /// Largest datagram that is sent.
    pub(super) fn datagram_bytes(&self) -> usize {
        self.mtu.datagram_bytes()
    }

    /// What the next fresh datagram may hold as frames: more than usual when it probes for more.
    pub(super) fn fresh_frames_max(&self, now: Instant) -> usize {
        match self.probe_size(now) {
            Some(size) => usize::from(size) - HEADER_BYTES - TAG_BYTES,
            None => self.frames_max(),
        }
    }

    /// Size of the MTU probe that is due. It is worth one where much is under way, or where larger datagrams would hold what
    /// went in pieces.
    fn probe_size(&self, now: Instant) -> Option<u16> {
        let worth_it = self.wants_larger
            || self.recovery.in_flight() > 4 * self.mtu.datagram_bytes() as u64
            || self.mtu.datagram_bytes() < DATAGRAM_BYTES_BASE;
        self.mtu.due(now).filter(|_| worth_it)
    }

    /// A message of so many bytes as frames is sent. Where only a larger datagram would hold it whole, that is worth trying.
    pub(super) fn note_message(&mut self, frames_bytes: usize) {
        self.wants_larger |= frames_bytes > self.frames_max() && frames_bytes <= FRAMES_BYTES_MAX;
    }

    /// Bytes a second at which datagrams leave.
    fn pacing_rate(&self) -> u64 {
        self.congestion.pacing_rate().unwrap_or_else(|| {
            let round_trip = self.recovery.round_trip.smoothed().unwrap_or(RETRANSMISSION_TIMEOUT_FIRST);
            let per_second = u128::from(self.congestion.window()) * 1_000_000_000 / round_trip.as_nanos().max(1);
            (per_second as u64).saturating_mul(PACING_PERCENT) / 100
        })
    }

    fn window_has_room(&self) -> bool {
        self.recovery.in_flight() + self.mtu.datagram_bytes() as u64 <= self.congestion.window()
    }

    /// Whether [`Self::fill`] into a fresh datagram would write something.
    pub(super) fn wants_datagram(&mut self, now: Instant) -> bool {
        if self.acks.are_due(now) || self.controls.are_waiting() || self.probe || self.probe_size(now).is_some() {
            return true;
        }
        let rate = self.pacing_rate();
        if !self.window_has_room() || !self.pacer.allows(now, rate) {
            return false;
        }
        let frames_max = self.frames_max();
        let can_write = self.channels.can_write(now, frames_max);
        if !can_write {
            // The path would take more than there is.
            self.recovery.application_limited();
        }
        self.idle = !can_write;
        can_write
    }

    /// Writes what is due into the datagram; `fresh` when it is empty so far. Gives how many things it carries that must
    /// be acknowledged: [`Self::sent`] wants to know.
    pub(super) fn fill(
        &mut self,
        now: Instant,
        received: &ReplayWindow,
        writer: &mut FrameWriter<'_>,
        fresh: bool,
    ) -> u16 {
        if fresh && let Some(size) = self.probe_size(now) {
            // Nothing that matters goes into it: it may well be lost.
            self.mtu.sent();
            self.recovery.carry(Carried::Probe(size));
            writer.probe(writer.room());
            return 1;
        }
        if self.acks.are_waiting() {
            self.acks.write(now, received, writer);
        }
        let mut carried = 0;
        let Transport { controls, recovery, .. } = self;
        controls.write(writer, |control| {
            recovery.carry(Carried::Control(control));
            carried += 1;
        });
        let rate = self.pacing_rate();
        if self.probe || self.window_has_room() && self.pacer.allows(now, rate) {
            let Transport { channels, recovery, mtu, .. } = self;
            channels.write(now, writer, mtu.frames_bytes(), |channel, segment| {
                recovery.carry(Carried::Segment(channel, segment));
                carried += 1;
            });
        }
        if self.probe && carried == 0 && writer.probe(0) {
            self.recovery.carry(Carried::Probe(0));
            carried = 1;
        }
        if carried > 0 {
            self.probe = false;
        }
        carried
    }

    /// The `carried` things that [`Self::fill`] wrote leave in datagram `sequence`, which has `frames` bytes of frames.
    pub(super) fn sent(&mut self, now: Instant, sequence: u64, frames: usize, carried: u16) {
        let bytes = sealed_len(frames) as u64;
        self.recovery.sent(now, sequence, bytes, carried);
        self.congestion.on_sent(now, bytes, self.recovery.in_flight());
        self.pacer.take(bytes);
    }

    /// Takes an acknowledgment. `settled` is told which requests and answers about the session arrived.
    pub(super) fn acknowledged(
        &mut self,
        now: Instant,
        ack: &Ack<'_>,
        next_sequence: u64,
        pool: &mut MessagePool,
        mut settled: impl FnMut(Control),
    ) -> Result<(), ImpossibleAck> {
        let Transport { channels, mtu, recovery, .. } = self;
        let progress = recovery.acknowledge(now, ack, next_sequence, |carried| match carried {
            Carried::Segment(channel, segment) => channels.acked(channel, segment, pool),
            Carried::Probe(size) if size > 0 => mtu.acked(now, size),
            Carried::Control(control) => settled(control),
            Carried::Probe(_) => {}
        })?;
        let Some(progress) = progress else { return Ok(()) };
        self.probe = false;
        // Losses first: the controller then sees what is under way as it is.
        self.detect_losses(now, progress.starved);
        let round_trip = &self.recovery.round_trip;
        self.congestion.on_acked(&Acked {
            now,
            bytes: progress.bytes,
            newest_sent_at: progress.newest_sent_at,
            in_flight: self.recovery.in_flight(),
            round_trip: progress.round_trip,
            smoothed_round_trip: round_trip.smoothed().unwrap_or(RETRANSMISSION_TIMEOUT_FIRST),
            round_trip_min: round_trip.least(),
            rate: progress.rate,
        });
        Ok(())
    }

    /// Looks for losses and tells the controller. `starved` when nothing at all had come through for long.
    fn detect_losses(&mut self, now: Instant, starved: bool) {
        let Transport { channels, controls, mtu, recovery, .. } = self;
        let losses = recovery.detect_losses(now, |carried| lose(carried, now, channels, controls, mtu));
        if losses.packets == 0 && !starved {
            return;
        }
        if starved {
            self.mtu.answered(now);
        }
        self.packets_lost += losses.packets;
        self.congestion.on_lost(&Lost {
            now,
            bytes: losses.bytes,
            newest_sent_at: losses.newest_sent_at,
            in_flight: self.recovery.in_flight(),
            persistent: starved,
        });
    }

    /// Lets time pass: losses that show by time, probes, pieces that never came.
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
        recovery.probe(now, |carried| lose(carried, now, channels, controls, mtu));
        self.probe = true;
        if self.recovery.timeouts.is_multiple_of(BLACK_HOLE_TIMEOUTS) && self.mtu.black_hole(now) {
            self.wants_larger = true;
        }
    }

    /// When [`Self::advance`] has something to do, or a datagram is due.
    pub(super) fn deadline(&self) -> Instant {
        let probe_at = if self.wants_larger { self.mtu.due_at() } else { Instant::NEVER };
        let timers = self.recovery.deadline().min(self.acks.deadline()).min(self.channels.deadline()).min(probe_at);
        if !self.channels.has_unsent() || !self.window_has_room() {
            return timers;
        }
        if self.idle {
            // Rates of channels run by time; windows open with acknowledgments, which ask again by themselves.
            return timers.min(self.channels.held_back_until());
        }
        timers.min(self.pacer.ready_at(self.pacing_rate()).max(self.channels.ready_at()))
    }

    /// The path has changed: everything under way is taken for lost, and nothing is known of the new path.
    pub(super) fn path_changed(&mut self, now: Instant) {
        let Transport { channels, controls, mtu, recovery, .. } = self;
        recovery.abandon_all(|carried| lose(carried, now, channels, controls, mtu));
        recovery.forget_path();
        self.mtu = Mtu::new(now);
        self.congestion = self.algorithm.controller(now);
        self.pacer = TokenBucket::new(now);
    }

    /// Another congestion control takes over, as on a path of which nothing is known.
    pub(super) fn set_congestion(&mut self, now: Instant, algorithm: CongestionControl) {
        self.algorithm = algorithm;
        self.congestion = algorithm.controller(now);
    }

    /// Goes on with the channels of a session that was carried by another connection.
    pub(super) fn adopt(&mut self, mut channels: Channels) {
        assert!(
            !self.channels.has_ready() && self.channels.queued() == 0,
            "a session is resumed before anything is said"
        );
        channels.resend_all();
        self.channels = channels;
    }

    /// The window right now, in bytes.
    pub(super) fn window(&self) -> u64 {
        self.congestion.window()
    }
}

fn lose(carried: Carried, now: Instant, channels: &mut Channels, controls: &mut Controls, mtu: &mut Mtu) {
    match carried {
        Carried::Segment(channel, segment) => channels.lost(channel, segment),
        Carried::Control(control) => controls.wait(control),
        Carried::Probe(0) => {}
        Carried::Probe(_) => mtu.lost(now),
    }
}
