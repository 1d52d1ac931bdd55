//! How fast a network may connect. A handshake costs the gateway a signature, so each is worth a limit.

use crate::clock::{Nanos, SECOND};
use std::collections::HashMap;
use std::net::IpAddr;

/// Networks that are remembered. Beyond them, an unknown network is not limited: then the number in all is the limit.
const NETWORKS_MAX: usize = 8_192;
/// Connections that may come at once, in seconds of the rate.
const BURST_SECONDS: u64 = 10;

/// Meters the connections of each network.
#[derive(Debug)]
pub(crate) struct Arrivals {
    /// When the network's burst is whole again. At most [`NETWORKS_MAX`] entries.
    whole_at: HashMap<IpAddr, Nanos>,
    every: Nanos,
}

impl Arrivals {
    pub(crate) fn new(per_second: u32) -> Arrivals {
        let mut arrivals = Arrivals { whole_at: HashMap::new(), every: 0 };
        arrivals.limit(per_second);
        arrivals
    }

    pub(super) fn limit(&mut self, per_second: u32) {
        self.every = SECOND / u64::from(per_second.max(1));
    }

    /// Whether this connection is within the limit.
    pub(crate) fn arrive(&mut self, network: IpAddr, now: Nanos) -> bool {
        if self.whole_at.len() >= NETWORKS_MAX && !self.whole_at.contains_key(&network) {
            self.whole_at.retain(|_, whole_at| *whole_at > now);
            if self.whole_at.len() >= NETWORKS_MAX {
                return true;
            }
        }
        let whole_at = self.whole_at.entry(network).or_insert(now);
        let then = (*whole_at).max(now) + self.every;
        let fits = then <= now + BURST_SECONDS * SECOND;
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

    #[test]
    fn a_network_has_its_burst_and_then_its_rate_and_no_other_pays_for_it() {
        let mut arrivals = Arrivals::new(2);
        let (one, other) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        assert_eq!((0..50).filter(|_| arrivals.arrive(one, 5)).count(), 20);
        assert!(arrivals.arrive(other, 5));
        assert!(!arrivals.arrive(one, 4 + SECOND / 2));
        assert!(arrivals.arrive(one, 5 + SECOND / 2));
        assert!(!arrivals.arrive(one, 5 + SECOND / 2));
    }

    #[test]
    fn the_networks_that_are_remembered_are_bounded() {
        let mut arrivals = Arrivals::new(1);
        for number in 0..NETWORKS_MAX as u32 + 100 {
            assert!(arrivals.arrive(Ipv4Addr::from_bits(number).into(), 0));
        }
        assert_eq!(arrivals.whole_at.len(), NETWORKS_MAX);
        assert!(arrivals.arrive(Ipv4Addr::from_bits(u32::MAX).into(), SECOND));
        assert_eq!(arrivals.whole_at.len(), 1, "a network with a whole burst is forgotten");
    }
}
