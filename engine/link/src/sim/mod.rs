//! A network inside the process: a virtual clock, a seed, and conditions.
//!
//! Every datagram, its fate and its delay follow from the seed and the order of calls, so a run can be repeated to the
//! byte. [`Network`] is shared by the [`SimLink`]s of all ends. Time passes when the one who drives the simulation says
//! so, and may be made to jump from one arrival to the next:
//!
//! ```
//! use ringshard_link::conditions::Conditions;
//! use ringshard_link::sim::{Network, SimLink};
//! use ringshard_protocol::link::{Link, Path};
//! use ringshard_protocol::time::Duration;
//!
//! let network = Network::new(1, Conditions::none(Duration::from_millis(20)));
//! let (here, there) = ("10.0.0.1:1".parse().unwrap(), "10.0.0.2:1".parse().unwrap());
//! let (mut sender, mut receiver) = (SimLink::new(network.clone(), here), SimLink::new(network.clone(), there));
//! sender.reserve(Path::new(0, there), 5).unwrap().copy_from_slice(b"hello");
//! sender.submit();
//! network.advance_to(network.next_arrival().unwrap());
//! assert_eq!(receiver.receive(1, |arrival| assert_eq!(arrival.bytes, b"hello")), 1);
//! ```
//!
//! # The way of a datagram
//! It passes the bottleneck of the address it comes from and that of the address it goes to, where there are any, and
//! then the conditions of its own direction, from one address to the other. What arrives waits at the address, if a
//! link is there at that moment, as in the buffer of a socket, but one without a bound.

use super::conditions::{Conditions, Impairment, ImpairmentStats, Transit, flip};
use core::cell::RefCell;
use core::net::SocketAddr;
use ringshard_protocol::link::{Arrival, Link, LinkStats, Path, Wait};
use ringshard_protocol::time::{Duration, Instant};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

#[cfg(test)]
mod tests;

/// One line of the record of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceEntry {
    /// When it arrives.
    pub at: Instant,
    /// From whom.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
    /// The datagram as it arrives.
    pub bytes: Vec<u8>,
}

/// One side of an address, whose datagrams may have to share a line.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Bottleneck {
    /// All that is sent from the address, to whomever.
    From(SocketAddr),
    /// All that is sent to the address, by whomever.
    To(SocketAddr),
}

/// From whom, to whom.
type Direction = (SocketAddr, SocketAddr);

/// A copy of a datagram between two parts of its way.
#[derive(Clone, Copy, Debug)]
struct Leg {
    at: Instant,
    /// Parts it has behind it.
    passed: usize,
    flipped_bits: [Option<usize>; LEGS],
}

/// Both bottlenecks and the direction itself.
const LEGS: usize = 3;

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
    /// Of directions that have none of their own.
    conditions: Conditions,
    directions: HashMap<Direction, Impairment>,
    bottlenecks: HashMap<Bottleneck, Impairment>,
    /// Directions and bottlenecks made: each draws from a stream of its own.
    streams: u64,
    under_way: Transit<Direction>,
    inboxes: Vec<Inbox>,
    inbox_of: HashMap<SocketAddr, usize>,
    /// Datagrams in inboxes.
    arrived: usize,
    unreachable: u64,
    /// Memory of `send`.
    legs: Vec<Leg>,
    trace: Option<Vec<TraceEntry>>,
}

/// The network: clones are the same network.
#[derive(Clone, Debug)]
pub struct Network(Rc<RefCell<Inner>>);

impl Network {
    /// A network at the clock's zero, with the same conditions in every direction. Each direction has a state of its
    /// own: its draws, its bursts, its queue. All that happens follows from `seed`.
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
            under_way: Transit::new(),
            inboxes: Vec::new(),
            inbox_of: HashMap::new(),
            arrived: 0,
            unreachable: 0,
            legs: Vec::new(),
            trace: None,
        })))
    }

    /// Keeps a record of every datagram from here on.
    pub fn start_trace(&self) {
        self.0.borrow_mut().trace = Some(Vec::new());
    }

    /// The record so far, in the order of sending.
    pub fn trace(&self) -> Vec<TraceEntry> {
        self.0.borrow().trace.clone().unwrap_or_default()
    }

    /// Changes what happens to datagrams sent from now on, in every direction, also where
    /// [`set_conditions_between`](Self::set_conditions_between) has said otherwise. Bottlenecks stay.
    ///
    /// # Panics
    /// When a condition is out of its range: see [`Conditions::check`].
    pub fn set_conditions(&self, conditions: Conditions) {
        assert_eq!(conditions.check(), Ok(()));
        let mut inner = self.0.borrow_mut();
        inner.conditions = conditions;
        inner.directions.values_mut().for_each(|impairment| impairment.set_conditions(conditions));
    }

    /// Changes what happens to datagrams sent from now on from one address to another; the way back is another
    /// direction.
    ///
    /// # Panics
    /// When a condition is out of its range: see [`Conditions::check`].
    pub fn set_conditions_between(&self, from: SocketAddr, to: SocketAddr, conditions: Conditions) {
        self.0.borrow_mut().direction((from, to)).set_conditions(conditions);
    }

    /// Has all datagrams on that side of the address pass one line, with one queue, before the conditions of their own
    /// directions apply. A bottleneck that is there already changes its conditions and keeps what waits before it.
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

    /// Takes the bottleneck away; what has passed it arrives as it would have.
    pub fn remove_bottleneck(&self, bottleneck: Bottleneck) {
        self.0.borrow_mut().bottlenecks.remove(&bottleneck);
    }

    /// What happened to datagrams from one address to another so far, the bottlenecks aside.
    pub fn stats_between(&self, from: SocketAddr, to: SocketAddr) -> ImpairmentStats {
        self.0.borrow().directions.get(&(from, to)).map(Impairment::stats).unwrap_or_default()
    }

    /// What happened to datagrams at a bottleneck so far.
    pub fn bottleneck_stats(&self, bottleneck: Bottleneck) -> ImpairmentStats {
        self.0.borrow().bottlenecks.get(&bottleneck).map(Impairment::stats).unwrap_or_default()
    }

    /// Datagrams that arrived where no link was, or that a link left behind when it moved or ended.
    pub fn unreachable(&self) -> u64 {
        self.0.borrow().unreachable
    }

    /// Datagrams on their way, and those that have arrived and wait to be received.
    pub fn under_way(&self) -> usize {
        self.0.borrow().under_way.len()
    }

    /// The virtual time.
    pub fn now(&self) -> Instant {
        self.0.borrow().now
    }

    /// When the next datagram arrives anywhere: now, where one has arrived and waits for its link to receive it; none
    /// when nothing is under way.
    pub fn next_arrival(&self) -> Option<Instant> {
        let inner = self.0.borrow();
        if inner.arrived > 0 { Some(inner.now) } else { inner.under_way.next_due() }
    }

    /// Lets time pass.
    pub fn advance(&self, duration: Duration) {
        let mut inner = self.0.borrow_mut();
        inner.now = inner.now + duration;
        inner.arrive();
    }

    /// Lets time pass until `moment`. When that has passed already, nothing happens: time never goes back.
    pub fn advance_to(&self, moment: Instant) {
        let mut inner = self.0.borrow_mut();
        inner.now = inner.now.max(moment);
        inner.arrive();
    }

    /// Puts a datagram on its way, as anybody could.
    pub fn send(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let mut inner = self.0.borrow_mut();
        inner.send((from, to), bytes);
        inner.arrive();
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
                    self.put_under_way((from, to), at, flipped_bits, bytes);
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

    fn put_under_way(&mut self, direction: Direction, due: Instant, flipped_bits: [Option<usize>; LEGS], bytes: &[u8]) {
        let held = self.under_way.insert(direction, due, bytes);
        for bit in flipped_bits.into_iter().flatten() {
            flip(&mut held.bytes, bit);
        }
        if let Some(trace) = &mut self.trace {
            let (from, to) = direction;
            trace.push(TraceEntry { at: due, from, to, bytes: held.bytes.clone() });
        }
    }

    /// Puts what is due by now where it is for.
    fn arrive(&mut self) {
        while let Some(place) = self.under_way.pop_due(self.now) {
            let (_, to) = self.under_way.get(place).envelope;
            match self.inbox_of.get(&to).map(|&inbox| &mut self.inboxes[inbox]) {
                Some(inbox) if inbox.links > 0 => {
                    inbox.arrived.push_back(place);
                    self.arrived += 1;
                }
                _ => {
                    self.unreachable += 1;
                    self.under_way.release(place);
                }
            }
        }
    }

    /// A link comes to an address; gives its inbox.
    fn join(&mut self, address: SocketAddr) -> usize {
        let inbox = *self.inbox_of.entry(address).or_insert_with(|| {
            self.inboxes.push(Inbox::default());
            self.inboxes.len() - 1
        });
        self.inboxes[inbox].links += 1;
        inbox
    }

    /// A link goes; with the last one at an address, what arrived there is lost.
    fn leave(&mut self, inbox: usize) {
        let inbox = &mut self.inboxes[inbox];
        inbox.links -= 1;
        if inbox.links > 0 {
            return;
        }
        self.arrived -= inbox.arrived.len();
        self.unreachable += inbox.arrived.len() as u64;
        inbox.arrived.drain(..).for_each(|place| self.under_way.release(place));
    }

    /// Takes the next datagram that has arrived.
    fn take(&mut self, inbox: usize) -> Option<u32> {
        let place = self.inboxes[inbox].arrived.pop_front()?;
        self.arrived -= 1;
        Some(place)
    }
}

/// One end's link to a [`Network`].
#[derive(Debug)]
pub struct SimLink {
    network: Network,
    local: SocketAddr,
    inbox: usize,
    /// Where each datagram that waits for `submit` goes, and its size; the bytes lie in `memory` one behind the other.
    reserved: Vec<(SocketAddr, usize)>,
    memory: Vec<u8>,
    stats: LinkStats,
}

impl SimLink {
    /// The link of the end at `local`.
    pub fn new(network: Network, local: SocketAddr) -> Self {
        let inbox = network.0.borrow_mut().join(local);
        SimLink { network, local, inbox, reserved: Vec::new(), memory: Vec::new(), stats: LinkStats::default() }
    }

    /// The address of this end.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Moves this end to another address; what arrived at the old one, or arrives there later, is lost.
    pub fn rebind(&mut self, local: SocketAddr) {
        let mut network = self.network.0.borrow_mut();
        network.leave(self.inbox);
        self.inbox = network.join(local);
        self.local = local;
    }
}

impl Drop for SimLink {
    fn drop(&mut self) {
        self.network.0.borrow_mut().leave(self.inbox);
    }
}

impl Link for SimLink {
    fn now(&mut self) -> Instant {
        self.network.now()
    }

    fn receive(&mut self, budget: usize, mut deliver: impl FnMut(Arrival<'_>)) -> usize {
        let mut received = 0;
        while received < budget {
            // The network is let go while the datagram is looked at: who gets it may send.
            let mut network = self.network.0.borrow_mut();
            let Some(place) = network.take(self.inbox) else { break };
            let held = network.under_way.get(place);
            let ((from, _), due, mut bytes) = (held.envelope, held.due, core::mem::take(&mut held.bytes));
            drop(network);
            received += 1;
            self.stats.arrivals += 1;
            self.stats.datagrams_in += 1;
            deliver(Arrival {
                path: Path::new(0, from),
                arrived_at: Some(due),
                segment_bytes: bytes.len().max(1),
                bytes: &mut bytes,
                following: None,
            });
            let mut network = self.network.0.borrow_mut();
            network.under_way.get(place).bytes = bytes;
            network.under_way.release(place);
        }
        received
    }

    fn reserve(&mut self, path: Path, len: usize) -> Option<&mut [u8]> {
        assert!(
            (1..=ringshard_protocol::limits::DATAGRAM_BYTES_MAX).contains(&len),
            "a datagram has 1 to DATAGRAM_BYTES_MAX bytes"
        );
        self.reserved.push((path.peer, len));
        let start = self.memory.len();
        self.memory.resize(start + len, 0);
        Some(&mut self.memory[start..])
    }

    fn submit(&mut self) {
        let mut rest = &self.memory[..];
        for (to, len) in self.reserved.drain(..) {
            let (bytes, behind) = rest.split_at(len);
            rest = behind;
            self.stats.sends += 1;
            self.stats.datagrams_out += 1;
            self.network.send(self.local, to, bytes);
        }
        self.memory.clear();
    }

    /// Time is the network's: whoever drives the simulation lets it pass.
    fn park(&mut self, _wait: Wait) {
        self.submit();
        self.stats.waits += 1;
    }

    fn stats(&self) -> LinkStats {
        self.stats
    }
}
