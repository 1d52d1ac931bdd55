//! Rate limits: per client and action, changeable while running.

use crate::AccountId;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

/// Clients whose rate one action follows. Those beyond share one limit.
pub(super) const CLIENTS_MAX: usize = 16_384;
/// The longest wait that a refusal names.
const WAIT_MAX: Duration = Duration::from_secs(3600);

/// Whom a rate is counted for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum RateKey {
    Account(AccountId),
    /// An IPv4 address, or the /64 network of an IPv6 address: a household has all of its addresses.
    Network(u64),
    /// Everybody for whom there is no room.
    Rest,
}

impl RateKey {
    pub fn new(account: Option<AccountId>, address: IpAddr) -> Self {
        match (account, address.to_canonical()) {
            (Some(account), _) => RateKey::Account(account),
            (None, IpAddr::V4(address)) => RateKey::Network(u64::from(address.to_bits())),
            (None, IpAddr::V6(address)) => RateKey::Network((address.to_bits() >> 64) as u64),
        }
    }
}

/// The rates of all clients of an action.
#[derive(Debug)]
pub(super) struct Rates(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    per_second: f64,
    burst: f64,
    buckets: HashMap<RateKey, Bucket>,
    /// When full buckets were last removed.
    swept: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    filled: Duration,
}

impl Bucket {
    fn fill(&mut self, now: Duration, per_second: f64, burst: f64) {
        let passed = now.saturating_sub(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * per_second).min(burst);
        self.filled = now;
    }
}

impl Rates {
    pub fn new(per_second: f64, burst: u32) -> Self {
        let (per_second, burst) = sane(per_second, burst);
        Rates(Mutex::new(Inner { per_second, burst, buckets: HashMap::new(), swept: Duration::ZERO }))
    }

    /// Changes the limit for all clients from now on.
    pub fn set(&self, per_second: f64, burst: u32) {
        let mut inner = self.0.lock().expect("no thread panics with the lock");
        (inner.per_second, inner.burst) = sane(per_second, burst);
    }

    /// The calls per second and the burst.
    pub fn limit(&self) -> (f64, u32) {
        let inner = self.0.lock().expect("no thread panics with the lock");
        (inner.per_second, inner.burst as u32)
    }

    /// Counts a call of a client.
    ///
    /// # Errors
    /// If it is one too many: when to try again.
    pub fn take(&self, key: RateKey, now: Duration) -> Result<(), Duration> {
        let mut inner = self.0.lock().expect("no thread panics with the lock");
        let (per_second, burst) = (inner.per_second, inner.burst);
        let key = inner.room(key, now);
        let bucket = inner.buckets.entry(key).or_insert(Bucket { tokens: burst, filled: now });
        bucket.fill(now, per_second, burst);
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        let wait = Duration::try_from_secs_f64((1.0 - bucket.tokens) / per_second).unwrap_or(WAIT_MAX);
        // In whole ms, so that a client that waits exactly so long is let in.
        Err(Duration::from_millis(wait.min(WAIT_MAX).as_millis() as u64 + 1))
    }
}

impl Inner {
    /// The key to count for: that of the client, if there is room.
    fn room(&mut self, key: RateKey, now: Duration) -> RateKey {
        if self.buckets.len() < CLIENTS_MAX || self.buckets.contains_key(&key) {
            return key;
        }
        if now.saturating_sub(self.swept) >= Duration::from_secs(1) {
            self.swept = now;
            let (per_second, burst) = (self.per_second, self.burst);
            self.buckets.retain(|_, bucket| {
                bucket.fill(now, per_second, burst);
                bucket.tokens < burst
            });
        }
        if self.buckets.len() < CLIENTS_MAX { key } else { RateKey::Rest }
    }
}

fn sane(per_second: f64, burst: u32) -> (f64, f64) {
    let per_second = if per_second.is_finite() { per_second.max(0.0) } else { 0.0 };
    (per_second, f64::from(burst.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: RateKey = RateKey::Network(1);
    const B: RateKey = RateKey::Network(2);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_client_that_waits_as_long_as_it_is_told_is_let_in() {
        let rates = Rates::new(3.0, 2);
        assert_eq!([rates.take(A, ms(0)), rates.take(A, ms(0))], [Ok(()), Ok(())]);
        let wait = rates.take(A, ms(0)).expect_err("the burst is over");
        assert_eq!(wait, ms(334));
        assert!(rates.take(A, wait - ms(2)).is_err());
        assert_eq!(rates.take(A, wait), Ok(()));
        assert_eq!(rates.take(B, ms(0)), Ok(()), "another client");
    }

    #[test]
    fn a_changed_limit_holds_at_once() {
        let rates = Rates::new(1.0, 1);
        rates.take(A, ms(0)).unwrap();
        assert_eq!(rates.take(A, ms(0)), Err(ms(1001)));
        rates.set(100.0, 5);
        assert_eq!(rates.take(A, ms(10)), Ok(()));
        rates.set(0.0, 5);
        rates.take(A, ms(10)).unwrap_err();
        assert_eq!(rates.take(A, ms(1_000_000)), Err(WAIT_MAX + ms(1)));
    }

    #[test]
    fn clients_beyond_the_bound_share_a_limit_and_idle_ones_make_room() {
        let rates = Rates::new(1.0, 1);
        for client in 0..CLIENTS_MAX as u64 {
            rates.take(RateKey::Network(client), ms(0)).unwrap();
        }
        assert_eq!(rates.take(RateKey::Network(1 << 40), ms(0)), Ok(()));
        assert!(rates.take(RateKey::Network(1 << 41), ms(0)).is_err(), "it shares with the one before");
        assert_eq!(rates.0.lock().unwrap().buckets.len(), CLIENTS_MAX + 1);
        assert_eq!(rates.take(RateKey::Network(1 << 41), ms(2000)), Ok(()));
        assert_eq!(rates.0.lock().unwrap().buckets.len(), 1);
    }

    #[test]
    fn a_household_is_one_client() {
        let key = |address: &str| RateKey::new(None, address.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
        assert_ne!(key("10.0.0.1"), RateKey::new(Some(AccountId(1)), "10.0.0.1".parse().unwrap()));
    }
}
