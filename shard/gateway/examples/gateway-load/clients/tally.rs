//! What clients count and time.

use hdrhistogram::Histogram;
use ringshard_protocol::limits::HEADER_BYTES;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// Where a datagram has the time at which it was sent.
const STAMP: std::ops::Range<usize> = HEADER_BYTES..HEADER_BYTES + 8;
/// How long a datagram may take before it counts as lost.
const LATE: Duration = Duration::from_secs(1);

/// Counters of all clients of a crowd.
pub struct Tally {
    clock: Instant,
    sent: Cell<u64>,
    received: Cell<u64>,
    blocked: Cell<u64>,
    ended: Cell<u64>,
    /// Round trips, in microseconds, of datagrams that were sent in the window.
    round_trips: RefCell<Histogram<u64>>,
    window: Cell<(u64, u64)>,
}

/// What happened in a window.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    pub seconds: f64,
    pub sent: u64,
    pub received: u64,
    /// Datagrams that the client's socket did not take.
    pub blocked: u64,
    /// Of those sent in the window, came back within a second.
    pub returned: u64,
    /// Connections that ended, since the start.
    pub ended: u64,
    /// Milliseconds.
    pub p50: f64,
    pub p99: f64,
}

impl Measured {
    /// Share of the datagrams that did not come back.
    pub fn lost(&self) -> f64 {
        1.0 - self.returned as f64 / (self.sent + self.blocked).max(1) as f64
    }
}

impl Tally {
    pub fn new() -> Tally {
        Tally {
            clock: Instant::now(),
            sent: Cell::new(0),
            received: Cell::new(0),
            blocked: Cell::new(0),
            ended: Cell::new(0),
            round_trips: RefCell::new(
                Histogram::new_with_bounds(1, LATE.as_micros() as u64, 3).expect("the bounds are in order"),
            ),
            window: Cell::new((u64::MAX, u64::MAX)),
        }
    }

    /// Makes `datagram` the next one of a client: the header of an encrypted datagram of its core and slot, and the time.
    pub fn stamp(&self, datagram: &mut [u8], client: usize) {
        let [low, high, core, _] = (client as u32).to_le_bytes();
        datagram[..6].copy_from_slice(&[core, 1, low, high, 0, 1]);
        datagram[STAMP].copy_from_slice(&self.now().to_le_bytes());
    }

    pub fn count_sent(&self) {
        self.sent.set(self.sent.get() + 1);
    }

    pub fn count_blocked(&self) {
        self.blocked.set(self.blocked.get() + 1);
    }

    pub fn count_ended(&self) {
        self.ended.set(self.ended.get() + 1);
    }

    /// Takes a datagram that came back.
    pub fn receive(&self, datagram: &[u8]) {
        self.received.set(self.received.get() + 1);
        let Some(stamp) = datagram.get(STAMP) else { return };
        let sent_at = u64::from_le_bytes(stamp.try_into().expect("a stamp has 8 bytes"));
        let (from, until) = self.window.get();
        let took = self.now().saturating_sub(sent_at);
        if sent_at >= from && sent_at < until && took < LATE.as_nanos() as u64 {
            self.round_trips.borrow_mut().saturating_record(took / 1_000);
        }
    }

    /// Measures for this long; `ended` is called at the end of the window, before the wait for late datagrams.
    pub async fn measure<T>(&self, span: Duration, ended: impl FnOnce() -> T) -> (Measured, T) {
        self.round_trips.borrow_mut().reset();
        let (sent, received, blocked) = (self.sent.get(), self.received.get(), self.blocked.get());
        let from = self.now();
        self.window.set((from, u64::MAX));
        tokio::time::sleep(span).await;
        let until = self.now();
        self.window.set((from, until));
        let at_end = ended();
        let mut measured = Measured {
            seconds: (until - from) as f64 / 1e9,
            sent: self.sent.get() - sent,
            received: self.received.get() - received,
            blocked: self.blocked.get() - blocked,
            ended: self.ended.get(),
            ..Measured::default()
        };
        tokio::time::sleep(LATE).await;
        let round_trips = self.round_trips.borrow();
        measured.returned = round_trips.len();
        measured.p50 = round_trips.value_at_quantile(0.5) as f64 / 1e3;
        measured.p99 = round_trips.value_at_quantile(0.99) as f64 / 1e3;
        (measured, at_end)
    }

    fn now(&self) -> u64 {
        self.clock.elapsed().as_nanos() as u64
    }
}
