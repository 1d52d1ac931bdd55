//! How many connections there may be, and how fast an address may ask. An IPv6 address counts as its /64, because one customer
//! has at least that many addresses.

use super::settings::LimitSettings;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Networks whose rate is remembered. Beyond them, an unknown network is not limited.
const NETWORKS_MAX: usize = 65_536;
/// Requests that may come at once, in seconds of the rate.
const BURST_SECONDS: u32 = 10;

/// The places for connections.
#[derive(Debug)]
pub(super) struct Places {
    limits: LimitSettings,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// At most one entry per connection.
    networks: HashMap<IpAddr, usize>,
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
        Arc::new(Places { limits, taken: Mutex::default() })
    }

    /// A place, unless there are as many connections as there may be, in all or from this address.
    pub(super) fn take(self: &Arc<Places>, from: IpAddr, is_proxy: bool) -> Option<Place> {
        let network = (!is_proxy && !is_allowed(&self.limits, from)).then(|| network_of(from));
        let mut taken = self.lock();
        if taken.all >= self.limits.connections {
            return None;
        }
        if let Some(network) = network {
            let of_network = taken.networks.get(&network).copied().unwrap_or(0);
            if of_network >= self.limits.connections_per_address {
                return None;
            }
            taken.networks.insert(network, of_network + 1);
        }
        taken.all += 1;
        Some(Place { places: Arc::clone(self), network })
    }

    /// Connections now.
    pub(super) fn taken(&self) -> usize {
        self.lock().all
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.all -= 1;
        let Some(network) = self.network else { return };
        let left = taken.networks[&network] - 1;
        if left == 0 {
            taken.networks.remove(&network);
        } else {
            taken.networks.insert(network, left);
        }
    }
}

/// How fast addresses ask.
#[derive(Debug)]
pub(super) struct Rates {
    limits: LimitSettings,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    /// When the network's burst is whole again. At most [`NETWORKS_MAX`] entries.
    whole_at: HashMap<IpAddr, Instant>,
    /// When networks are forgotten again. A flood from many networks must not make every request look at all of them.
    sweep_at: Instant,
}

impl Rates {
    pub(super) fn new(limits: LimitSettings) -> Rates {
        Rates { limits, known: Mutex::new(Known { whole_at: HashMap::new(), sweep_at: Instant::now() }) }
    }

    /// Whether this request is within the limit of its address.
    pub(super) fn ask(&self, from: IpAddr, now: Instant) -> bool {
        if is_allowed(&self.limits, from) {
            return true;
        }
        let every = Duration::from_secs(1) / self.limits.requests_per_second.max(1);
        let network = network_of(from);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.whole_at.len() >= NETWORKS_MAX && !known.whole_at.contains_key(&network) {
            if now >= known.sweep_at {
                known.whole_at.retain(|_, whole_at| *whole_at > now);
                known.sweep_at = now + Duration::from_secs(1);
            }
            if known.whole_at.len() >= NETWORKS_MAX {
                return true;
            }
        }
        let whole_at = known.whole_at.entry(network).or_insert(now);
        let then = (*whole_at).max(now) + every;
        let fits = then <= now + Duration::from_secs(BURST_SECONDS.into());
        if fits {
            *whole_at = then;
        }
        fits
    }
}

fn is_allowed(limits: &LimitSettings, address: IpAddr) -> bool {
    limits.allow.iter().any(|network| network.contains(&address))
}

/// The IPv4 address, or the first 64 bits of the IPv6 address.
pub(super) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (!0 << 64)).into(),
        v4 => v4,
    }
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
    fn the_addresses_that_are_remembered_are_bounded() {
        let rates = Rates::new(limits());
        let now = Instant::now();
        for number in 0..NETWORKS_MAX as u32 + 10 {
            assert!(rates.ask(std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).into(), now));
        }
        assert_eq!(rates.known.lock().unwrap().whole_at.len(), NETWORKS_MAX);
    }
}
