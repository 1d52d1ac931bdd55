//! What a thread knows of a client.

use super::budget::Budget;
use super::memory::QueueMemory;
use super::queue::{Dropped, Queue};
use super::waiter::Waiter;
use crate::carrier::Carrier;
use crate::clock::{Nanos, SECOND};
use crate::limits::Debt;
use crate::settings::LimitSettings;
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};

/// A client that takes nothing of what waits for it for this long is not read from. A slow network takes something more often.
const HELD_UP: Nanos = SECOND / 4;
/// A client that takes nothing of what waits for it for this long is stalled.
const STALLED: Nanos = SECOND;
/// Datagrams that a stalled client keeps: the newest that came before it stalled.
const STALLED_KEEPS: usize = 4;

/// Why the gateway wants a client gone. Its carrier closes the connection with a going-away code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Going {
    /// The gateway shuts down. The client should connect again, to another gateway.
    Draining,
    /// The client's address is denied.
    Denied,
    /// An operator ended the connection.
    Kicked,
    /// The client sent nothing for the idle timeout.
    Idle,
    /// The client takes nothing of what waits for it.
    Stalled,
}

impl Going {
    /// In words, for close frames and logs.
    pub fn reason(self) -> &'static str {
        match self {
            Going::Draining => "the gateway shuts down",
            Going::Denied => "this address is denied",
            Going::Kicked => "an operator ended the connection",
            Going::Idle => "the client sent nothing for too long",
            Going::Stalled => "the client reads too slowly",
        }
    }
}

/// One client.
pub(crate) struct Client {
    pub(crate) serial: u64,
    pub(crate) server: usize,
    pub(crate) carrier: Carrier,
    pub(crate) since: Nanos,
    address: Cell<SocketAddr>,
    queue: RefCell<Queue>,
    queue_bytes_max: usize,
    budget: RefCell<Budget>,
    arrived: Waiter,
    going: Cell<Option<Going>>,
    closed: Waiter,
    /// When the client last sent something.
    heard: Cell<Nanos>,
    /// When the carrier last took something, or the queue last became not empty.
    taken: Cell<Nanos>,
    pub(crate) tally: Tally,
    details: RefCell<Option<Details>>,
}

/// Tells a carrier's figures of a connection, for the admin port.
type Details = Box<dyn Fn() -> serde_json::Value>;

/// Datagrams and bytes of a client.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) datagrams_up: Cell<u64>,
    pub(crate) bytes_up: Cell<u64>,
    pub(crate) datagrams_down: Cell<u64>,
    pub(crate) bytes_down: Cell<u64>,
    pub(crate) dropped: Cell<u64>,
}

pub(crate) fn add(cell: &Cell<u64>, amount: u64) {
    cell.set(cell.get() + amount);
}

impl Client {
    pub(crate) fn new(
        serial: u64,
        server: usize,
        carrier: Carrier,
        address: SocketAddr,
        limits: &LimitSettings,
        memory: Rc<QueueMemory>,
        now: Nanos,
    ) -> Client {
        Client {
            serial,
            server,
            carrier,
            since: now,
            address: Cell::new(address),
            queue: RefCell::new(Queue::new(memory)),
            queue_bytes_max: limits.queue_bytes,
            budget: RefCell::new(Budget::new(limits.datagrams_per_second, limits.bytes_per_second)),
            arrived: Waiter::default(),
            going: Cell::new(None),
            closed: Waiter::default(),
            heard: Cell::new(now),
            taken: Cell::new(now),
            tally: Tally::default(),
            details: RefCell::default(),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address.get()
    }

    pub(crate) fn set_address(&self, address: SocketAddr) {
        self.address.set(address);
    }

    /// Charges what the client sent. False if it sends too much.
    pub(crate) fn charge(&self, bytes: usize, now: Nanos) -> bool {
        self.heard.set(now);
        self.budget.borrow_mut().charge(bytes, now)
    }

    /// Charges a frame without a datagram. It does not keep an idle client. False if the client sends too much.
    pub(crate) fn charge_frame(&self, bytes: usize, now: Nanos) -> bool {
        self.budget.borrow_mut().charge(bytes, now)
    }

    /// What of its budgets the client has used.
    pub(crate) fn debt(&self, now: Nanos) -> Debt {
        self.budget.borrow().debt(now)
    }

    /// The client has used so much already: a former one of its network did.
    pub(crate) fn owe(&self, debt: Debt, now: Nanos) {
        self.budget.borrow_mut().owe(debt, now);
    }

    /// Whether the client takes nothing at present. Its carrier reads nothing from it, so that it asks for no more.
    pub(crate) fn is_held_up(&self, now: Nanos) -> bool {
        self.takes_nothing_for(HELD_UP, now)
    }

    /// Whether the client takes nothing for long. What comes for it is then dropped before anything is spent on it
    /// ([`Client::refuse`]).
    pub(crate) fn is_stalled(&self, now: Nanos) -> bool {
        self.takes_nothing_for(STALLED, now)
    }

    fn takes_nothing_for(&self, time: Nanos, now: Nanos) -> bool {
        now > self.taken.get() + time && !self.queue.borrow().is_empty()
    }

    /// Counts a datagram from the server that was dropped because the client is stalled.
    pub(crate) fn refuse(&self) {
        add(&self.tally.dropped, 1);
    }

    /// Queues a datagram from the server. Returns how many were dropped for it.
    pub(crate) fn deliver(&self, datagram: Bytes, round: u64, now: Nanos) -> Dropped {
        let mut queue = self.queue.borrow_mut();
        if queue.is_empty() {
            self.taken.set(now);
        }
        let dropped = queue.push(datagram, round, self.queue_bytes_max);
        drop(queue);
        add(&self.tally.dropped, (dropped.queue + dropped.memory) as u64);
        self.arrived.wake();
        dropped
    }

    /// Shows the datagrams that wait, oldest first, until `each` returns false. They go on waiting.
    pub(crate) fn show_waiting(&self, each: impl FnMut(&Bytes) -> bool) {
        let _ = self.queue.borrow().iter().all(each);
    }

    pub(crate) fn take(&self, now: Nanos) -> Option<Bytes> {
        let datagram = self.queue.borrow_mut().pop()?;
        self.taken.set(now);
        self.count_down(datagram.len());
        Some(datagram)
    }

    fn count_down(&self, bytes: usize) {
        add(&self.tally.datagrams_down, 1);
        add(&self.tally.bytes_down, bytes as u64);
    }

    pub(crate) fn poll_arrived(&self, context: &Context<'_>) -> Poll<()> {
        if self.queue.borrow().is_empty() {
            self.arrived.wait(context);
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Bytes that wait for the client.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.queue.borrow().bytes()
    }

    /// Releases what waits for a stalled client, except for the newest few datagrams, which are copied out of the chunks that
    /// clients share. Returns how many were dropped.
    pub(crate) fn release_waiting(&self) -> usize {
        let dropped = self.queue.borrow_mut().keep_newest(STALLED_KEEPS);
        add(&self.tally.dropped, dropped as u64);
        dropped
    }

    /// Since when the client has sent nothing.
    pub(crate) fn heard(&self) -> Nanos {
        self.heard.get()
    }

    /// Since when the carrier has taken nothing although something waits. None if nothing waits.
    pub(crate) fn stalled_since(&self) -> Option<Nanos> {
        (!self.queue.borrow().is_empty()).then(|| self.taken.get())
    }

    /// Asks the carrier to close the connection. The first reason stays.
    pub(crate) fn close(&self, going: Going) {
        if self.going.get().is_none() {
            self.going.set(Some(going));
            self.closed.wake();
        }
    }

    pub(crate) fn is_going(&self) -> bool {
        self.going.get().is_some()
    }

    pub(crate) fn poll_closed(&self, context: &Context<'_>) -> Poll<Going> {
        match self.going.get() {
            Some(going) => Poll::Ready(going),
            None => {
                self.closed.wait(context);
                Poll::Pending
            }
        }
    }

    pub(crate) fn set_details(&self, details: Details) {
        *self.details.borrow_mut() = Some(details);
    }

    /// What the carrier tells about the connection.
    pub(crate) fn details(&self) -> Option<serde_json::Value> {
        self.details.borrow().as_ref().map(|details| details())
    }
}
