//! Networks of addresses, and what addresses have in common: those that share a limit, and those that share a queue.

use core::net::{IpAddr, Ipv6Addr};

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Network {
    first: u128,
    last: u128,
}

impl Network {
    /// The addresses whose first `prefix` bits are those of `address`; an IPv4 network of at most 32, an IPv6 network
    /// of at most 128 bits.
    pub fn new(address: IpAddr, prefix: u8) -> Self {
        let prefix = match address {
            IpAddr::V4(_) => u32::from(prefix.min(32)) + 96,
            IpAddr::V6(_) => u32::from(prefix.min(128)),
        };
        let rest = u128::MAX.checked_shr(prefix).unwrap_or(0);
        let bits = bits(address);
        let network = Network { first: bits & !rest, last: bits | rest };
        assert!(network.first <= bits && bits <= network.last, "a network contains its own address");
        network
    }
}

/// The address as an IPv6 address; IPv4 addresses are in `::ffff:0:0/96`.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
    .to_bits()
}

/// A set of networks. A lookup is a binary search.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Networks {
    /// In order, without overlap.
    ranges: Vec<Network>,
}

impl Networks {
    /// Whether one of them contains the address.
    pub fn contain(&self, address: IpAddr) -> bool {
        let bits = bits(address);
        let behind = self.ranges.partition_point(|range| range.first <= bits);
        behind > 0 && bits <= self.ranges[behind - 1].last
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

impl FromIterator<Network> for Networks {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        let mut all: Vec<Network> = networks.into_iter().collect();
        all.sort_unstable();
        let mut ranges: Vec<Network> = Vec::with_capacity(all.len());
        for network in all {
            match ranges.last_mut() {
                Some(before) if network.first <= before.last => before.last = before.last.max(network.last),
                _ => ranges.push(network),
            }
        }
        let apart = ranges.windows(2).all(|pair| pair[0].last < pair[1].first);
        assert!(apart, "a binary search needs ranges in order, without overlap");
        Networks { ranges }
    }
}

/// The key of the addresses that share a limit: one IPv4 address, which may be many clients behind a carrier's NAT, or
/// one IPv6 /64.
pub(super) fn limit_key(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(_) => address.to_bits(),
            None => address.to_bits() & !u128::from(u64::MAX),
        },
    }
}

/// The key of the addresses that share a queue: an IPv4 /24 or an IPv6 /48, all of which one attacker is likely to
/// hold.
pub(super) fn queue_key(address: IpAddr) -> u128 {
    let address = bits(address);
    match Ipv6Addr::from_bits(address).to_ipv4_mapped() {
        Some(_) => address & !0xff,
        None => address & !(u128::MAX >> 48),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::endpoint) fn network(text: &str) -> Network {
        let (address, prefix) = text.split_once('/').unwrap();
        Network::new(address.parse().unwrap(), prefix.parse().unwrap())
    }

    #[test]
    fn networks_contain_their_addresses_and_no_others() {
        let list = ["10.0.0.0/8", "192.0.2.7/32", "10.1.0.0/16", "2001:db8::/32", "0.0.0.0/32", "255.255.255.255/32"];
        let networks: Networks = list.into_iter().map(network).collect();
        let holds = |text: &str| networks.contain(text.parse().unwrap());
        for inside in ["10.0.0.0", "10.255.255.255", "192.0.2.7", "2001:db8:ffff::1", "::ffff:10.2.3.4", "0.0.0.0"] {
            assert!(holds(inside), "{inside}");
        }
        for outside in ["9.255.255.255", "11.0.0.0", "192.0.2.6", "192.0.2.8", "2001:db7::", "2001:db9::", "::10.2.3.4"]
        {
            assert!(!holds(outside), "{outside}");
        }
        let everything: Networks = ["0.0.0.0/0", "::/0"].into_iter().map(network).collect();
        assert!(everything.contain("8.8.8.8".parse().unwrap()) && everything.contain("::1".parse().unwrap()));
        assert!(!Networks::default().contain("::".parse().unwrap()));
    }

    #[test]
    fn addresses_that_share_a_limit_or_a_queue() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_ne!(limit_key(address("192.0.2.1")), limit_key(address("192.0.2.2")));
        assert_eq!(limit_key(address("192.0.2.1")), limit_key(address("::ffff:192.0.2.1")));
        assert_eq!(limit_key(address("2001:db8::1")), limit_key(address("2001:db8::ffff:0:0:2")));
        assert_ne!(limit_key(address("2001:db8::1")), limit_key(address("2001:db8:0:1::1")));
        assert_eq!(queue_key(address("192.0.2.1")), queue_key(address("192.0.2.254")));
        assert_ne!(queue_key(address("192.0.2.1")), queue_key(address("192.0.3.1")));
        assert_eq!(queue_key(address("2001:db8:1:2::")), queue_key(address("2001:db8:1:ffff::1")));
        assert_ne!(queue_key(address("2001:db8:1::")), queue_key(address("2001:db8:2::")));
    }
}
