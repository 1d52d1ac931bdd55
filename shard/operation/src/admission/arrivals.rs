//! How fast a network may connect. A TLS handshake costs a signature, so each is worth a limit.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// Networks that are remembered. Beyond them, an unknown network is not limited: then the limit of connections in all holds.
const NETWORKS_MAX: usize = 8_192;

/// Meters the connections of each network. Ask it about [`network_of`](super::network_of) an address.
#[derive(Debug)]
pub struct Arrivals {
    /// When the network's burst is whole again. At most [`NETWORKS_MAX`] entries.
    whole_at: HashMap<IpAddr, Duration>,
    every: Duration,
    burst: u32,
}

impl Arrivals {
    /// One connection per `every`, over a longer time, and `burst` at once.
    pub fn new(every: Duration, burst: u32) -> Arrivals {
        Arrivals { whole_at: HashMap::new(), every, burst }
    }

    /// Takes another limit.
    pub fn limit(&mut self, every: Duration, burst: u32) {
        (self.every, self.burst) = (every, burst);
    }

    /// Whether this connection is within the limit. `now` counts from any time in the past, always the same.
    pub fn arrive(&mut self, network: IpAddr, now: Duration) -> bool {
        if self.whole_at.len() >= NETWORKS_MAX && !self.whole_at.contains_key(&network) {
            self.whole_at.retain(|_, whole_at| *whole_at > now);
            if self.whole_at.len() >= NETWORKS_MAX {
                return true;
            }
        }
        let whole_at = self.whole_at.entry(network).or_insert(now);
        let then = (*whole_at).max(now) + self.every;
        let fits = then <= now + self.every * self.burst;
        if fits {
            *whole_at = then;
        }
        fits
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

    #[test]
    fn the_networks_that_are_remembered_are_bounded() {
        let mut arrivals = Arrivals::new(EVERY, 1);
        let now = Duration::from_secs(9);
        for number in 0..NETWORKS_MAX as u32 + 100 {
            assert!(arrivals.arrive(Ipv4Addr::from_bits(number).into(), now));
        }
        assert_eq!(arrivals.whole_at.len(), NETWORKS_MAX);
        assert!(!arrivals.arrive(Ipv4Addr::from_bits(0).into(), now), "a known network is limited all the same");
        assert!(arrivals.arrive(Ipv4Addr::from_bits(u32::MAX).into(), now + EVERY));
        assert_eq!(arrivals.whole_at.len(), 1, "a network with a whole burst is forgotten");
    }
}
