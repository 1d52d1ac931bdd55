//! A network inside the process: a virtual clock, a seed, and faults.
//!
//! Every datagram, its fate and its delay follow from the seed and the order of calls, so a run can be repeated to the
//! byte. [`Network`] is shared by the [`SimLink`]s of all ends.

use super::{Arrival, Link, LinkStats, Path, Wait};
use crate::crypto::Csprng;
use crate::time::{Duration, Instant};
use core::cell::RefCell;
use core::net::SocketAddr;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What happens to datagrams on their way. The chances are in thousandths.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// Time that every datagram takes.
    pub delay: Duration,
    /// Up to this much more, drawn for each: datagrams overtake each other.
    pub jitter: Duration,
    /// Chance to be lost.
    pub loss: u32,
    /// Chance to arrive twice.
    pub duplication: u32,
    /// Chance that one bit arrives inverted.
    pub corruption: u32,
}

impl Faults {
    /// A network that only takes its time.
    pub const fn none(delay: Duration) -> Self {
        Faults { delay, jitter: Duration::ZERO, loss: 0, duplication: 0, corruption: 0 }
    }
}

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

#[derive(Debug)]
struct Inner {
    now: Instant,
    faults: Faults,
    random: Csprng,
    /// Datagrams under way, by arrival and then by the order they were sent.
    under_way: BTreeMap<(Instant, u64), TraceEntry>,
    sent: u64,
    trace: Option<Vec<TraceEntry>>,
}

/// The network: clones are the same network.
#[derive(Clone, Debug)]
pub struct Network(Rc<RefCell<Inner>>);

impl Network {
    /// A network at the clock's zero whose every fault follows from `seed`.
    pub fn new(seed: u64, faults: Faults) -> Self {
        let random = Csprng::seed_from_u64(seed);
        Network(Rc::new(RefCell::new(Inner {
            now: Instant::ZERO,
            faults,
            random,
            under_way: BTreeMap::new(),
            sent: 0,
            trace: None,
        })))
    }

    /// Keeps a record of every datagram from here on.
    pub fn start_trace(&self) {
        self.0.borrow_mut().trace = Some(Vec::new());
    }

    /// The record so far.
    pub fn trace(&self) -> Vec<TraceEntry> {
        self.0.borrow().trace.clone().unwrap_or_default()
    }

    /// Changes what happens to datagrams sent from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.0.borrow_mut().faults = faults;
    }

    /// The virtual time.
    pub fn now(&self) -> Instant {
        self.0.borrow().now
    }

    /// Lets time pass.
    pub fn advance(&self, duration: Duration) {
        let mut inner = self.0.borrow_mut();
        inner.now = inner.now + duration;
    }

    /// Puts a datagram on its way, as anybody could.
    pub fn send(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        self.0.borrow_mut().send(from, to, bytes);
    }
}

impl Inner {
    fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        if self.strikes(self.faults.loss) {
            return;
        }
        let copies = if self.strikes(self.faults.duplication) { 2 } else { 1 };
        for _ in 0..copies {
            let mut bytes = bytes.to_vec();
            if self.strikes(self.faults.corruption) && !bytes.is_empty() {
                let bit = self.random.next_u32() as usize % (bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            let jitter = self.faults.jitter.as_nanos() as u64;
            let late = if jitter == 0 { 0 } else { self.random.next_u64() % jitter };
            let at = self.now + self.faults.delay + Duration::from_nanos(late);
            let entry = TraceEntry { at, from, to, bytes };
            if let Some(trace) = &mut self.trace {
                trace.push(entry.clone());
            }
            self.under_way.insert((at, self.sent), entry);
            self.sent += 1;
        }
    }

    fn strikes(&mut self, thousandths: u32) -> bool {
        thousandths > 0 && self.random.next_u32() % 1000 < thousandths
    }

    /// Takes the next datagram that has arrived at `to`.
    fn arrive(&mut self, to: SocketAddr) -> Option<TraceEntry> {
        let now = self.now;
        let key = self.under_way.range(..=(now, u64::MAX)).find(|(_, entry)| entry.to == to).map(|(&key, _)| key)?;
        self.under_way.remove(&key)
    }
}

/// One end's link to a [`Network`].
#[derive(Debug)]
pub struct SimLink {
    network: Network,
    local: SocketAddr,
    reserved: Vec<(SocketAddr, Vec<u8>)>,
    stats: LinkStats,
}

impl SimLink {
    /// The link of the end at `local`.
    pub fn new(network: Network, local: SocketAddr) -> Self {
        SimLink { network, local, reserved: Vec::new(), stats: LinkStats::default() }
    }

    /// Moves this end to another address; what is under way to the old one is lost.
    pub fn rebind(&mut self, local: SocketAddr) {
        self.local = local;
    }
}

impl Link for SimLink {
    fn now(&mut self) -> Instant {
        self.network.now()
    }

    fn receive(&mut self, budget: usize, mut deliver: impl FnMut(Arrival<'_>)) -> usize {
        let mut received = 0;
        while received < budget {
            let Some(mut entry) = self.network.0.borrow_mut().arrive(self.local) else { break };
            received += 1;
            self.stats.arrivals += 1;
            self.stats.datagrams_in += 1;
            deliver(Arrival {
                path: Path { socket: 0, peer: entry.from },
                arrived_at: Some(entry.at),
                segment_bytes: entry.bytes.len().max(1),
                bytes: &mut entry.bytes,
                following: None,
            });
        }
        received
    }

    fn reserve(&mut self, path: Path, len: usize) -> Option<&mut [u8]> {
        assert!((1..=crate::limits::DATAGRAM_BYTES_MAX).contains(&len), "a datagram has 1 to 1200 bytes");
        self.reserved.push((path.peer, vec![0; len]));
        self.reserved.last_mut().map(|(_, bytes)| bytes.as_mut_slice())
    }

    fn submit(&mut self) {
        for (to, bytes) in self.reserved.drain(..) {
            self.stats.sends += 1;
            self.stats.datagrams_out += 1;
            self.network.send(self.local, to, &bytes);
        }
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
