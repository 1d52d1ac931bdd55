//! A link under network conditions: real sockets on a bad network.
//!
//! This is behind the feature `conditions`, which load generators and tests turn on. A server does not, so that no
//! forgotten option can make it drop its players' datagrams.

use super::conditions::{Conditions, Impairment, ImpairmentStats, NetworkSpec, Outage, Transit};
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::link::{Arrival, Link, LinkStats, Path, Wait};
use ringshard_protocol::time::Instant;

#[cfg(test)]
mod tests;

/// Datagrams that may be reserved between two submits.
const RESERVED_MAX: usize = 4_096;

/// What the conditions did to a link's datagrams.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ConditionedStats {
    /// To outgoing datagrams.
    pub outward: ImpairmentStats,
    /// To incoming datagrams.
    pub inward: ImpairmentStats,
    /// Datagrams, in both directions, that were dropped because the maximum was in flight already.
    pub not_held: u64,
}

impl ConditionedStats {
    /// Adds the counts of another link.
    pub fn add(&mut self, other: &ConditionedStats) {
        self.outward.add(&other.outward);
        self.inward.add(&other.inward);
        self.not_held += other.not_held;
    }
}

/// A link under [`Conditions`], which apply to sent and to received datagrams.
///
/// Each socket is a path with its own state in each direction: random draws, bursts, and a line with a queue. Delays add to
/// those of the real network, twice per round trip. Datagrams in flight are lost when the link is dropped.
#[derive(Debug)]
pub struct ConditionedLink<L> {
    link: L,
    outward: Direction,
    inward: Direction,
    /// Path and size of each datagram that waits for `submit`; the bytes lie one behind the other in `memory`.
    reserved: Vec<(Path, usize)>,
    memory: Vec<u8>,
}

/// One direction of all paths.
#[derive(Debug)]
struct Direction {
    conditions: Conditions,
    seed: u64,
    /// 0 or 1: the two directions of a path draw from different streams.
    parity: u64,
    /// By socket.
    impairments: Vec<Impairment>,
    transit: Transit<Path>,
    held_max: usize,
    not_held: u64,
}

impl Direction {
    fn enter(&mut self, path: Path, now: Instant, bytes: &[u8]) {
        let Direction { conditions, seed, parity, impairments, transit, .. } = self;
        let socket = path.socket as usize;
        while impairments.len() <= socket {
            impairments.push(Impairment::new(*conditions, *seed, 2 * impairments.len() as u64 + *parity));
        }
        for delivery in impairments[socket].pass(now, bytes.len()).into_iter().flatten() {
            if transit.len() >= self.held_max {
                self.not_held += 1;
                continue;
            }
            delivery.damage(&mut transit.insert(path, delivery.at, bytes).bytes);
        }
    }

    fn stats(&self) -> ImpairmentStats {
        let mut sum = ImpairmentStats::default();
        self.impairments.iter().for_each(|impairment| sum.add(&impairment.stats()));
        sum
    }
}

impl<L: Link> ConditionedLink<L> {
    /// Puts a link under conditions. An outage counts from now. In each direction at most `held_max` datagrams, 1 or more,
    /// are in flight at once; more are dropped and counted.
    ///
    /// # Panics
    /// When `held_max` is 0, or a condition is out of its range: see [`Conditions::check`].
    pub fn new(mut link: L, spec: NetworkSpec, held_max: usize) -> Self {
        assert!(held_max > 0, "at least one datagram can be held");
        assert_eq!(spec.conditions.check(), Ok(()));
        let began = link.now();
        let moment = |from_start: Instant| began + from_start.since(Instant::ZERO);
        let outage = spec.conditions.outage.map(|outage| Outage { from: moment(outage.from), to: moment(outage.to) });
        let direction = |parity| Direction {
            conditions: Conditions { outage, ..spec.conditions },
            seed: spec.seed,
            parity,
            impairments: Vec::new(),
            transit: Transit::new(),
            held_max,
            not_held: 0,
        };
        ConditionedLink { link, outward: direction(0), inward: direction(1), reserved: Vec::new(), memory: Vec::new() }
    }

    /// What the conditions did so far.
    pub fn conditioned_stats(&self) -> ConditionedStats {
        let not_held = self.outward.not_held + self.inward.not_held;
        ConditionedStats { outward: self.outward.stats(), inward: self.inward.stats(), not_held }
    }

    /// Datagrams in flight, in both directions.
    pub fn held(&self) -> usize {
        self.outward.transit.len() + self.inward.transit.len()
    }

    /// Sends what is due. What the link has no room for stays due.
    fn send_due(&mut self, now: Instant) {
        let transit = &mut self.outward.transit;
        while let Some(held) = transit.peek_due(now) {
            match self.link.reserve(held.envelope, held.bytes.len()) {
                Some(room) => room.copy_from_slice(&held.bytes),
                None => {
                    // Submitting may make room.
                    self.link.submit();
                    let Some(room) = self.link.reserve(held.envelope, held.bytes.len()) else { return };
                    room.copy_from_slice(&held.bytes);
                }
            }
            if let Some(place) = transit.pop_due(now) {
                transit.release(place);
            }
        }
    }
}

impl<L: Link> Link for ConditionedLink<L> {
    fn now(&mut self) -> Instant {
        self.link.now()
    }

    fn receive(&mut self, budget: usize, mut deliver: impl FnMut(Arrival<'_>)) -> usize {
        let (link, inward) = (&mut self.link, &mut self.inward);
        let now = link.now();
        link.receive(budget, |arrival| {
            let (path, arrived_at) = (arrival.path, arrival.arrived_at.unwrap_or(now));
            arrival.datagrams().for_each(|datagram| inward.enter(path, arrived_at, datagram));
        });
        let now = link.now();
        let mut received = 0;
        while received < budget
            && let Some(place) = inward.transit.pop_due(now)
        {
            received += 1;
            let held = inward.transit.get(place);
            assert!(held.due <= now, "a datagram arrives when it is due");
            deliver(Arrival {
                path: held.envelope,
                arrived_at: Some(held.due),
                segment_bytes: held.bytes.len().max(1),
                bytes: &mut held.bytes,
                following: None,
            });
            inward.transit.release(place);
        }
        received
    }

    fn reserve(&mut self, path: Path, len: usize) -> Option<&mut [u8]> {
        assert!((1..=DATAGRAM_BYTES_MAX).contains(&len), "a datagram has 1 to DATAGRAM_BYTES_MAX bytes");
        if self.reserved.len() == RESERVED_MAX {
            return None;
        }
        self.reserved.push((path, len));
        let start = self.memory.len();
        self.memory.resize(start + len, 0);
        Some(&mut self.memory[start..])
    }

    fn submit(&mut self) {
        let now = self.link.now();
        let mut rest = &self.memory[..];
        for (path, len) in self.reserved.drain(..) {
            let (bytes, behind) = rest.split_at(len);
            rest = behind;
            self.outward.enter(path, now, bytes);
        }
        assert!(rest.is_empty(), "every byte belongs to a reserved datagram");
        self.memory.clear();
        self.send_due(now);
        self.link.submit();
    }

    /// Waits until the next datagram is due in either direction, at most.
    fn park(&mut self, wait: Wait) {
        self.submit();
        let due = [&self.outward, &self.inward].into_iter().filter_map(|direction| direction.transit.next_due()).min();
        let until = wait.until.min(due.unwrap_or(Instant::NEVER));
        let gather = wait.gather.min(until.since(self.link.now()));
        self.link.park(Wait { until, gather, ..wait });
    }

    /// The counters of the link underneath: what really left and arrived.
    fn stats(&self) -> LinkStats {
        self.link.stats()
    }
}
