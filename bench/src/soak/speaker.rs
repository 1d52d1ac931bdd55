//! A client that speaks at a steady rate on an ordered and an unordered reliable channel, and checks every echo.

use super::speech::{Head, Script};
use crate::delivery_check::{Faults, Ledger};
use crate::load::fleet::Talk;
use hdrhistogram::Histogram;
use ringshard_protocol::client::{Client, ClientEvent};
use ringshard_protocol::limits::MESSAGE_COST_BYTES;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Channel;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// How often one that cannot speak tries again, and looks whether it is to begin.
const TRY_AGAIN: Duration = Duration::from_millis(10);
/// Longest round trip that is told apart.
const ROUND_TRIP_MAX: Duration = Duration::from_secs(600);

/// What all speakers share among themselves and with the main thread.
pub struct Chorus {
    /// What to do: [`WAIT`], [`SPEAK`], [`DRAIN`].
    pub order: AtomicU8,
    pub clients: usize,
    /// Time between two messages of a client.
    pub period: Duration,
    pub script: Script,
    pub said: AtomicU64,
    pub answered: AtomicU64,
    /// Speakers that were told to drain, and have all their answers.
    pub complete: AtomicU64,
    /// Connections that were lost and made again; those of them whose session was lost.
    pub reconnected: AtomicU64,
    pub sessions_lost: AtomicU64,
    /// Intended send to echo handled, in nanoseconds.
    pub round_trips: Mutex<Histogram<u64>>,
}

/// Say nothing yet.
const WAIT: u8 = 0;
/// Say something each period.
pub const SPEAK: u8 = 1;
/// Say nothing new, and wait for the answers.
pub const DRAIN: u8 = 2;

impl Chorus {
    pub fn new(clients: usize, period: Duration) -> Self {
        let longest = ROUND_TRIP_MAX.as_nanos() as u64;
        Chorus {
            order: AtomicU8::new(WAIT),
            clients,
            period,
            script: Script::new(),
            said: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            complete: AtomicU64::new(0),
            reconnected: AtomicU64::new(0),
            sessions_lost: AtomicU64::new(0),
            round_trips: Mutex::new(Histogram::new_with_bounds(1_000, longest, 3).expect("the bounds are in range")),
        }
    }
}

/// One channel of a speaker.
struct Lane {
    channel: Channel,
    /// Number of the next message.
    next: u32,
    ledger: Ledger,
    /// Intended times of the messages from the first that has not come back on.
    intended: VecDeque<Instant>,
}

impl Lane {
    fn new(channel: Channel) -> Self {
        Lane { channel, next: 0, ledger: Ledger::new(channel.delivery()), intended: VecDeque::new() }
    }

    /// When message `number` was to be sent, if its echo is still owed.
    fn owed(&self, number: u32) -> Option<Instant> {
        let index = u64::from(number).checked_sub(self.ledger.next())?;
        self.intended.get(index as usize).copied()
    }

    /// Takes down an echo that is as it was sent. Those that came before are forgotten.
    fn enter(&mut self, number: u32) {
        let before = self.ledger.next();
        self.ledger.enter(number.into());
        self.intended.drain(..(self.ledger.next() - before) as usize);
    }
}

pub struct Speaker {
    number: u32,
    chorus: Arc<Chorus>,
    lanes: [Lane; 2],
    /// When it is to speak next, or to look again.
    next_at: Instant,
    /// It was to speak and could not: it tries again then.
    blocked_until: Option<Instant>,
    has_begun: bool,
    ends_at: Option<Instant>,
    is_complete: bool,
    has_connected: bool,
    /// Intended times of echoes that came in this turn.
    answers: Vec<Instant>,
    message: Vec<u8>,
}

impl Speaker {
    pub fn new(number: u32, chorus: Arc<Chorus>) -> Self {
        Speaker {
            number,
            chorus,
            lanes: [Channel::RELIABLE_ORDERED, Channel::RELIABLE_UNORDERED].map(Lane::new),
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

    /// What went wrong, when all is over.
    pub fn faults(&self) -> Faults {
        let mut faults = Faults::default();
        for lane in &self.lanes {
            faults.add(&lane.ledger.faults);
            faults.lost += lane.ledger.missing(lane.next.into());
        }
        faults
    }

    /// Measures the answers of this turn, which have been handled now.
    fn settle(&mut self, now: Instant) {
        if self.answers.is_empty() {
            return;
        }
        self.chorus.answered.fetch_add(self.answers.len() as u64, Ordering::Relaxed);
        let mut round_trips = self.chorus.round_trips.lock().expect("nobody panics with it");
        for intended in self.answers.drain(..) {
            round_trips.saturating_record(now.since(intended).as_nanos() as u64);
        }
    }

    /// Looks at what it is told to do.
    fn obey(&mut self, now: Instant) {
        match self.chorus.order.load(Ordering::Relaxed) {
            SPEAK if !self.has_begun => {
                self.has_begun = true;
                // Spread evenly over the period.
                self.next_at = now + self.chorus.period * self.number / self.chorus.clients as u32;
            }
            DRAIN => {
                self.ends_at.get_or_insert(now);
            }
            _ => {}
        }
    }

    /// Says everything whose time has come, as far as the connection takes it.
    fn say_due(&mut self, now: Instant, client: &mut Client) {
        let until = self.ends_at.map_or(now, |end| end.min(now));
        self.blocked_until = None;
        while self.has_begun && self.next_at <= until {
            if !self.say(now, client) {
                self.blocked_until = Some(now + TRY_AGAIN);
                return;
            }
            self.next_at = self.next_at + self.chorus.period;
        }
        if self.ends_at.is_some() {
            self.next_at = Instant::NEVER;
        }
    }

    /// Says one message, on the channel that has said less. False when the connection does not take it now.
    fn say(&mut self, now: Instant, client: &mut Client) -> bool {
        let Speaker { number, chorus, lanes, next_at, message, .. } = self;
        let lane = if lanes[1].next < lanes[0].next { &mut lanes[1] } else { &mut lanes[0] };
        let head = Head { intended: *next_at, number: lane.next, client: *number };
        chorus.script.write(head, lane.channel, message);
        let fits = client.send_room() >= message.len() + MESSAGE_COST_BYTES;
        if !fits || client.send(now, lane.channel, message).is_err() {
            return false;
        }
        lane.next += 1;
        lane.intended.push_back(head.intended);
        chorus.said.fetch_add(1, Ordering::Relaxed);
        true
    }
}

impl Talk for Speaker {
    fn hear(&mut self, channel: Channel, message: &[u8]) {
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.channel == channel) else {
            self.lanes[0].ledger.faults.altered += 1;
            return;
        };
        let Some(head) = Head::read(message) else {
            lane.ledger.faults.altered += 1;
            return;
        };
        let Some(intended) = lane.owed(head.number) else {
            lane.ledger.faults.repeated += 1;
            return;
        };
        let as_said = Head { intended, client: self.number, ..head };
        self.chorus.script.write(as_said, channel, &mut self.message);
        if self.message != message {
            lane.ledger.faults.altered += 1;
            return;
        }
        lane.enter(head.number);
        self.answers.push(intended);
    }

    fn speak(&mut self, now: Instant, client: &mut Client) {
        self.settle(now);
        self.obey(now);
        self.say_due(now, client);
        if !self.has_begun && self.ends_at.is_none() {
            self.next_at = now + TRY_AGAIN;
        }
        let is_over = self.ends_at.is_some() && self.blocked_until.is_none();
        if is_over && !self.is_complete && self.lanes.iter().all(|lane| lane.intended.is_empty()) {
            self.is_complete = true;
            self.chorus.complete.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn deadline(&self) -> Instant {
        self.blocked_until.unwrap_or(self.next_at)
    }

    fn event(&mut self, event: ClientEvent) {
        if let ClientEvent::Connected { resumed, .. } = event {
            if self.has_connected {
                self.chorus.reconnected.fetch_add(1, Ordering::Relaxed);
                self.chorus.sessions_lost.fetch_add(u64::from(!resumed), Ordering::Relaxed);
            }
            self.has_connected = true;
        }
    }
}
