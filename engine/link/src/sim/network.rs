//! The network and its clock.

use crate::conditions::{Conditions, Impairment, ImpairmentStats, Transit, flip};
use core::cell::RefCell;
use core::net::SocketAddr;
use ringshard_protocol::time::{Duration, Instant};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

/// One datagram in the trace of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceEntry {
    /// When it arrives.
    pub at: Instant,
    /// The sender's address.
    pub from: SocketAddr,
    /// The receiver's address.
    pub to: SocketAddr,
    /// The datagram as it arrives.
    pub bytes: Vec<u8>,
}

/// One side of an address, whose datagrams share a line.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Bottleneck {
    /// Everything that is sent from the address.
    From(SocketAddr),
    /// Everything that is sent to the address.
    To(SocketAddr),
}

/// Sender and receiver.
type Direction = (SocketAddr, SocketAddr);

/// A copy of a datagram between two parts of its path.
#[derive(Clone, Copy, Debug)]
struct Leg {
    at: Instant,
    /// Parts that it has passed.
    passed: usize,
    flipped_bits: [Option<usize>; LEGS],
}

/// Both bottlenecks and the direction itself.
const LEGS: usize = 3;

/// A datagram that has arrived and is being received.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) place: u32,
    pub(super) from: SocketAddr,
    pub(super) due: Instant,
    pub(super) bytes: Vec<u8>,
}

/// An address at which a link is, or was.
#[derive(Debug, Default)]
struct Inbox {
    links: u32,
    /// Places of datagrams that have arrived.
    arrived: VecDeque<u32>,
}

#[derive(Debug)]
struct Inner {
    now: Instant,
    seed: u64,
    /// Those of directions that have none of their own.
    conditions: Conditions,
    directions: HashMap<Direction, Impairment>,
    bottlenecks: HashMap<Bottleneck, Impairment>,
    /// Directions and bottlenecks so far: each draws from its own random stream.
    streams: u64,
    in_flight: Transit<Direction>,
    inboxes: Vec<Inbox>,
    inbox_of: HashMap<SocketAddr, usize>,
    /// Datagrams in inboxes.
    arrived: usize,
    unreachable: u64,
    /// Scratch memory of `send`.
    legs: Vec<Leg>,
    trace: Option<Vec<TraceEntry>>,
}

/// The network: clones are the same network.
#[derive(Clone, Debug)]
pub struct Network(Rc<RefCell<Inner>>);

impl Network {
    /// A network at the clock's zero, with the same conditions in every direction. Each direction has its own random
    /// draws, bursts and queue. Everything that happens follows from `seed`.
    ///
    /// # Panics
    /// When a condition is out of its range: see [`Conditions::check`].
    pub fn new(seed: u64, conditions: Conditions) -> Self {
        assert_eq!(conditions.check(), Ok(()));
        Network(Rc::new(RefCell::new(Inner {
            now: Instant::ZERO,
            seed,
            conditions,
            directions: HashMap::new(),
            bottlenecks: HashMap::new(),
            streams: 0,
            in_flight: Transit::new(),
            inboxes: Vec::new(),
            inbox_of: HashMap::new(),
            arrived: 0,
            unreachable: 0,
            legs: Vec::new(),
            trace: None,
        })))
    }

    /// Records every datagram from now on.
    pub fn start_trace(&self) {
        self.0.borrow_mut().trace = Some(Vec::new());
    }

    /// The trace so far, in the order of sending.
    pub fn trace(&self) -> Vec<TraceEntry> {
        self.0.borrow().trace.clone().unwrap_or_default()
    }

    /// Changes the conditions of datagrams sent from now on, in every direction, including those that
    /// [`set_conditions_between`](Self::set_conditions_between) has set. Bottlenecks stay.
    ///
    /// # Panics
    /// When a condition is out of its range: see [`Conditions::check`].
    pub fn set_conditions(&self, conditions: Conditions) {
        assert_eq!(conditions.check(), Ok(()));
        let mut inner = self.0.borrow_mut();
        inner.conditions = conditions;
        inner.directions.values_mut().for_each(|impairment| impairment.set_conditions(conditions));
    }

    /// Changes the conditions of datagrams sent from now on from one address to another. The opposite direction keeps
    /// its own.
    ///
    /// # Panics
    /// When a condition is out of its range: see [`Conditions::check`].
    pub fn set_conditions_between(&self, from: SocketAddr, to: SocketAddr, conditions: Conditions) {
        self.0.borrow_mut().direction((from, to)).set_conditions(conditions);
    }

    /// Makes all datagrams on that side of the address pass one line with one queue, before the conditions of their
    /// directions apply. An existing bottleneck changes its conditions and keeps its queue.
    ///
    /// # Panics
    /// When a condition is out of its range: see [`Conditions::check`].
    pub fn set_bottleneck(&self, bottleneck: Bottleneck, conditions: Conditions) {
        let Inner { seed, streams, bottlenecks, .. } = &mut *self.0.borrow_mut();
        bottlenecks
            .entry(bottleneck)
            .or_insert_with(|| {
                *streams += 1;
                Impairment::new(conditions, *seed, *streams)
            })
            .set_conditions(conditions);
    }

    /// What happened to datagrams from one address to another so far, without the bottlenecks.
    pub fn stats_between(&self, from: SocketAddr, to: SocketAddr) -> ImpairmentStats {
        self.0.borrow().directions.get(&(from, to)).map(Impairment::stats).unwrap_or_default()
    }

    /// What happened to datagrams at a bottleneck so far.
    pub fn bottleneck_stats(&self, bottleneck: Bottleneck) -> ImpairmentStats {
        self.0.borrow().bottlenecks.get(&bottleneck).map(Impairment::stats).unwrap_or_default()
    }

    /// Datagrams that arrived where there was no link, or that a link left behind when it moved or ended.
    pub fn unreachable(&self) -> u64 {
        self.0.borrow().unreachable
    }

    /// Datagrams that are in flight, or have arrived and wait to be received.
    pub fn in_flight(&self) -> usize {
        self.0.borrow().in_flight.len()
    }

    /// The virtual time.
    pub fn now(&self) -> Instant {
        self.0.borrow().now
    }

    /// When the next datagram arrives anywhere: now, if one waits to be received; None, if nothing is in flight.
    pub fn next_arrival(&self) -> Option<Instant> {
        let inner = self.0.borrow();
        if inner.arrived > 0 { Some(inner.now) } else { inner.in_flight.next_due() }
    }

    /// Advances the clock.
    pub fn advance(&self, duration: Duration) {
        let mut inner = self.0.borrow_mut();
        inner.now = inner.now + duration;
        inner.arrive();
    }

    /// Advances the clock to `moment`. Nothing happens if that has passed: time never goes back.
    pub fn advance_to(&self, moment: Instant) {
        let mut inner = self.0.borrow_mut();
        inner.now = inner.now.max(moment);
        inner.arrive();
    }

    /// Sends a datagram from any address, as an attacker could.
    pub fn send(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let mut inner = self.0.borrow_mut();
        inner.send((from, to), bytes);
        inner.arrive();
    }

    /// A link comes to an address; gives its inbox.
    pub(super) fn join(&self, address: SocketAddr) -> usize {
        self.0.borrow_mut().join(address)
    }

    /// A link leaves an address. With the last one, what arrived there is lost.
    pub(super) fn leave(&self, inbox: usize) {
        self.0.borrow_mut().leave(inbox);
    }

    /// Takes the next datagram that has arrived; [`Self::release`] gives its memory back.
    pub(super) fn take(&self, inbox: usize) -> Option<Taken> {
        let inner = &mut *self.0.borrow_mut();
        let place = inner.inboxes[inbox].arrived.pop_front()?;
        assert!(inner.arrived > 0, "every datagram in an inbox is counted");
        inner.arrived -= 1;
        let held = inner.in_flight.get(place);
        Some(Taken { place, from: held.envelope.0, due: held.due, bytes: core::mem::take(&mut held.bytes) })
    }

    /// Gives back the memory of a datagram that was taken.
    pub(super) fn release(&self, place: u32, bytes: Vec<u8>) {
        let inner = &mut *self.0.borrow_mut();
        inner.in_flight.get(place).bytes = bytes;
        inner.in_flight.release(place);
    }

    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.0.borrow().in_flight.places()
    }
}

impl Inner {
    fn direction(&mut self, direction: Direction) -> &mut Impairment {
        let Inner { seed, streams, directions, conditions, .. } = self;
        directions.entry(direction).or_insert_with(|| {
            *streams += 1;
            Impairment::new(*conditions, *seed, *streams)
        })
    }

    fn send(&mut self, (from, to): Direction, bytes: &[u8]) {
        self.legs.push(Leg { at: self.now, passed: 0, flipped_bits: [None; LEGS] });
        while let Some(Leg { at, passed, mut flipped_bits }) = self.legs.pop() {
            let impairment = match passed {
                0 => self.bottlenecks.get_mut(&Bottleneck::From(from)),
                1 => self.bottlenecks.get_mut(&Bottleneck::To(to)),
                2 => Some(self.direction((from, to))),
                _ => {
                    self.launch((from, to), at, flipped_bits, bytes);
                    continue;
                }
            };
            let Some(impairment) = impairment else {
                self.legs.push(Leg { at, passed: passed + 1, flipped_bits });
                continue;
            };
            let fate = impairment.pass(at, bytes.len());
            for delivery in fate.into_iter().flatten() {
                flipped_bits[passed] = delivery.flipped_bit;
                self.legs.push(Leg { at: delivery.at, passed: passed + 1, flipped_bits });
            }
        }
    }

    fn launch(&mut self, direction: Direction, due: Instant, flipped_bits: [Option<usize>; LEGS], bytes: &[u8]) {
        let held = self.in_flight.insert(direction, due, bytes);
        for bit in flipped_bits.into_iter().flatten() {
            flip(&mut held.bytes, bit);
        }
        if let Some(trace) = &mut self.trace {
            let (from, to) = direction;
            trace.push(TraceEntry { at: due, from, to, bytes: held.bytes.clone() });
        }
    }

    /// Moves datagrams that are due to the inboxes of their destinations.
    fn arrive(&mut self) {
        while let Some(place) = self.in_flight.pop_due(self.now) {
            let (_, to) = self.in_flight.get(place).envelope;
            match self.inbox_of.get(&to).map(|&inbox| &mut self.inboxes[inbox]) {
                Some(inbox) if inbox.links > 0 => {
                    inbox.arrived.push_back(place);
                    self.arrived += 1;
                }
                _ => {
                    self.unreachable += 1;
                    self.in_flight.release(place);
                }
            }
        }
    }

    fn join(&mut self, address: SocketAddr) -> usize {
        let inbox = *self.inbox_of.entry(address).or_insert_with(|| {
            self.inboxes.push(Inbox::default());
            self.inboxes.len() - 1
        });
        self.inboxes[inbox].links += 1;
        inbox
    }

    fn leave(&mut self, inbox: usize) {
        let inbox = &mut self.inboxes[inbox];
        assert!(inbox.links > 0, "a link leaves the address that it came to, once");
        inbox.links -= 1;
        if inbox.links > 0 {
            return;
        }
        assert!(inbox.arrived.len() <= self.arrived, "every datagram in an inbox is counted");
        self.arrived -= inbox.arrived.len();
        self.unreachable += inbox.arrived.len() as u64;
        inbox.arrived.drain(..).for_each(|place| self.in_flight.release(place));
    }
}
