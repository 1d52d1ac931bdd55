//! One direction of a path under conditions: decides the fate of each datagram.

use super::{Chance, Conditions};
use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard_protocol::crypto::Csprng;
use ringshard_protocol::time::{Duration, Instant};

/// One arrival of a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// The time of arrival.
    pub at: Instant,
    /// The bit that arrives inverted: bit `n % 8` of byte `n / 8`.
    pub flipped_bit: Option<usize>,
}

impl Delivery {
    /// Inverts that bit in the datagram's bytes.
    pub fn damage(&self, bytes: &mut [u8]) {
        if let Some(bit) = self.flipped_bit {
            flip(bytes, bit);
        }
    }
}

/// Inverts one bit.
pub(crate) fn flip(bytes: &mut [u8], bit: usize) {
    bytes[bit / 8] ^= 1 << (bit % 8);
}

/// The arrivals of one datagram: none, one or two, in any order.
pub type Fate = [Option<Delivery>; 2];

ringshard_protocol::counters! {
    /// What an impairment did.
    ImpairmentStats {
        /// Datagrams that entered.
        entered,
        /// Lost in the outage.
        lost_in_outage,
        /// Lost because they were larger than the MTU.
        too_large,
        /// Lost in bursts.
        lost_in_bursts,
        /// Lost at random.
        lost,
        /// Dropped because the queue before the line was full.
        queue_full,
        /// Arrived twice.
        duplicated,
        /// Arrivals that were held back so that others could overtake.
        held_back,
        /// Arrivals with a bit inverted.
        corrupted,
    }
}

impl ImpairmentStats {
    /// Datagrams that entered and never arrive.
    pub fn all_lost(&self) -> u64 {
        self.lost_in_outage + self.too_large + self.lost_in_bursts + self.lost + self.queue_full
    }
}

/// The line and its queue, as the bytes that have not left yet.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    /// In billionths of a byte, so that no rate suffers from rounding.
    backlog: u64,
    /// The time at which `backlog` was computed.
    as_of: Instant,
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// One direction of a path under [`Conditions`].
///
/// Every fate follows from the seed, the stream, and the order of calls.
#[derive(Clone, Debug)]
pub struct Impairment {
    conditions: Conditions,
    random: Csprng,
    in_burst: bool,
    line: Line,
    /// The arrival of the last datagram, if order is kept.
    last_arrival: Instant,
    stats: ImpairmentStats,
}

impl Impairment {
    /// A direction with nothing in flight. Directions with one seed and different `stream`s draw independently.
    ///
    /// # Panics
    /// When a condition is out of its range: see [`Conditions::check`].
    pub fn new(conditions: Conditions, seed: u64, stream: u64) -> Self {
        assert_eq!(conditions.check(), Ok(()));
        let mut random = Csprng::seed_from_u64(seed);
        random.set_stream(stream);
        Impairment {
            conditions,
            random,
            in_burst: false,
            line: Line::default(),
            last_arrival: Instant::ZERO,
            stats: ImpairmentStats::default(),
        }
    }

    /// The conditions in force.
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Changes the conditions from now on. Queued datagrams stay queued; those that enter later see the new rate.
    ///
    /// # Panics
    /// When a condition is out of its range: see [`Conditions::check`].
    pub fn set_conditions(&mut self, conditions: Conditions) {
        assert_eq!(conditions.check(), Ok(()));
        self.conditions = conditions;
        self.in_burst &= conditions.burst.is_some();
        if conditions.rate.is_none() {
            self.line = Line::default();
        }
    }

    /// What happened so far.
    pub fn stats(&self) -> ImpairmentStats {
        self.stats
    }

    /// The fate of a datagram of `len` bytes that enters at `now`.
    pub fn pass(&mut self, now: Instant, len: usize) -> Fate {
        self.stats.entered += 1;
        if self.conditions.outage.is_some_and(|outage| (outage.from..outage.to).contains(&now)) {
            self.stats.lost_in_outage += 1;
            return Fate::default();
        }
        if self.conditions.mtu.is_some_and(|mtu| len > mtu) {
            self.stats.too_large += 1;
            return Fate::default();
        }
        if self.lost_in_burst() {
            self.stats.lost_in_bursts += 1;
            return Fate::default();
        }
        if self.strikes(self.conditions.loss) {
            self.stats.lost += 1;
            return Fate::default();
        }
        let Some(sent_at) = self.queue(now, len) else {
            self.stats.queue_full += 1;
            return Fate::default();
        };
        let twice = self.strikes(self.conditions.duplication);
        self.stats.duplicated += u64::from(twice);
        let first = self.deliver(sent_at, len);
        [Some(first), twice.then(|| self.deliver(sent_at, len))]
    }

    fn lost_in_burst(&mut self) -> bool {
        let Some(burst) = self.conditions.burst else { return false };
        if !self.in_burst && !self.strikes(burst.enter) {
            return false;
        }
        // Each datagram ends its burst with the same chance, which gives the mean length.
        self.in_burst = self.below(burst.mean_length.into()) != 0;
        true
    }

    /// When the datagram has left the line; None if the queue is full.
    fn queue(&mut self, now: Instant, len: usize) -> Option<Instant> {
        let Some(rate) = self.conditions.rate else { return Some(now) };
        let per_second = rate.bytes_per_second;
        let elapsed = now.since(self.line.as_of).as_nanos() as u64;
        self.line.backlog = self.line.backlog.saturating_sub(elapsed.saturating_mul(per_second));
        self.line.as_of = self.line.as_of.max(now);
        let after = self.line.backlog + len as u64 * NANOS_PER_SECOND;
        if self.line.backlog > 0 && after > rate.queue_bytes * NANOS_PER_SECOND {
            return None;
        }
        self.line.backlog = after;
        assert!(after <= rate.queue_bytes.max(len as u64) * NANOS_PER_SECOND, "only an idle line exceeds its queue");
        Some(self.line.as_of + Duration::from_nanos(after.div_ceil(per_second)))
    }

    fn deliver(&mut self, sent_at: Instant, len: usize) -> Delivery {
        let Conditions { delay, jitter, keeps_order, reorder, corruption, .. } = self.conditions;
        let mut at = sent_at + delay + self.up_to(jitter);
        if keeps_order {
            at = at.max(self.last_arrival);
            self.last_arrival = at;
        }
        if let Some(reorder) = reorder
            && self.strikes(reorder.chance)
        {
            self.stats.held_back += 1;
            at = at + self.up_to(reorder.hold_max);
        }
        let damaged = len > 0 && self.strikes(corruption);
        self.stats.corrupted += u64::from(damaged);
        Delivery { at, flipped_bit: damaged.then(|| self.below(len as u64 * 8) as usize) }
    }

    /// Draws whether something happens. A chance of 0 draws nothing, and costs nothing.
    fn strikes(&mut self, chance: Chance) -> bool {
        let scaled = |draw: u32| ((u64::from(draw) * 1_000_000) >> 32) as u32;
        chance > Chance::NEVER && scaled(self.random.next_u32()) < chance.as_per_million()
    }

    /// A duration from zero to below `most`.
    fn up_to(&mut self, most: Duration) -> Duration {
        if most.is_zero() { most } else { Duration::from_nanos(self.below(most.as_nanos() as u64)) }
    }

    /// A number from zero to below `end`.
    fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.random.next_u64()) * u128::from(end)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests;
