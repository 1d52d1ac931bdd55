//! Datagrams in flight: acknowledgments, loss detection, probe timeouts (PROTOCOL.md#loss-detection, RFC 9002).

mod delivery_rate;
mod rtt;
#[cfg(test)]
mod tests;

use self::delivery_rate::{DeliveryRate, Snapshot};
use self::rtt::RttEstimator;
use super::congestion::RateSample;
use crate::connection::channels::MessagePart;
use crate::connection::control_frames::ControlKind;
use crate::connection::shrink::shrink_if_sparse;
use crate::limits::*;
use crate::time::{Duration, Instant};
use crate::wire::{Ack, Channel};
use std::collections::VecDeque;

/// After this many probe timeouts in a row, an acknowledgment means persistent congestion.
const PERSISTENT_TIMEOUTS: u32 = 3;
/// Datagrams presumed lost that are remembered, because their acknowledgment may still arrive. Forgetting one loses
/// nothing: its frames are sent again in any case.
const PRESUMED_LOST_MAX: usize = 64;
/// Skipped sequences that are remembered: all that an acknowledgment can still cover.
const SKIPPED_KEPT: usize = (REPLAY_WINDOW / SKIPPED_NUMBER_PERIOD) as usize + 2;

/// An ack-eliciting frame of a sent datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SentFrame {
    /// Part of a reliable message. Sent again when lost.
    Message(Channel, MessagePart),
    /// A control frame. Sent again when lost, if still wanted.
    Control(ControlKind),
    /// An MTU probe of this datagram size, whose loss is no sign of congestion. Size 0: a Probe frame for a probe timeout.
    /// Never sent again.
    Probe(u16),
}

/// An acknowledgment that no correct endpoint sends (PROTOCOL.md#impossible-acks).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::connection) struct ImpossibleAck;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum PacketState {
    InFlight,
    /// A probe timeout expired: its frames are sent again, but its acknowledgment may still arrive.
    PresumedLost,
    /// Acknowledged, or lost.
    Settled,
}

/// An ack-eliciting datagram that was sent.
#[derive(Clone, Copy, Debug)]
struct SentPacket {
    sequence: u64,
    sent_at: Instant,
    bytes: u16,
    /// How many of [`Recovery::frames`] are in it. They stand there in the order of the packets.
    frames: u16,
    state: PacketState,
    application_limited: bool,
    snapshot: Snapshot,
}

/// What an acknowledgment brought.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    pub(super) bytes: u64,
    pub(super) newest_sent_at: Instant,
    pub(super) rtt: Option<Duration>,
    pub(super) rate: Option<RateSample>,
    /// It ends a row of several probe timeouts (RFC 9002, section 7.6): all knowledge of the path is void.
    pub(super) persistent_congestion: bool,
}

/// Datagrams that were deemed lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Losses {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) newest_sent_at: Instant,
}

/// The ack-eliciting datagrams of a connection that are not settled.
#[derive(Debug)]
pub(in crate::connection) struct Recovery {
    pub(in crate::connection) rtt: RttEstimator,
    sent: VecDeque<SentPacket>,
    /// The frames of `sent`, in the order of the packets.
    frames: VecDeque<SentFrame>,
    in_flight: u64,
    largest_acked: u64,
    /// When the oldest packet behind an acknowledged one is deemed lost.
    loss_at: Instant,
    last_sent_at: Instant,
    /// Probe timeouts since the last acknowledgment.
    pub(super) timeouts: u32,
    skipped: VecDeque<u64>,
    rate: DeliveryRate,
}

impl Recovery {
    pub(super) fn new(now: Instant, first_timeout: Duration) -> Self {
        Recovery {
            rtt: RttEstimator::new(first_timeout),
            sent: VecDeque::new(),
            frames: VecDeque::new(),
            in_flight: 0,
            largest_acked: 0,
            loss_at: Instant::NEVER,
            last_sent_at: now,
            timeouts: 0,
            skipped: VecDeque::with_capacity(SKIPPED_KEPT),
            rate: DeliveryRate::new(now),
        }
    }

    /// Gives back memory after a burst.
    pub(super) fn shrink(&mut self) {
        shrink_if_sparse(&mut self.sent);
        shrink_if_sparse(&mut self.frames);
    }

    /// Bytes in flight.
    pub(in crate::connection) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Adds a frame to the datagram that is being composed. [`Self::sent`] then tells its sequence.
    pub(super) fn add_frame(&mut self, frame: SentFrame) {
        self.frames.push_back(frame);
    }

    /// The last `frames` frames leave in datagram `sequence`, which has about `bytes` bytes.
    pub(super) fn sent(&mut self, now: Instant, sequence: u64, bytes: u64, frames: u16) {
        assert!(frames > 0 && usize::from(frames) <= self.frames.len(), "frames are added before they are sent");
        self.last_sent_at = now;
        if self.sent.back().is_some_and(|last| last.sequence == sequence) {
            return self.extend_last(now, bytes, frames);
        }
        assert!(self.sent.back().is_none_or(|last| last.sequence < sequence), "sequences only grow");
        if self.in_flight == 0 {
            self.rate.flight_begins(now);
        }
        self.sent.push_back(SentPacket {
            sequence,
            sent_at: now,
            bytes: bytes as u16,
            frames,
            state: PacketState::InFlight,
            application_limited: self.rate.is_application_limited(),
            snapshot: self.rate.snapshot(),
        });
        self.in_flight += bytes;
        self.check();
    }

    /// More frames go into the last datagram, which had not left yet. It is in flight, whatever its state was meanwhile.
    fn extend_last(&mut self, now: Instant, bytes: u64, frames: u16) {
        let Some(last) = self.sent.back_mut() else { return };
        self.in_flight -= if last.state == PacketState::InFlight { u64::from(last.bytes) } else { 0 };
        last.frames += frames;
        last.bytes = last.bytes.max(bytes as u16);
        last.state = PacketState::InFlight;
        last.sent_at = now;
        self.in_flight += u64::from(last.bytes);
    }

    /// The application has nothing more to send although the path would take more.
    pub(super) fn application_limited(&mut self) {
        self.rate.application_limited(self.in_flight);
    }

    /// The sender skips `sequence`.
    pub(in crate::connection) fn skipped(&mut self, sequence: u64) {
        assert!(self.skipped.back().is_none_or(|&last| last < sequence), "sequences only grow");
        if self.skipped.len() == SKIPPED_KEPT {
            self.skipped.pop_front();
        }
        self.skipped.push_back(sequence);
    }

    /// Takes an acknowledgment. Calls `acked` for every frame that arrived. None if nothing is newly acknowledged.
    ///
    /// # Errors
    /// [`ImpossibleAck`] if it covers a datagram that was not sent.
    pub(super) fn acknowledge(
        &mut self,
        now: Instant,
        ack: &Ack<'_>,
        next_sequence: u64,
        acked: impl FnMut(SentFrame),
    ) -> Result<Option<Progress>, ImpossibleAck> {
        let covers_skipped = |ack: &Ack<'_>| ack.ranges().any(|range| self.skipped.iter().any(|it| range.contains(it)));
        if ack.largest >= next_sequence || !self.skipped.is_empty() && covers_skipped(ack) {
            return Err(ImpossibleAck);
        }
        let settled = self.settle_acknowledged(ack, acked);
        let Some(newest) = settled.newest else { return Ok(None) };
        assert!(settled.left_flight <= self.in_flight, "only what is in flight leaves it");
        self.in_flight -= settled.left_flight;
        self.rate.delivered(now, settled.bytes, newest.sent_at);
        let persistent_congestion = self.timeouts >= PERSISTENT_TIMEOUTS;
        self.timeouts = 0;
        let rtt = (newest.sequence == ack.largest && ack.largest > self.largest_acked).then(|| {
            let sample = now.since(newest.sent_at);
            self.rtt.sample(sample, ack.delay);
            sample
        });
        self.largest_acked = self.largest_acked.max(ack.largest);
        self.drop_settled();
        let (bytes, newest_sent_at) = (settled.bytes, newest.sent_at);
        let rtt_least = self.rtt.least();
        let rate = self.rate.sample(now, &newest.snapshot, newest.application_limited, newest_sent_at, rtt_least);
        Ok(Some(Progress { bytes, newest_sent_at, rtt, rate, persistent_congestion }))
    }

    /// Settles all packets that `ack` covers for the first time.
    fn settle_acknowledged(&mut self, ack: &Ack<'_>, mut acked: impl FnMut(SentFrame)) -> NewlyAcked {
        let mut settled = NewlyAcked { bytes: 0, left_flight: 0, newest: None };
        for range in ack.ranges() {
            if self.sent.front().is_none_or(|oldest| *range.end() < oldest.sequence) {
                break;
            }
            let from = self.sent.partition_point(|packet| packet.sequence < *range.start());
            for index in from..self.sent.len() {
                let packet = self.sent[index];
                if packet.sequence > *range.end() {
                    break;
                }
                if packet.state == PacketState::Settled {
                    continue;
                }
                self.sent[index].state = PacketState::Settled;
                settled.add(packet);
                let first = self.frames_before(index);
                for at in first..first + usize::from(packet.frames) {
                    acked(self.frames[at]);
                }
            }
        }
        settled
    }

    /// Frames of the packets before the one at `index`.
    fn frames_before(&self, index: usize) -> usize {
        // Summed from the nearer end: acknowledgments mostly cover the oldest or the newest packets.
        if index < self.sent.len() / 2 {
            self.sent.range(..index).map(|packet| usize::from(packet.frames)).sum()
        } else {
            let behind: usize = self.sent.range(index..).map(|packet| usize::from(packet.frames)).sum();
            assert!(behind <= self.frames.len(), "every packet has its frames");
            self.frames.len() - behind
        }
    }

    fn drop_settled(&mut self) {
        while let Some(packet) = self.sent.front()
            && packet.state == PacketState::Settled
        {
            self.frames.drain(..usize::from(packet.frames));
            self.sent.pop_front();
        }
        self.check();
    }

    /// Settles the packets that are overtaken by enough others, or for long enough. Calls `lost` for their frames.
    pub(super) fn detect_losses(&mut self, now: Instant, lost: impl FnMut(SentFrame)) -> Losses {
        let loss_delay = self.rtt.loss_delay();
        let mut next_at = Instant::NEVER;
        let largest = self.largest_acked;
        for packet in &mut self.sent {
            if packet.state == PacketState::PresumedLost && packet.sequence + REORDERING_PACKETS <= largest {
                packet.state = PacketState::Settled;
            }
        }
        let losses = self.settle_lost(lost, |packet| {
            if packet.sequence > largest {
                return false;
            }
            let due = packet.sent_at + loss_delay;
            let overtaken = packet.sequence + REORDERING_PACKETS <= largest;
            if overtaken || due <= now {
                return true;
            }
            next_at = next_at.min(due);
            false
        });
        self.loss_at = next_at;
        losses
    }

    /// Everything is lost, because the path has changed. Calls `lost` for all frames in flight.
    pub(super) fn path_changed(&mut self, lost: impl FnMut(SentFrame)) {
        self.settle_lost(lost, |_| true);
        assert!(self.in_flight == 0, "nothing is in flight on the new path");
        self.sent.clear();
        self.frames.clear();
        self.loss_at = Instant::NEVER;
        self.rtt = self.rtt.restarted();
        self.timeouts = 0;
    }

    /// Settles the packets in flight that `is_lost`. Calls `lost` for their frames.
    fn settle_lost(&mut self, mut lost: impl FnMut(SentFrame), mut is_lost: impl FnMut(&SentPacket) -> bool) -> Losses {
        let mut losses = Losses { packets: 0, bytes: 0, newest_sent_at: Instant::ZERO };
        let mut at = 0;
        for packet in &mut self.sent {
            let first = at;
            at += usize::from(packet.frames);
            if packet.state != PacketState::InFlight || !is_lost(packet) {
                continue;
            }
            packet.state = PacketState::Settled;
            assert!(u64::from(packet.bytes) <= self.in_flight, "only what is in flight leaves it");
            self.in_flight -= u64::from(packet.bytes);
            let frames = self.frames.range(first..at);
            let is_mtu_probe = frames.clone().any(|frame| matches!(frame, SentFrame::Probe(1..)));
            frames.for_each(|&frame| lost(frame));
            if is_mtu_probe {
                continue;
            }
            losses.packets += 1;
            losses.bytes += u64::from(packet.bytes);
            losses.newest_sent_at = losses.newest_sent_at.max(packet.sent_at);
        }
        self.drop_settled();
        losses
    }

    /// When to look for losses or to probe.
    pub(super) fn deadline(&self) -> Instant {
        if self.loss_at != Instant::NEVER {
            return self.loss_at;
        }
        if self.in_flight == 0 { Instant::NEVER } else { self.last_sent_at + self.probe_timeout() }
    }

    /// The probe timeout, doubled for each one in a row.
    pub(super) fn probe_timeout(&self) -> Duration {
        let base = self.rtt.probe_timeout();
        (base * (1 << self.timeouts.min(10))).min(PROBE_TIMEOUT_MAX)
    }

    /// A probe timeout expires: the oldest packet in flight is presumed lost. Calls `lost` for its frames. This is no sign
    /// of congestion yet: only an acknowledgment shows what was lost.
    pub(super) fn probe_timeout_expired(&mut self, now: Instant, mut lost: impl FnMut(SentFrame)) {
        self.timeouts = self.timeouts.saturating_add(1);
        self.last_sent_at = now;
        self.forget_presumed_lost();
        let mut first = 0;
        for packet in &mut self.sent {
            let frames = first..first + usize::from(packet.frames);
            first = frames.end;
            if packet.state == PacketState::InFlight {
                packet.state = PacketState::PresumedLost;
                assert!(u64::from(packet.bytes) <= self.in_flight, "only what is in flight leaves it");
                self.in_flight -= u64::from(packet.bytes);
                return self.frames.range(frames).for_each(|&frame| lost(frame));
            }
        }
    }

    /// Settles the oldest packets presumed lost beyond [`PRESUMED_LOST_MAX`]: a peer that never acknowledges must not make
    /// this state grow.
    fn forget_presumed_lost(&mut self) {
        let presumed = self.sent.iter().filter(|packet| packet.state == PacketState::PresumedLost).count();
        let too_many = presumed.saturating_sub(PRESUMED_LOST_MAX);
        let oldest = self.sent.iter_mut().filter(|packet| packet.state == PacketState::PresumedLost);
        oldest.take(too_many).for_each(|packet| packet.state = PacketState::Settled);
        self.drop_settled();
    }

    fn check(&self) {
        assert!(self.sent.len() <= self.frames.len(), "every packet has a frame");
        assert!(!self.sent.is_empty() || self.in_flight == 0, "what is in flight is remembered");
    }
}

/// What an acknowledgment covers for the first time.
struct NewlyAcked {
    bytes: u64,
    /// Those of `bytes` that were in flight.
    left_flight: u64,
    newest: Option<SentPacket>,
}

impl NewlyAcked {
    fn add(&mut self, packet: SentPacket) {
        self.bytes += u64::from(packet.bytes);
        self.left_flight += if packet.state == PacketState::InFlight { u64::from(packet.bytes) } else { 0 };
        if self.newest.is_none_or(|newest| packet.sequence > newest.sequence) {
            self.newest = Some(packet);
        }
    }
}
