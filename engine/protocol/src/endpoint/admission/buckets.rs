//! Token buckets by address, in fixed memory.
//!
//! A keyed hash gives each address four places for its bucket, so an attacker cannot choose whose bucket to displace. The
//! fullest of the four is displaced first; an address without a bucket has a full one.

use crate::crypto::Csprng;
use crate::time::{Duration, Instant};
use core::hash::Hasher;
use rand_chacha::rand_core::Rng;
use std::hash::DefaultHasher;

/// Sets of [`WAYS`] buckets: 8,192 addresses in 256 KiB.
const SETS: usize = 2048;
const WAYS: usize = 4;

/// How a bucket fills.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// Tokens per second.
    pub(super) per_second: u64,
    /// Tokens in a full bucket.
    pub(super) at_once: u64,
}

/// A bucket, stored as the time at which it is full again.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Bucket {
    full_at: Instant,
}

impl Bucket {
    /// Takes a token; false if there is none.
    pub(super) fn take(&mut self, now: Instant, rate: Rate) -> bool {
        let has = self.has(now, rate);
        if has {
            self.full_at = self.full_at.max(now) + Duration::from_nanos(nanos(rate, 1));
        }
        has
    }

    /// Whether there is a token.
    pub(super) fn has(&self, now: Instant, rate: Rate) -> bool {
        self.ready_at(rate) <= now
    }

    /// When there is a token next.
    pub(super) fn ready_at(&self, rate: Rate) -> Instant {
        let (full, one) = (nanos(rate, rate.at_once.max(1)), nanos(rate, 1));
        assert!(full >= one, "a full bucket has a token");
        let spare = full - one;
        Instant::from_nanos(self.full_at.as_nanos().saturating_sub(spare))
    }
}

#[derive(Clone, Copy, Default, Debug)]
struct Owned {
    /// Hash of the address; 0 if the place is free.
    key: u64,
    bucket: Bucket,
}

#[derive(Debug)]
pub(super) struct Buckets {
    secret: u64,
    sets: Box<[[Owned; WAYS]]>,
}

impl Buckets {
    pub(super) fn new(random: &mut Csprng) -> Self {
        Buckets { secret: random.next_u64(), sets: vec![[Owned::default(); WAYS]; SETS].into() }
    }

    /// Takes a token from the bucket of `address`; false if it is empty.
    pub(super) fn take(&mut self, now: Instant, address: u128, rate: Rate) -> bool {
        self.of(address).take(now, rate)
    }

    /// Whether the bucket of `address` has a token.
    pub(super) fn has(&mut self, now: Instant, address: u128, rate: Rate) -> bool {
        self.of(address).has(now, rate)
    }

    fn of(&mut self, address: u128) -> &mut Bucket {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.secret);
        hasher.write_u128(address);
        let key = hasher.finish() | 1;
        let set = &mut self.sets[(key >> 32) as usize % SETS];
        let index = (0..WAYS).find(|&index| set[index].key == key).unwrap_or_else(|| {
            let fullest = (0..WAYS).min_by_key(|&index| set[index].bucket.full_at).expect("a set has ways");
            set[fullest] = Owned { key, bucket: Bucket::default() };
            fullest
        });
        &mut set[index].bucket
    }
}

/// Time in which `tokens` tokens are added.
fn nanos(rate: Rate, tokens: u64) -> u64 {
    (u128::from(tokens) * 1_000_000_000 / u128::from(rate.per_second.max(1))).min(u64::MAX as u128 / 4) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    const RATE: Rate = Rate { per_second: 10, at_once: 50 };

    fn buckets() -> Buckets {
        Buckets::new(&mut Csprng::from_seed([3; 32]))
    }

    fn taken(buckets: &mut Buckets, now: Instant, address: u128) -> usize {
        (0..1000).take_while(|_| buckets.take(now, address, RATE)).count()
    }

    #[test]
    fn gives_what_it_holds_at_once_and_then_its_rate() {
        let (mut buckets, start) = (buckets(), Instant::ZERO + Duration::from_secs(100));
        assert_eq!(taken(&mut buckets, start, 1), 50);
        assert!(!buckets.has(start, 1, RATE) && buckets.has(start, 2, RATE));
        assert_eq!(taken(&mut buckets, start + Duration::from_millis(999), 1), 9);
        assert_eq!(taken(&mut buckets, start + Duration::from_secs(3600), 1), 50, "never more than it holds");
        assert_eq!(taken(&mut buckets, start, 2), 50, "each address has its own");
    }

    #[test]
    fn an_empty_bucket_is_not_displaced_by_full_ones() {
        let (mut buckets, now) = (buckets(), Instant::ZERO + Duration::from_secs(100));
        assert_eq!(taken(&mut buckets, now, 7), 50);
        for other in 1_000..4_000 {
            assert!(buckets.take(now, other, RATE));
        }
        assert_eq!(taken(&mut buckets, now, 7), 0);
    }

    #[test]
    fn no_limit_is_no_limit() {
        let free = Rate { per_second: u64::MAX, at_once: u64::MAX };
        let mut buckets = buckets();
        assert!((0..10_000).all(|_| buckets.take(Instant::ZERO, 1, free)));
    }
}
