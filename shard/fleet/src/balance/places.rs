//! How many connections there may be, and how fast an address may ask. An IPv6 address counts as its /64, because one customer
//! has at least that many addresses. A /48 has the limits of 16 of these, because one customer may have as many.

use super::settings::LimitSettings;
use ringshard_operation::admission::{self, Arrivals, network_of};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Requests that may come at once, in seconds of the rate.
const BURST_SECONDS: u32 = 10;

/// The places for connections.
#[derive(Debug)]
pub(super) struct Places {
    limits: LimitSettings,
    places: Mutex<admission::Places>,
}

/// One place. It is free again once this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    /// None: the address has no limit of its own.
    network: Option<IpAddr>,
}

impl Places {
    pub(super) fn new(limits: LimitSettings) -> Arc<Places> {
        let places = admission::Places::new(limits.connections, limits.connections_per_address);
        Arc::new(Places { limits, places: Mutex::new(places) })
    }

    /// A place, unless there are as many connections as there may be, in all or from this address.
    pub(super) fn take(self: &Arc<Places>, from: IpAddr, is_proxy: bool) -> Option<Place> {
        let network = (!is_proxy && !is_allowed(&self.limits, from)).then(|| network_of(from));
        self.lock().take(network).ok()?;
        Some(Place { places: Arc::clone(self), network })
    }

    /// Connections now.
    pub(super) fn taken(&self) -> usize {
        self.lock().taken()
    }

    fn lock(&self) -> MutexGuard<'_, admission::Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.lock().give_back(self.network);
    }
}

/// How fast addresses ask.
#[derive(Debug)]
pub(super) struct Rates {
    limits: LimitSettings,
    arrivals: Mutex<Arrivals>,
    started: Instant,
}

impl Rates {
    pub(super) fn new(limits: LimitSettings) -> Rates {
        let per_second = limits.requests_per_second.max(1);
        let arrivals = Arrivals::new(Duration::from_secs(1) / per_second, per_second.saturating_mul(BURST_SECONDS));
        Rates { limits, arrivals: Mutex::new(arrivals), started: Instant::now() }
    }

    /// Whether this request is within the limit of its address.
    pub(super) fn ask(&self, from: IpAddr, now: Instant) -> bool {
        if is_allowed(&self.limits, from) {
            return true;
        }
        let now = now.saturating_duration_since(self.started);
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).arrive(network_of(from), now)
    }
}

fn is_allowed(limits: &LimitSettings, address: IpAddr) -> bool {
    limits.allow.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn limits() -> LimitSettings {
        LimitSettings { connections: 3, connections_per_address: 2, requests_per_second: 2, ..LimitSettings::default() }
    }

    #[test]
    fn an_address_fills_before_the_balancer_does_and_a_dropped_place_is_free_again() {
        let places = Places::new(limits());
        let first = places.take(ip("2001:db8::1"), false).unwrap();
        let _second = places.take(ip("2001:db8::2"), false).unwrap();
        assert!(places.take(ip("2001:db8::3"), false).is_none());
        let _third = places.take(ip("10.0.0.2"), false).unwrap();
        assert!(places.take(ip("10.0.0.3"), false).is_none());
        drop(first);
        let _fourth = places.take(ip("2001:db8::4"), false).unwrap();
        assert_eq!(places.taken(), 3);
    }

    #[test]
    fn proxies_and_allowed_networks_are_limited_in_all_alone() {
        let places = Places::new(limits());
        let _of_proxy = [0, 1].map(|_| places.take(ip("10.0.0.1"), true).unwrap());
        let _allowed = places.take(ip("127.0.0.1"), false).unwrap();
        assert!(places.take(ip("127.0.0.1"), false).is_none());
        let rates = Rates::new(limits());
        assert!((0..1_000).all(|_| rates.ask(ip("127.0.0.1"), Instant::now())));
    }

    #[test]
    fn an_address_has_its_burst_and_then_its_rate_and_no_other_pays_for_it() {
        let rates = Rates::new(limits());
        let now = Instant::now();
        assert_eq!((0..50).filter(|_| rates.ask(ip("10.0.0.1"), now)).count(), 20);
        assert!(rates.ask(ip("10.0.0.2"), now));
        assert!(rates.ask(ip("10.0.0.1"), now + Duration::from_millis(500)));
        assert!(!rates.ask(ip("10.0.0.1"), now + Duration::from_millis(500)));
    }

    #[test]
    fn a_customer_with_many_networks_has_the_limits_of_16() {
        let network = |number: u16| IpAddr::from([0x2001, 0xdb8, 1, number, 0, 0, 0, 0]);
        let places = Places::new(LimitSettings { connections: 100, ..limits() });
        let taken: Vec<_> = (0..1_000).filter_map(|number| places.take(network(number), false)).collect();
        assert_eq!(taken.len(), 32);
        let rates = Rates::new(limits());
        let now = Instant::now();
        assert_eq!((0..1_000).filter(|&number| rates.ask(network(number), now)).count(), 320);
        assert!(rates.ask(ip("2001:db8:2::1"), now), "the neighbour has not used its own");
    }
}
