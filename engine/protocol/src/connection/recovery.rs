//! What is under way and asked to be acknowledged: round trip, losses, probes (RFC 9002), delivery rate.

use super::congestion::RateSample;
use super::outgoing::Segment;
use super::slack;
use crate::limits::*;
use crate::time::{Duration, Instant};
use crate::wire::{Ack, Channel};
use std::collections::VecDeque;

/// Finest time that timers tell apart (RFC 9002, section 6.1.2).
const GRANULARITY: Duration = Duration::from_millis(1);
/// Probes in a row that nobody answered, after which what was known of the path is void.
const STARVED_TIMEOUTS: u32 = 3;
/// Packets that were not acknowledged in time, and of which an acknowledgment may yet come, that are remembered: what they
/// carried has been sent again, so nothing is lost with them.
const DOUBTFUL_MAX: usize = 64;
/// Numbers left out that are remembered: as many as an acknowledgment can still speak of.
const SKIPPED_KEPT: usize = (REPLAY_WINDOW / SKIPPED_NUMBER_PERIOD) as usize + 2;

/// Something in a datagram that is sent again when the datagram is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Carried {
    /// A piece of a reliable message.
    Segment(Channel, Segment),
    /// A request or answer about the session.
    Control(super::control::Control),
    /// An MTU probe of so many bytes, which says nothing about congestion; with 0, a datagram that only asks for an
    /// acknowledgment. Neither is repeated.
    Probe(u16),
}

/// An acknowledgment that no correct end sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ImpossibleAck;

/// Round trip times (RFC 9002, section 5).
#[derive(Clone, Copy, Debug)]
pub struct RoundTrip {
    smoothed: Duration,
    variation: Duration,
    least: Duration,
    measured: bool,
    /// The timeout until something was measured.
    first_timeout: Duration,
}

impl RoundTrip {
    /// One of which nothing is known.
    pub(super) fn new(first_timeout: Duration) -> Self {
        // Gives it as the first timeout: smoothed + 4 x variation.
        let third = first_timeout / 3;
        RoundTrip { smoothed: third, variation: third / 2, least: Duration::ZERO, measured: false, first_timeout }
    }

    /// The smoothed round trip; None before the first was measured.
    pub fn smoothed(&self) -> Option<Duration> {
        self.measured.then_some(self.smoothed)
    }

    /// The least that was measured; zero before the first.
    pub fn least(&self) -> Duration {
        self.least
    }

    /// Takes a sample, of which the peer says that it held it back for `delay`.
    pub(super) fn sample(&mut self, sample: Duration, delay: Duration) {
        if !self.measured {
            *self = RoundTrip { smoothed: sample, variation: sample / 2, least: sample, measured: true, ..*self };
            return;
        }
        self.least = self.least.min(sample);
        let delay = delay.min(ACK_DELAY_MAX);
        let adjusted = if sample >= self.least + delay { sample - delay } else { sample };
        self.variation = (self.variation * 3 + self.smoothed.abs_diff(adjusted)) / 4;
        self.smoothed = (self.smoothed * 7 + adjusted) / 8;
    }

    /// How long to wait for an acknowledgment before asking again.
    pub(super) fn probe_timeout(&self) -> Duration {
        let timeout = match self.measured {
            // Timers at either end may be late by their grain.
            true => self.smoothed + (self.variation * 4).max(GRANULARITY) + ACK_DELAY_MAX + 2 * TIMER_GRAIN,
            false => self.first_timeout,
        };
        // One late sample must not keep a connection from coming back; a probe too many costs one datagram.
        timeout.min(PROBE_TIMEOUT_MAX)
    }

    fn loss_delay(&self) -> Duration {
        (self.smoothed * 9 / 8).max(GRANULARITY)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    UnderWay,
    /// Not acknowledged in time: what it carried is sent again, but it may yet arrive.
    Doubtful,
    /// Acknowledged, or lost.
    Done,
}

#[derive(Clone, Copy, Debug)]
struct SentPacket {
    sequence: u64,
    sent_at: Instant,
    bytes: u16,
    /// How many of the carried things are its own; they stand in the order of the packets.
    carried: u16,
    state: State,
    application_limited: bool,
    /// All that had been delivered when it was sent, and when the last of that was.
    delivered: u64,
    delivered_at: Instant,
    /// When the first packet of the flight that it belongs to was sent.
    flight_began_at: Instant,
}

/// What an acknowledgment brought.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    pub(super) bytes: u64,
    pub(super) newest_sent_at: Instant,
    pub(super) round_trip: Option<Duration>,
    pub(super) rate: Option<RateSample>,
    /// It is the first after several probes that nobody answered (RFC 9002, section 7.6): what was known of the path is
    /// void.
    pub(super) starved: bool,
}

/// What was given up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Losses {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) newest_sent_at: Instant,
}

#[derive(Debug)]
pub(super) struct Recovery {
    pub(super) round_trip: RoundTrip,
    sent: VecDeque<SentPacket>,
    /// What the packets carried, in their order.
    carried: VecDeque<Carried>,
    in_flight: u64,
    largest_acked: u64,
    /// When the oldest packet that is behind an acknowledged one is given up.
    loss_at: Instant,
    last_sent_at: Instant,
    /// Probe timeouts since the last acknowledgment.
    pub(super) timeouts: u32,
    skipped: VecDeque<u64>,
    delivered: u64,
    delivered_at: Instant,
    flight_began_at: Instant,
    /// Set while there is less to send than may be sent: until so much is delivered, rates say nothing.
    application_limited_until: u64,
}

impl Recovery {
    pub(super) fn new(now: Instant, first_timeout: Duration) -> Self {
        Recovery {
            round_trip: RoundTrip::new(first_timeout),
            sent: VecDeque::new(),
            carried: VecDeque::new(),
            in_flight: 0,
            largest_acked: 0,
            loss_at: Instant::NEVER,
            last_sent_at: now,
            timeouts: 0,
            skipped: VecDeque::with_capacity(SKIPPED_KEPT),
            delivered: 0,
            delivered_at: now,
            flight_began_at: now,
            application_limited_until: 0,
        }
    }

    pub(super) fn give_back_slack(&mut self) {
        slack::give_back(&mut self.sent);
        slack::give_back(&mut self.carried);
    }

    /// Bytes under way.
    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Notes what goes into the datagram being composed; [`Self::sent`] then says which one that is.
    pub(super) fn carry(&mut self, carried: Carried) {
        self.carried.push_back(carried);
    }

    /// The last `count` things carried left in datagram `sequence`, which has about so many bytes.
    pub(super) fn sent(&mut self, now: Instant, sequence: u64, bytes: u64, count: u16) {
        if let Some(last) = self.sent.back_mut()
            && last.sequence == sequence
        {
            // More went into a datagram that had not left yet, whatever was thought of it meanwhile.
            self.in_flight -= if last.state == State::UnderWay { u64::from(last.bytes) } else { 0 };
            last.carried += count;
            last.bytes = last.bytes.max(bytes as u16);
            last.state = State::UnderWay;
            last.sent_at = now;
            self.in_flight += u64::from(last.bytes);
            self.last_sent_at = now;
            return;
        }
        assert!(self.sent.back().is_none_or(|last| last.sequence < sequence), "numbers only grow");
        if self.in_flight == 0 {
            self.flight_began_at = now;
            self.delivered_at = now;
        }
        self.sent.push_back(SentPacket {
            sequence,
            sent_at: now,
            bytes: bytes as u16,
            carried: count,
            state: State::UnderWay,
            application_limited: self.application_limited_until > self.delivered,
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            flight_began_at: self.flight_began_at,
        });
        self.in_flight += bytes;
        self.last_sent_at = now;
    }

    /// There is nothing more to send although more might be: what is measured of the packets under way is the sender's
    /// speed and not the path's.
    pub(super) fn application_limited(&mut self) {
        self.application_limited_until = (self.delivered + self.in_flight).max(1);
    }

    /// The sender leaves out `sequence`.
    pub(super) fn skipped(&mut self, sequence: u64) {
        if self.skipped.len() == SKIPPED_KEPT {
            self.skipped.pop_front();
        }
        self.skipped.push_back(sequence);
    }

    /// Takes an acknowledgment; `acked` is told everything that arrived.
    ///
    /// # Errors
    /// [`ImpossibleAck`] when it speaks of what was not sent.
    pub(super) fn acknowledge(
        &mut self,
        now: Instant,
        ack: &Ack<'_>,
        next_sequence: u64,
        mut acked: impl FnMut(Carried),
    ) -> Result<Option<Progress>, ImpossibleAck> {
        if ack.largest >= next_sequence {
            return Err(ImpossibleAck);
        }
        if !self.skipped.is_empty()
            && ack.ranges().any(|range| self.skipped.iter().any(|skipped| range.contains(skipped)))
        {
            return Err(ImpossibleAck);
        }
        let (mut bytes, mut landed) = (0, 0);
        let mut newest: Option<SentPacket> = None;
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
                if packet.state == State::Done {
                    continue;
                }
                self.sent[index].state = State::Done;
                bytes += u64::from(packet.bytes);
                landed += if packet.state == State::UnderWay { u64::from(packet.bytes) } else { 0 };
                if newest.is_none_or(|newest| packet.sequence > newest.sequence) {
                    newest = Some(packet);
                }
                let first = self.carried_before(index);
                for at in first..first + usize::from(packet.carried) {
                    acked(self.carried[at]);
                }
            }
        }
        let Some(newest) = newest else { return Ok(None) };
        self.in_flight -= landed;
        self.delivered += bytes;
        self.delivered_at = now;
        let starved = self.timeouts >= STARVED_TIMEOUTS;
        self.timeouts = 0;
        let round_trip = (newest.sequence == ack.largest && ack.largest > self.largest_acked).then(|| {
            let sample = now.since(newest.sent_at);
            self.round_trip.sample(sample, ack.delay);
            sample
        });
        self.largest_acked = self.largest_acked.max(ack.largest);
        self.flight_began_at = self.flight_began_at.max(newest.sent_at);
        self.drop_done();
        let rate = self.rate(now, &newest);
        Ok(Some(Progress { bytes, newest_sent_at: newest.sent_at, round_trip, rate, starved }))
    }

    /// Delivery rate over the flight of `packet`, as far as it can be told.
    fn rate(&self, now: Instant, packet: &SentPacket) -> Option<RateSample> {
        let send_elapsed = packet.sent_at.since(packet.flight_began_at);
        let ack_elapsed = now.since(packet.delivered_at);
        let elapsed = send_elapsed.max(ack_elapsed);
        // Shorter than any round trip: acknowledgments came bunched, and would show a rate that no path has.
        if elapsed.is_zero() || elapsed < self.round_trip.least {
            return None;
        }
        let bytes = self.delivered - packet.delivered;
        Some(RateSample {
            bytes_per_second: (u128::from(bytes) * 1_000_000_000 / elapsed.as_nanos()) as u64,
            application_limited: packet.application_limited,
            delivered_when_sent: packet.delivered,
            delivered: self.delivered,
        })
    }

    /// Things carried by the packets in front of the one at `index`.
    fn carried_before(&self, index: usize) -> usize {
        // From the nearer end: acknowledgments speak mostly of the oldest or the newest.
        if index < self.sent.len() / 2 {
            self.sent.range(..index).map(|packet| usize::from(packet.carried)).sum()
        } else {
            let behind: usize = self.sent.range(index..).map(|packet| usize::from(packet.carried)).sum();
            self.carried.len() - behind
        }
    }

    fn drop_done(&mut self) {
        while let Some(packet) = self.sent.front()
            && packet.state == State::Done
        {
            self.carried.drain(..usize::from(packet.carried));
            self.sent.pop_front();
        }
    }

    /// Gives up what was overtaken by far enough or for long enough; `lost` is told what it carried.
    pub(super) fn detect_losses(&mut self, now: Instant, lost: impl FnMut(Carried)) -> Losses {
        let loss_delay = self.round_trip.loss_delay();
        let mut next_at = Instant::NEVER;
        let largest = self.largest_acked;
        for packet in &mut self.sent {
            if packet.state == State::Doubtful && packet.sequence + REORDERING_PACKETS <= largest {
                packet.state = State::Done;
            }
        }
        let losses = self.give_up(lost, |packet| {
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

    /// Gives up everything: the path that it was sent over is gone.
    pub(super) fn abandon_all(&mut self, lost: impl FnMut(Carried)) {
        self.give_up(lost, |_| true);
        self.sent.clear();
        self.carried.clear();
        self.loss_at = Instant::NEVER;
    }

    fn give_up(&mut self, mut lost: impl FnMut(Carried), mut is_lost: impl FnMut(&SentPacket) -> bool) -> Losses {
        let mut losses = Losses { packets: 0, bytes: 0, newest_sent_at: Instant::ZERO };
        let mut at = 0;
        for packet in &mut self.sent {
            let first = at;
            at += usize::from(packet.carried);
            if packet.state != State::UnderWay || !is_lost(packet) {
                continue;
            }
            packet.state = State::Done;
            self.in_flight -= u64::from(packet.bytes);
            let carried = self.carried.range(first..at);
            let is_probe = carried.clone().any(|carried| matches!(carried, Carried::Probe(1..)));
            carried.for_each(|&carried| lost(carried));
            if is_probe {
                continue;
            }
            losses.packets += 1;
            losses.bytes += u64::from(packet.bytes);
            losses.newest_sent_at = losses.newest_sent_at.max(packet.sent_at);
        }
        self.drop_done();
        losses
    }

    /// When to look for losses or to probe.
    pub(super) fn deadline(&self) -> Instant {
        if self.loss_at != Instant::NEVER {
            return self.loss_at;
        }
        if self.in_flight == 0 { Instant::NEVER } else { self.last_sent_at + self.probe_timeout() }
    }

    /// Wait for an acknowledgment, doubled for each that did not come.
    pub(super) fn probe_timeout(&self) -> Duration {
        let base = self.round_trip.probe_timeout();
        (base * (1 << self.timeouts.min(10))).min(PROBE_TIMEOUT_MAX)
    }

    /// No acknowledgment came in time: what the oldest packet under way carried is to be sent again, and asks for an
    /// acknowledgment anew. Congestion it is not yet: only an acknowledgment tells what was lost.
    pub(super) fn probe(&mut self, now: Instant, mut lost: impl FnMut(Carried)) {
        self.timeouts = self.timeouts.saturating_add(1);
        self.last_sent_at = now;
        self.forget_doubtful();
        let mut first = 0;
        for packet in &mut self.sent {
            let carried = first..first + usize::from(packet.carried);
            first = carried.end;
            if packet.state == State::UnderWay {
                packet.state = State::Doubtful;
                self.in_flight -= u64::from(packet.bytes);
                return self.carried.range(carried).for_each(|&carried| lost(carried));
            }
        }
    }

    /// Forgets the oldest packets that are in doubt, where there are too many. A peer that never acknowledges anything must
    /// not make this grow.
    fn forget_doubtful(&mut self) {
        let doubtful = self.sent.iter().filter(|packet| packet.state == State::Doubtful).count();
        let too_many = doubtful.saturating_sub(DOUBTFUL_MAX);
        let oldest = self.sent.iter_mut().filter(|packet| packet.state == State::Doubtful);
        oldest.take(too_many).for_each(|packet| packet.state = State::Done);
        self.drop_done();
    }

    /// The path has changed: what was measured of the old one says nothing about it.
    pub(super) fn forget_path(&mut self) {
        self.round_trip = RoundTrip::new(self.round_trip.first_timeout);
        self.timeouts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ack;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    fn segment(number: u32) -> Carried {
        Carried::Segment(Channel::RELIABLE_ORDERED, Segment { number, first: 0, count: 1 })
    }

    #[test]
    fn a_peer_that_never_acknowledges_costs_no_more_and_more_memory() {
        let mut recovery = Recovery::new(at(0), RETRANSMISSION_TIMEOUT_FIRST);
        for sequence in 1..=100_000 {
            recovery.carry(segment(1));
            recovery.sent(at(2_000 * sequence), sequence, 100, 1);
            recovery.probe(at(2_000 * sequence + 1_000), |_| {});
        }
        assert!(recovery.sent.len() <= DOUBTFUL_MAX + 2, "{} packets", recovery.sent.len());
        assert_eq!(recovery.sent.len(), recovery.carried.len());
    }

    /// Sends datagrams 1 to `count`, one a millisecond.
    fn with_sent(count: u64) -> Recovery {
        let mut recovery = Recovery::new(at(0), RETRANSMISSION_TIMEOUT_FIRST);
        for sequence in 1..=count {
            recovery.carry(segment(sequence as u32));
            recovery.sent(at(sequence), sequence, 100, 1);
        }
        recovery
    }

    fn acknowledge(
        recovery: &mut Recovery,
        now: Instant,
        largest: u64,
        runs: &[u64],
    ) -> Result<Vec<Carried>, ImpossibleAck> {
        let mut body = [0; Ack::BYTES_MAX];
        let used = ack::encode(largest, Duration::ZERO, runs.iter().copied(), &mut body);
        let mut acked = Vec::new();
        recovery.acknowledge(now, &Ack::decode(&body[..used]).unwrap(), 1000, |carried| acked.push(carried))?;
        Ok(acked)
    }

    fn losses(recovery: &mut Recovery, now: Instant) -> Vec<Carried> {
        let mut lost = Vec::new();
        recovery.detect_losses(now, |carried| lost.push(carried));
        lost
    }

    #[test]
    fn three_overtaking_packets_make_a_loss_and_so_does_time() {
        let mut recovery = with_sent(10);
        assert_eq!(acknowledge(&mut recovery, at(30), 7, &[1, 1, 1]), Ok(vec![segment(6), segment(7), segment(4)]));
        // 1 to 3 are overtaken by three; 5 is not, and waits for its time.
        assert_eq!(losses(&mut recovery, at(30)), [segment(1), segment(2), segment(3)]);
        let due = recovery.deadline();
        assert!(due > at(30) && due < at(60));
        assert_eq!(losses(&mut recovery, due), [segment(5)]);
        assert_eq!(recovery.in_flight(), 300);
        assert_eq!(recovery.round_trip.smoothed(), Some(Duration::from_millis(23)));
    }

    #[test]
    fn an_acknowledgment_twice_counts_once() {
        let mut recovery = with_sent(4);
        assert_eq!(acknowledge(&mut recovery, at(9), 3, &[2]).unwrap().len(), 3);
        assert_eq!(acknowledge(&mut recovery, at(9), 3, &[2]).unwrap(), []);
        assert_eq!((recovery.in_flight(), recovery.carried.len()), (100, 1));
    }

    #[test]
    fn who_acknowledges_what_was_not_sent_is_found_out() {
        let mut recovery = with_sent(10);
        assert_eq!(acknowledge(&mut recovery, at(20), 1000, &[]), Err(ImpossibleAck));
        recovery.skipped(12);
        assert!(acknowledge(&mut recovery, at(20), 11, &[1]).is_ok());
        assert_eq!(acknowledge(&mut recovery, at(20), 15, &[4]), Err(ImpossibleAck));
    }

    #[test]
    fn probes_double_their_wait_up_to_a_bound() {
        let mut recovery = with_sent(10);
        assert_eq!(recovery.deadline(), at(10) + RETRANSMISSION_TIMEOUT_FIRST);
        let mut waits = Vec::new();
        for _ in 0..6 {
            waits.push(recovery.probe_timeout().as_millis());
            let due = recovery.deadline();
            let mut lost = 0;
            recovery.probe(due, |_| lost += 1);
            assert_eq!(lost, 1);
        }
        assert_eq!(waits, [250, 500, 1000, 2000, 2000, 2000]);
    }

    #[test]
    fn rate_is_what_arrived_over_the_time_it_took() {
        let mut recovery = Recovery::new(at(0), RETRANSMISSION_TIMEOUT_FIRST);
        // 100 bytes a millisecond, 20 ms there and back.
        for sequence in 1..=100 {
            recovery.carry(segment(sequence as u32));
            recovery.sent(at(sequence), sequence, 100, 1);
            if sequence > 20 {
                let acked = sequence - 20;
                let mut body = [0; Ack::BYTES_MAX];
                let used = ack::encode(acked, Duration::ZERO, [acked - 1].into_iter(), &mut body);
                let ack = Ack::decode(&body[..used]).unwrap();
                let progress = recovery.acknowledge(at(sequence), &ack, 1000, |_| {}).unwrap().unwrap();
                if acked > 40 {
                    let rate = progress.rate.unwrap();
                    assert!(rate.bytes_per_second.abs_diff(100_000) <= 6_000, "{rate:?}");
                }
            }
        }
    }

    #[test]
    fn an_acknowledgment_that_comes_after_the_probe_counts() {
        let mut recovery = with_sent(1);
        let mut again = Vec::new();
        recovery.probe(at(2000), |carried| again.push(carried));
        assert_eq!((again, recovery.in_flight()), (vec![segment(1)], 0));
        recovery.carry(segment(1));
        recovery.sent(at(2000), 2, 100, 1);
        assert_eq!(acknowledge(&mut recovery, at(3001), 1, &[]), Ok(vec![segment(1)]));
        assert_eq!((recovery.round_trip.smoothed(), recovery.in_flight()), (Some(Duration::from_secs(3)), 100));
        assert!(recovery.probe_timeout() <= PROBE_TIMEOUT_MAX);
    }

    #[test]
    fn what_joins_a_datagram_that_was_doubted_before_it_left_is_not_forgotten() {
        let mut recovery = with_sent(1);
        recovery.probe(at(300), |_| {});
        recovery.carry(segment(2));
        recovery.sent(at(301), 1, 400, 1);
        assert_eq!(recovery.in_flight(), 400);
        let mut again = Vec::new();
        recovery.probe(at(2000), |carried| again.push(carried));
        assert_eq!((again, recovery.in_flight()), (vec![segment(1), segment(2)], 0));
    }
}
