//! A simulated bottleneck, packet by packet, for the controllers' tests.
//!
//! All flows share one queue of a fixed rate and length, with a fixed delay behind it and seeded loss before it. Packets
//! are acknowledged one by one, or many together as in [`super::super::ack_timing`]. The senders detect losses, probe and
//! declare persistent congestion after RFC 9002, and pace with a token bucket. All packets have the usual size, but leave
//! only when the window has room for the largest: as in the transport, the window is hardly ever full to the byte.

use super::controller::{Acked, Controller, Lost, RateSample};
use crate::limits::{ACK_DELAY_MAX, DATAGRAM_BYTES_BASE, DATAGRAM_BYTES_MAX};
use crate::time::{Duration, Instant};
use core::cmp::Reverse;
use core::ops::Range;
use std::collections::{BinaryHeap, VecDeque};

/// Bytes of every packet.
const PACKET_BYTES: u64 = DATAGRAM_BYTES_BASE as u64;
/// What the window must have room for when a packet is to leave.
const ROOM_BYTES: u64 = DATAGRAM_BYTES_MAX as u64;
/// How long a packet waits to be acknowledged together with others.
const ACK_DELAY: Duration = Duration::from_nanos(ACK_DELAY_MAX.as_nanos() as u64 / 4);
/// Packets acknowledged behind a gap before the gap counts as lost (RFC 9002, section 6.1.1).
const PACKET_THRESHOLD: u64 = 3;
/// Probe timeouts that a silence lasts before it is persistent congestion (RFC 9002, section 7.6.1).
const PERSISTENT_PROBE_TIMEOUTS: u32 = 3;
/// RTT assumed before the first sample (RFC 9002, section 6.2.2).
const RTT_INITIAL: Duration = Duration::from_millis(333);
/// Least allowance for jitter in a probe timeout (RFC 9002, section 6.1.2).
const GRANULARITY: Duration = Duration::from_millis(1);
/// Depth of the pacing token bucket, as time.
const BURST: Duration = Duration::from_millis(1);
/// Length of the slices in which a [`Report`] counts.
const SLICE: Duration = Duration::from_millis(100);

/// The path between the senders and the receiver.
pub struct Path {
    pub bytes_per_second: u64,
    pub round_trip: Duration,
    pub queue_bytes: u64,
    /// Packets lost at random, in a thousand.
    pub loss_per_mille: u64,
    /// When nothing comes through.
    pub blackout: Range<Duration>,
    /// Acknowledgments return only at multiples of this. Zero: at any time.
    pub acked_every: Duration,
    /// Packets acknowledged together, unless one is missing or they come too slowly.
    pub acked_together: usize,
}

impl Path {
    /// A clean path whose queue holds as much as the path itself.
    pub fn new(megabits_per_second: u64, round_trip: Duration) -> Self {
        let bytes_per_second = megabits_per_second * 125_000;
        let queue_bytes = (bytes_per_second as f64 * round_trip.as_secs_f64()) as u64;
        Path {
            bytes_per_second,
            round_trip,
            queue_bytes,
            loss_per_mille: 0,
            blackout: Duration::ZERO..Duration::ZERO,
            acked_every: Duration::ZERO,
            acked_together: 1,
        }
    }

    /// Runs `flows` for `seconds`.
    pub fn run(&self, seconds: u64, flows: Vec<Flow>) -> Report {
        let length = Duration::from_secs(seconds);
        let slices = (length.as_nanos() / SLICE.as_nanos()) as usize;
        let mut events = Events::default();
        for (index, flow) in flows.iter().enumerate() {
            events.push(Instant::ZERO + flow.start, index, Event::Wake);
        }
        let mut queue = Queue { path: self, free_at: Instant::ZERO, random: 1, slices: vec![Slice::default(); slices] };
        let mut senders: Vec<Sender> = flows.into_iter().map(|flow| Sender::new(flow, slices)).collect();
        while let Some((now, index, event)) = events.pop(Instant::ZERO + length) {
            let sender = &mut senders[index];
            match event {
                Event::Acked(number) => sender.on_arrived(now, number, self.acked_together),
                Event::Wake => sender.on_wake(now),
            }
            while sender.may_send(now) {
                let number = sender.send(now);
                if let Some(back_at) = queue.carry(now) {
                    events.push(back_at, index, Event::Acked(number));
                }
            }
            if let Some(at) = sender.next_wake(now) {
                events.push(at, index, Event::Wake);
            }
        }
        Report::new(self, queue.slices, senders)
    }
}

/// One sender.
pub struct Flow {
    pub start: Duration,
    pub controller: Box<dyn Controller>,
    /// From the given time on the application offers this many bytes per second. Before it, and without it, there is always
    /// more to send.
    pub demand: Option<(Duration, u64)>,
}

impl Flow {
    /// A flow that always has more to send.
    pub fn greedy(start_ms: u64, controller: impl Controller + 'static) -> Self {
        Flow { start: Duration::from_millis(start_ms), controller: Box::new(controller), demand: None }
    }
}

/// The result of a run.
pub struct Report {
    bytes_per_second: u64,
    /// Bytes delivered: by flow, by slice.
    delivered: Vec<Vec<u64>>,
    queue: Vec<Slice>,
    /// The smallest window of any controller at any time.
    pub window_least: u64,
    /// The controllers at the end.
    pub controllers: Vec<Box<dyn Controller>>,
}

/// What happened at the queue in one [`SLICE`].
#[derive(Clone, Copy, Default)]
struct Slice {
    taken: u64,
    dropped: u64,
    /// The sum of the waits of what was taken, in seconds.
    waited: f64,
}

impl Report {
    fn new(path: &Path, queue: Vec<Slice>, mut senders: Vec<Sender>) -> Self {
        Report {
            bytes_per_second: path.bytes_per_second,
            delivered: senders.iter_mut().map(|sender| core::mem::take(&mut sender.delivered_in)).collect(),
            queue,
            window_least: senders.iter().map(|sender| sender.window_least).min().unwrap(),
            controllers: senders.into_iter().map(|sender| sender.controller).collect(),
        }
    }

    /// Share of the link that all flows together used, from second `from` to second `to`.
    pub fn filled(&self, seconds: Range<f64>) -> f64 {
        let length = seconds.end - seconds.start;
        let bytes: u64 = (0..self.delivered.len()).map(|flow| self.bytes(flow, &seconds)).sum();
        bytes as f64 / (self.bytes_per_second as f64 * length)
    }

    /// Jain's fairness index of each second, averaged: 1 when all flows get the same, 1/n when one gets it all.
    pub fn fairness(&self, seconds: Range<u64>) -> f64 {
        let count = seconds.end - seconds.start;
        seconds.map(|second| self.fairness_at(second as f64)).sum::<f64>() / count as f64
    }

    fn fairness_at(&self, second: f64) -> f64 {
        let flows = self.delivered.len();
        let shares: Vec<f64> = (0..flows).map(|flow| self.bytes(flow, &(second..second + 1.0)) as f64).collect();
        let squares: f64 = shares.iter().map(|share| share * share).sum();
        shares.iter().sum::<f64>().powi(2) / (flows as f64 * squares)
    }

    /// Milliseconds that a packet waited in the queue, on average.
    pub fn queue_delay_ms(&self, seconds: Range<f64>) -> f64 {
        let (taken, waited) = self.queue[slices(&seconds)]
            .iter()
            .fold((0, 0.0), |(taken, waited), slice| (taken + slice.taken, waited + slice.waited));
        waited / taken as f64 * 1e3
    }

    /// Share of the packets that found the queue full.
    pub fn dropped(&self, seconds: Range<f64>) -> f64 {
        let (taken, dropped) = self.queue[slices(&seconds)]
            .iter()
            .fold((0, 0), |(taken, dropped), slice| (taken + slice.taken, dropped + slice.dropped));
        dropped as f64 / (taken + dropped) as f64
    }

    /// The second in which something was delivered again, `after` or later.
    pub fn resumes(&self, after: f64) -> f64 {
        let first = (after / SLICE.as_secs_f64()) as usize;
        let slice = (first..).find(|slice| self.delivered.iter().any(|flow| flow[*slice] > 0)).unwrap();
        slice as f64 * SLICE.as_secs_f64()
    }

    fn bytes(&self, flow: usize, seconds: &Range<f64>) -> u64 {
        self.delivered[flow][slices(seconds)].iter().sum()
    }
}

fn slices(seconds: &Range<f64>) -> Range<usize> {
    let slice = |second: f64| (second / SLICE.as_secs_f64()).round() as usize;
    slice(seconds.start)..slice(seconds.end)
}

fn slice_of(now: Instant) -> usize {
    (u128::from(now.as_nanos()) / SLICE.as_nanos()) as usize
}

/// An event at a sender.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Acked(u64),
    Wake,
}

/// Planned events by time. Those at the same time stay in the order in which they were planned.
#[derive(Default)]
struct Events {
    heap: BinaryHeap<Reverse<(Instant, u64, usize, Event)>>,
    planned: u64,
}

impl Events {
    fn push(&mut self, at: Instant, flow: usize, event: Event) {
        self.planned += 1;
        self.heap.push(Reverse((at, self.planned, flow, event)));
    }

    fn pop(&mut self, end: Instant) -> Option<(Instant, usize, Event)> {
        let Reverse((at, _, flow, event)) = self.heap.pop()?;
        (at < end).then_some((at, flow, event))
    }
}

/// The queue of the bottleneck: first in, first out. What does not fit is dropped.
struct Queue<'a> {
    path: &'a Path,
    free_at: Instant,
    random: u64,
    slices: Vec<Slice>,
}

impl Queue<'_> {
    /// Carries a packet. Returns when its acknowledgment is back, if it gets through.
    fn carry(&mut self, now: Instant) -> Option<Instant> {
        if self.path.blackout.contains(&now.since(Instant::ZERO)) || self.is_unlucky() {
            return None;
        }
        let wait = self.free_at.since(now);
        let waiting_bytes = (wait.as_secs_f64() * self.path.bytes_per_second as f64) as u64;
        let slice = &mut self.slices[slice_of(now)];
        if waiting_bytes + PACKET_BYTES > self.path.queue_bytes {
            slice.dropped += 1;
            return None;
        }
        slice.taken += 1;
        slice.waited += wait.as_secs_f64();
        self.free_at = self.free_at.max(now) + time_for(PACKET_BYTES, self.path.bytes_per_second);
        Some(self.acknowledged_at(self.free_at + self.path.round_trip))
    }

    fn acknowledged_at(&self, at: Instant) -> Instant {
        let nanos = (self.path.acked_every.as_nanos() as u64).max(1);
        Instant::from_nanos(at.as_nanos().div_ceil(nanos) * nanos)
    }

    fn is_unlucky(&mut self) -> bool {
        // Knuth's MMIX generator; its upper bits are the random ones.
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % 1000 < self.path.loss_per_mille
    }
}

fn time_for(bytes: u64, bytes_per_second: u64) -> Duration {
    Duration::from_nanos(bytes * 1_000_000_000 / bytes_per_second.max(1))
}

/// A packet in flight, with what the delivery rate needs (draft-cheng-iccrg-delivery-rate-estimation, section 3.1.2).
struct Packet {
    number: u64,
    sent_at: Instant,
    delivered: u64,
    delivered_at: Instant,
    first_sent_at: Instant,
    application_limited: bool,
}

struct Sender {
    controller: Box<dyn Controller>,
    demand: Option<(Duration, u64)>,
    /// In flight, by number.
    packets: VecDeque<Packet>,
    next_number: u64,
    /// Numbers that arrived and wait for an acknowledgment, since when, and the next number. The receiver's part is simulated
    /// here.
    arrived: Vec<u64>,
    arrived_since: Instant,
    expected_number: u64,
    delivered: u64,
    delivered_at: Instant,
    first_sent_at: Instant,
    /// Rates are application-limited until this much is delivered.
    limited_until: u64,
    /// Latest, smoothed, variation, minimum.
    rtt_samples: Option<(Duration, Duration, Duration, Duration)>,
    last_sent_at: Instant,
    timeouts: u32,
    probe: bool,
    paced_until: Instant,
    data_at: Instant,
    wake_at: Option<Instant>,
    delivered_in: Vec<u64>,
    window_least: u64,
}

impl Sender {
    fn new(flow: Flow, slices: usize) -> Self {
        let start = Instant::ZERO + flow.start;
        Sender {
            window_least: flow.controller.window(),
            controller: flow.controller,
            demand: flow.demand,
            packets: VecDeque::new(),
            next_number: 0,
            arrived: Vec::new(),
            arrived_since: start,
            expected_number: 0,
            delivered: 0,
            delivered_at: start,
            first_sent_at: start,
            limited_until: 0,
            rtt_samples: None,
            last_sent_at: start,
            timeouts: 0,
            probe: false,
            paced_until: start,
            data_at: start,
            wake_at: Some(start),
            delivered_in: vec![0; slices],
        }
    }

    fn in_flight(&self) -> u64 {
        self.packets.len() as u64 * PACKET_BYTES
    }

    fn has_room(&self) -> bool {
        self.in_flight() + ROOM_BYTES <= self.controller.window()
    }

    /// Whether a packet may leave now. Notes when only the application holds it back.
    fn may_send(&mut self, now: Instant) -> bool {
        if self.probe {
            return true;
        }
        if !self.has_room() || self.paced_until > now {
            return false;
        }
        if self.data_at > now {
            self.limited_until = (self.delivered + self.in_flight()).max(1);
            return false;
        }
        true
    }

    fn send(&mut self, now: Instant) -> u64 {
        if self.packets.is_empty() {
            (self.first_sent_at, self.delivered_at) = (now, now);
        }
        self.packets.push_back(Packet {
            number: self.next_number,
            sent_at: now,
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent_at: self.first_sent_at,
            application_limited: self.limited_until > 0,
        });
        self.controller.on_sent(now, PACKET_BYTES, self.in_flight());
        self.pace(now);
        self.probe = false;
        self.last_sent_at = now;
        self.next_number += 1;
        self.next_number - 1
    }

    fn pace(&mut self, now: Instant) {
        let window_a_round = |round_trip: Duration| (self.controller.window() as f64 / round_trip.as_secs_f64()) as u64;
        let smoothed = self.rtt_samples.map(|(_, smoothed, _, _)| smoothed);
        let rate = self.controller.pacing_rate().or(smoothed.map(window_a_round)).unwrap_or(u64::MAX);
        let saved_from = Instant::from_nanos(now.as_nanos().saturating_sub(BURST.as_nanos() as u64));
        self.paced_until = self.paced_until.max(saved_from) + time_for(PACKET_BYTES, rate);
        self.data_at = match self.demand {
            Some((from, rate)) if now >= Instant::ZERO + from => self.data_at.max(now) + time_for(PACKET_BYTES, rate),
            _ => now,
        };
    }

    fn on_wake(&mut self, now: Instant) {
        if self.wake_at.take_if(|at| *at <= now).is_none() {
            return;
        }
        if self.acknowledges_at().is_some_and(|at| at <= now) {
            self.on_acked(now);
        }
        if self.probe_at().is_some_and(|at| at <= now) {
            self.timeouts += 1;
            self.probe = true;
        }
    }

    /// When the sender must be woken next, unless that is planned already.
    fn next_wake(&mut self, now: Instant) -> Option<Instant> {
        let send_at = self.has_room().then(|| self.paced_until.max(self.data_at));
        let at = send_at.into_iter().chain(self.probe_at()).chain(self.acknowledges_at()).min()?.max(now);
        if self.wake_at.is_some_and(|planned| planned <= at) {
            return None;
        }
        self.wake_at = Some(at);
        Some(at)
    }

    fn probe_at(&self) -> Option<Instant> {
        (!self.packets.is_empty()).then(|| self.last_sent_at + self.probe_timeout() * (1 << self.timeouts.min(16)))
    }

    fn probe_timeout(&self) -> Duration {
        let (_, smoothed, variation, _) =
            self.rtt_samples.unwrap_or((Duration::ZERO, RTT_INITIAL, RTT_INITIAL / 2, Duration::ZERO));
        smoothed + (variation * 4).max(GRANULARITY)
    }

    fn on_arrived(&mut self, now: Instant, number: u64, acked_together: usize) {
        if self.arrived.is_empty() {
            self.arrived_since = now;
        }
        self.arrived.push(number);
        let follows = number == self.expected_number;
        self.expected_number = number + 1;
        if !follows || self.arrived.len() >= acked_together {
            self.on_acked(now);
        }
    }

    /// When the waiting numbers are acknowledged at the latest.
    fn acknowledges_at(&self) -> Option<Instant> {
        (!self.arrived.is_empty()).then(|| self.arrived_since + ACK_DELAY)
    }

    fn on_acked(&mut self, now: Instant) {
        let mut newest = None;
        let mut bytes = 0;
        for number in core::mem::take(&mut self.arrived) {
            if let Ok(index) = self.packets.binary_search_by_key(&number, |packet| packet.number) {
                newest = self.packets.remove(index);
                bytes += PACKET_BYTES;
            }
        }
        let Some(newest) = newest else { return };
        self.timeouts = 0;
        self.note_rtt(now.since(newest.sent_at));
        self.note_delivered(now, bytes);
        let rate = self.rate(now, &newest);
        // Losses first: RFC 9002, appendix A.7.
        self.detect_lost(now, newest.number);
        self.tell_acked(now, &newest, bytes, rate);
    }

    fn tell_acked(&mut self, now: Instant, packet: &Packet, bytes: u64, rate: Option<RateSample>) {
        let (latest, smoothed, _, _) = self.rtt_samples.unwrap();
        self.controller.on_acked(&Acked {
            now,
            bytes,
            newest_sent_at: packet.sent_at,
            in_flight: self.in_flight(),
            rtt: Some(latest),
            rtt_smoothed: smoothed,
            rate,
        });
        self.window_least = self.window_least.min(self.controller.window());
    }

    /// RFC 9002, section 5.3.
    fn note_rtt(&mut self, latest: Duration) {
        self.rtt_samples = Some(match self.rtt_samples {
            None => (latest, latest, latest / 2, latest),
            Some((_, smoothed, variation, least)) => {
                let variation = (variation * 3 + smoothed.abs_diff(latest)) / 4;
                (latest, (smoothed * 7 + latest) / 8, variation, least.min(latest))
            }
        });
    }

    fn note_delivered(&mut self, now: Instant, bytes: u64) {
        self.delivered += bytes;
        self.delivered_at = now;
        self.delivered_in[slice_of(now)] += bytes;
        if self.delivered > self.limited_until {
            self.limited_until = 0;
        }
    }

    /// draft-cheng-iccrg-delivery-rate-estimation, section 3.3.
    fn rate(&mut self, now: Instant, packet: &Packet) -> Option<RateSample> {
        self.first_sent_at = packet.sent_at;
        let sending = packet.sent_at.since(packet.first_sent_at);
        let interval = sending.max(now.since(packet.delivered_at));
        let least = self.rtt_samples?.3;
        (interval >= least).then(|| RateSample {
            bytes_per_second: ((self.delivered - packet.delivered) as f64 / interval.as_secs_f64()) as u64,
            application_limited: packet.application_limited,
            delivered_when_sent: packet.delivered,
            delivered: self.delivered,
        })
    }

    fn detect_lost(&mut self, now: Instant, acked: u64) {
        let Some((latest, smoothed, _, _)) = self.rtt_samples else { return };
        let loss_delay = latest.max(smoothed) * 9 / 8;
        let is_lost = |packet: &Packet| {
            packet.number + PACKET_THRESHOLD <= acked || (packet.number < acked && packet.sent_at + loss_delay <= now)
        };
        let count = self.packets.iter().take_while(|packet| is_lost(packet)).count();
        if count == 0 {
            return;
        }
        let (oldest, newest) = (&self.packets[0], &self.packets[count - 1]);
        let unbroken = newest.number - oldest.number + 1 == count as u64;
        let silence = newest.sent_at.since(oldest.sent_at);
        let newest_sent_at = newest.sent_at;
        let persistent = unbroken && silence > self.probe_timeout() * PERSISTENT_PROBE_TIMEOUTS;
        self.packets.drain(..count);
        let bytes = count as u64 * PACKET_BYTES;
        self.controller.on_lost(&Lost { now, bytes, newest_sent_at, in_flight: self.in_flight(), persistent });
        self.window_least = self.window_least.min(self.controller.window());
    }
}
