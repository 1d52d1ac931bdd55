//! How fast a network may connect, and its site, which is a /48 of IPv6. A TLS handshake costs a signature, so each is worth a
//! limit.
//!
//! The memory is fixed. A keyed hash gives each network four places, so an attacker cannot choose whose place to take. Of the
//! four, the network that has used least of its burst is forgotten first.

use super::{SITE_NETWORKS, site_of};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::Duration;

/// Sets of [`WAYS`] places: 8,192 networks in 192 KiB.
const SETS: usize = 2_048;
const WAYS: usize = 4;

/// Meters the connections of each network, and of each site as those of 16 networks. Ask it about [`network_of`](super::network_of) an address.
#[derive(Debug)]
pub struct Arrivals {
    secret: RandomState,
    sets: Box<[[Meter; WAYS]]>,
    every: Duration,
    burst: u32,
}

/// What has a meter.
#[derive(Clone, Copy, Hash)]
enum Metered {
    Network(IpAddr),
    Site(IpAddr),
}

/// What a network or a site has used of its burst.
#[derive(Clone, Copy, Default, Debug)]
struct Meter {
    /// Hash of what it is for; 0 if the place is free.
    network: u64,
    /// When its burst is whole again.
    whole_at: Duration,
}

impl Arrivals {
    /// One connection per `every`, over a longer time, and `burst` at once.
    pub fn new(every: Duration, burst: u32) -> Arrivals {
        let sets = vec![[Meter::default(); WAYS]; SETS].into();
        Arrivals { secret: RandomState::new(), sets, every, burst }
    }

    /// Takes another limit.
    pub fn limit(&mut self, every: Duration, burst: u32) {
        (self.every, self.burst) = (every, burst);
    }

    /// Whether this connection is within the limits. `now` counts from any time in the past, always the same.
    pub fn arrive(&mut self, network: IpAddr, now: Duration) -> bool {
        let (every, burst) = (self.every, self.burst);
        let limits = [
            Some((Metered::Network(network), every)),
            site_of(network).map(|site| (Metered::Site(site), every / SITE_NETWORKS)),
        ];
        let limits = || limits.into_iter().flatten();
        // Both have the same burst in time.
        let latest = now + every * burst;
        let fits = limits().all(|(what, each)| self.meter(what).whole_at.max(now) + each <= latest);
        if fits {
            for (what, each) in limits() {
                let meter = self.meter(what);
                meter.whole_at = meter.whole_at.max(now) + each;
            }
        }
        fits
    }

    fn meter(&mut self, what: Metered) -> &mut Meter {
        let hash = self.secret.hash_one(what) | 1;
        let set = &mut self.sets[(hash >> 32) as usize % SETS];
        let place = (0..WAYS).find(|&place| set[place].network == hash).unwrap_or_else(|| {
            let place = (0..WAYS).min_by_key(|&place| set[place].whole_at).expect("a set has places");
            set[place] = Meter { network: hash, ..Meter::default() };
            place
        });
        &mut set[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const EVERY: Duration = Duration::from_millis(100);

    #[test]
    fn a_network_has_its_burst_and_then_its_rate_and_no_other_pays_for_it() {
        let mut arrivals = Arrivals::new(EVERY, 3);
        let (one, other) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let now = Duration::from_secs(9);
        assert_eq!([(); 5].map(|()| arrivals.arrive(one, now)), [true, true, true, false, false]);
        assert!(arrivals.arrive(other, now));
        assert!(!arrivals.arrive(one, now + EVERY - Duration::from_millis(1)));
        assert!(arrivals.arrive(one, now + EVERY));
        assert!(!arrivals.arrive(one, now + EVERY));
    }

    /// An attacker with many networks cannot make the limit forget one that has used its burst.
    #[test]
    fn a_network_that_has_used_its_burst_is_remembered_among_many() {
        let mut arrivals = Arrivals::new(EVERY, 100);
        let now = Duration::from_secs(9);
        let greedy = Ipv4Addr::from_bits(0).into();
        assert_eq!((0..200).filter(|_| arrivals.arrive(greedy, now)).count(), 100);
        for number in 1..100_000 {
            assert!(arrivals.arrive(Ipv4Addr::from_bits(number).into(), now));
        }
        assert!(!arrivals.arrive(greedy, now));
    }

    #[test]
    fn a_customer_with_many_networks_has_the_rate_of_16() {
        let mut arrivals = Arrivals::new(EVERY, 10);
        let network = |site: u16, number: u16| IpAddr::from([0x2001, 0xdb8, site, number, 0, 0, 0, 0]);
        let now = Duration::from_secs(9);
        let arrived = |arrivals: &mut Arrivals, now| {
            (0..10_000).filter(|&number| arrivals.arrive(network(1, number), now)).count()
        };
        assert_eq!(arrived(&mut arrivals, now), 160);
        assert_eq!(arrived(&mut arrivals, now + EVERY), 16);
        assert!(arrivals.arrive(network(2, 0), now), "the neighbour has not used its own");
    }
}
