//! A client that sends at a steady rate on an ordered and an unordered reliable channel, and checks every echo.

use super::message::{MessageHeader, MessageSource};
use crate::delivery_check::{DeliveryCheck, Faults};
use crate::load::fleet::Workload;
use hdrhistogram::Histogram;
use ringshard_protocol::client::{Client, ClientEvent};
use ringshard_protocol::limits::MESSAGE_COST_BYTES;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Channel;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// How often a client that cannot send, or has not begun, tries again.
const TRY_AGAIN: Duration = Duration::from_millis(10);
/// Longest round trip that the histogram distinguishes.
const ROUND_TRIP_MAX: Duration = Duration::from_secs(600);

/// What the clients and the main thread share.
pub struct Shared {
    /// What to do: [`WAIT`], [`SEND`] or [`DRAIN`].
    pub phase: AtomicU8,
    pub clients: usize,
    /// Time between two messages of a client.
    pub period: Duration,
    pub messages: MessageSource,
    pub sent: AtomicU64,
    pub echoed: AtomicU64,
    /// Draining clients that have all their echoes.
    pub complete: AtomicU64,
    /// Connections made again, and those of them whose session was lost.
    pub reconnected: AtomicU64,
    pub sessions_lost: AtomicU64,
    /// Intended send time to handled echo, in nanoseconds.
    pub round_trips: Mutex<Histogram<u64>>,
}

/// Do not send yet.
const WAIT: u8 = 0;
/// Send one message per period.
pub const SEND: u8 = 1;
/// Send nothing new; wait for the echoes.
pub const DRAIN: u8 = 2;

impl Shared {
    pub fn new(clients: usize, period: Duration) -> Self {
        let longest = ROUND_TRIP_MAX.as_nanos() as u64;
        Shared {
            phase: AtomicU8::new(WAIT),
            clients,
            period,
            messages: MessageSource::new(),
            sent: AtomicU64::new(0),
            echoed: AtomicU64::new(0),
            complete: AtomicU64::new(0),
            reconnected: AtomicU64::new(0),
            sessions_lost: AtomicU64::new(0),
            round_trips: Mutex::new(Histogram::new_with_bounds(1_000, longest, 3).expect("the bounds are valid")),
        }
    }
}

/// One channel of a client.
struct Stream {
    channel: Channel,
    /// Number of the next message.
    next: u32,
    delivery: DeliveryCheck,
    /// Intended send times, from the first message without an echo on.
    intended: VecDeque<Instant>,
}

impl Stream {
    fn new(channel: Channel) -> Self {
        Stream { channel, next: 0, delivery: DeliveryCheck::new(channel.delivery()), intended: VecDeque::new() }
    }

    /// When message `number` was due, if its echo is missing.
    fn owed(&self, number: u32) -> Option<Instant> {
        let index = u64::from(number).checked_sub(self.delivery.next())?;
        self.intended.get(index as usize).copied()
    }

    /// Records a correct echo.
    fn enter(&mut self, number: u32) {
        let before = self.delivery.next();
        self.delivery.record(number.into());
        self.intended.drain(..(self.delivery.next() - before) as usize);
    }
}

pub struct SoakClient {
    number: u32,
    shared: Arc<Shared>,
    streams: [Stream; 2],
    /// When it next sends or checks the phase.
    next_at: Instant,
    /// It could not send and tries again then.
    blocked_until: Option<Instant>,
    has_begun: bool,
    ends_at: Option<Instant>,
    is_complete: bool,
    has_connected: bool,
    /// Intended send times of the echoes of this round.
    answers: Vec<Instant>,
    message: Vec<u8>,
}

impl SoakClient {
    pub fn new(number: u32, shared: Arc<Shared>) -> Self {
        SoakClient {
            number,
            shared,
            streams: [Channel::RELIABLE_ORDERED, Channel::RELIABLE_UNORDERED].map(Stream::new),
            next_at: Instant::ZERO,
            blocked_until: None,
            has_begun: false,
            ends_at: None,
            is_complete: false,
            has_connected: false,
            answers: Vec::new(),
            message: Vec::new(),
        }
    }

    /// All faults, once the run is over.
    pub fn faults(&self) -> Faults {
        let mut faults = Faults::default();
        for stream in &self.streams {
            faults.add(&stream.delivery.faults);
            faults.lost += stream.delivery.missing(stream.next.into());
        }
        faults
    }

    /// Records the round trips of the echoes of this round, which have now been handled.
    fn record_round_trips(&mut self, now: Instant) {
        if self.answers.is_empty() {
            return;
        }
        self.shared.echoed.fetch_add(self.answers.len() as u64, Ordering::Relaxed);
        let mut round_trips = self.shared.round_trips.lock().expect("no thread panics while it holds the lock");
        for intended in self.answers.drain(..) {
            round_trips.saturating_record(now.since(intended).as_nanos() as u64);
        }
    }

    fn follow_phase(&mut self, now: Instant) {
        match self.shared.phase.load(Ordering::Relaxed) {
            SEND if !self.has_begun => {
                self.has_begun = true;
                // Clients are spread evenly over the period.
                self.next_at = now + self.shared.period * self.number / self.shared.clients as u32;
            }
            DRAIN => {
                self.ends_at.get_or_insert(now);
            }
            _ => {}
        }
    }

    /// Sends everything that is due, as far as the connection accepts it.
    fn send_due(&mut self, now: Instant, client: &mut Client) {
        let until = self.ends_at.map_or(now, |end| end.min(now));
        self.blocked_until = None;
        while self.has_begun && self.next_at <= until {
            if !self.send_next(now, client) {
                self.blocked_until = Some(now + TRY_AGAIN);
                return;
            }
            self.next_at = self.next_at + self.shared.period;
        }
        if self.ends_at.is_some() {
            self.next_at = Instant::NEVER;
        }
    }

    /// Sends a message on the channel that has sent fewer. Returns false if the connection does not accept it now.
    fn send_next(&mut self, now: Instant, client: &mut Client) -> bool {
        let SoakClient { number, shared, streams, next_at, message, .. } = self;
        let stream = if streams[1].next < streams[0].next { &mut streams[1] } else { &mut streams[0] };
        let header = MessageHeader { intended: *next_at, number: stream.next, client: *number };
        shared.messages.write(header, stream.channel, message);
        let fits = client.send_room() >= message.len() + MESSAGE_COST_BYTES;
        if !fits || client.send(now, stream.channel, message).is_err() {
            return false;
        }
        stream.next += 1;
        stream.intended.push_back(header.intended);
        shared.sent.fetch_add(1, Ordering::Relaxed);
        true
    }
}

impl Workload for SoakClient {
    fn on_message(&mut self, channel: Channel, message: &[u8]) {
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.channel == channel) else {
            self.streams[0].delivery.faults.altered += 1;
            return;
        };
        let Some(header) = MessageHeader::read(message) else {
            stream.delivery.faults.altered += 1;
            return;
        };
        let Some(intended) = stream.owed(header.number) else {
            stream.delivery.faults.repeated += 1;
            return;
        };
        let as_sent = MessageHeader { intended, client: self.number, ..header };
        self.shared.messages.write(as_sent, channel, &mut self.message);
        if self.message != message {
            stream.delivery.faults.altered += 1;
            return;
        }
        stream.enter(header.number);
        self.answers.push(intended);
    }

    fn advance(&mut self, now: Instant, client: &mut Client) {
        self.record_round_trips(now);
        self.follow_phase(now);
        self.send_due(now, client);
        if !self.has_begun && self.ends_at.is_none() {
            self.next_at = now + TRY_AGAIN;
        }
        let is_over = self.ends_at.is_some() && self.blocked_until.is_none();
        if is_over && !self.is_complete && self.streams.iter().all(|stream| stream.intended.is_empty()) {
            self.is_complete = true;
            self.shared.complete.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn deadline(&self) -> Instant {
        self.blocked_until.unwrap_or(self.next_at)
    }

    fn on_event(&mut self, event: ClientEvent) {
        if let ClientEvent::Connected { resumed, .. } = event {
            if self.has_connected {
                self.shared.reconnected.fetch_add(1, Ordering::Relaxed);
                self.shared.sessions_lost.fetch_add(u64::from(!resumed), Ordering::Relaxed);
            }
            self.has_connected = true;
        }
    }
}
