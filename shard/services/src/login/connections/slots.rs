//! How many connections there are, in all and per network.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bits of an IPv6 address that name its network: one customer has at least that many for itself.
const NETWORK_V6: u128 = !0 << 64;

/// The places for connections.
#[derive(Debug)]
pub(super) struct Slots {
    taken: Mutex<Taken>,
    all_max: usize,
    per_network_max: usize,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// At most one entry per connection.
    networks: HashMap<IpAddr, usize>,
}

/// One place. It is free again once this is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    network: IpAddr,
}

/// Why there is no place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Full {
    All,
    Network,
}

impl Slots {
    pub(super) fn new(all_max: usize, per_network_max: usize) -> Arc<Slots> {
        Arc::new(Slots { taken: Mutex::default(), all_max, per_network_max })
    }

    pub(super) fn take(self: &Arc<Slots>, from: IpAddr) -> Result<Slot, Full> {
        let network = network_of(from);
        let mut taken = self.lock();
        if taken.all >= self.all_max {
            return Err(Full::All);
        }
        let of_network = taken.networks.get(&network).copied().unwrap_or(0);
        if of_network >= self.per_network_max {
            return Err(Full::Network);
        }
        taken.networks.insert(network, of_network + 1);
        taken.all += 1;
        drop(taken);
        Ok(Slot { slots: Arc::clone(self), network })
    }

    /// Connections that have a place.
    pub(super) fn taken(&self) -> usize {
        self.lock().all
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.lock();
        taken.all -= 1;
        let left = taken.networks[&self.network] - 1;
        if left == 0 {
            taken.networks.remove(&self.network);
        } else {
            taken.networks.insert(self.network, left);
        }
    }
}

/// The IPv4 address, or the first 64 bits of the IPv6 address.
pub(super) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK_V6).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_fills_before_the_door_does_and_a_dropped_place_is_free_again() {
        let slots = Slots::new(3, 2);
        let first = slots.take(ip("10.0.0.1")).unwrap();
        let _second = slots.take(ip("10.0.0.1")).unwrap();
        assert_eq!(slots.take(ip("10.0.0.1")).unwrap_err(), Full::Network);
        let _third = slots.take(ip("10.0.0.2")).unwrap();
        assert_eq!(slots.take(ip("10.0.0.3")).unwrap_err(), Full::All);
        drop(first);
        let _fourth = slots.take(ip("10.0.0.1")).unwrap();
        assert_eq!(slots.taken(), 3);
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_their_places_and_mapped_addresses_are_ipv4() {
        let slots = Slots::new(10, 1);
        let _one = slots.take(ip("2001:db8:1:2::1")).unwrap();
        assert_eq!(slots.take(ip("2001:db8:1:2:ffff::9")).unwrap_err(), Full::Network);
        let _other = slots.take(ip("2001:db8:1:3::1")).unwrap();
        let _v4 = slots.take(ip("192.0.2.1")).unwrap();
        assert_eq!(slots.take(ip("::ffff:192.0.2.1")).unwrap_err(), Full::Network);
        let _other_v4 = slots.take(ip("::ffff:192.0.2.2")).unwrap();
    }

    #[test]
    fn no_entry_is_left_of_a_network_without_connections() {
        let slots = Slots::new(10, 1);
        drop(slots.take(ip("10.0.0.1")).unwrap());
        assert!(slots.lock().networks.is_empty());
        assert_eq!(slots.taken(), 0);
    }
}
