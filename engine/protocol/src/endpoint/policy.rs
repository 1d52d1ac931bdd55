//! What an endpoint goes by that can change while it runs (S8, R5): limits, and networks that are treated otherwise.

use core::net::{IpAddr, Ipv6Addr};

/// The rules of an endpoint. All rates are this endpoint's own: a server shares out what holds for all its cores.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Key exchanges a second.
    pub handshakes_per_second: u64,
    /// Key exchanges a second for one IPv4 address, or one IPv6 /64.
    pub address_handshakes_per_second: u64,
    /// Key exchanges at once for one IPv4 address, or one IPv6 /64.
    pub address_handshakes_at_once: u64,
    /// Messages a second that a connection may send; None for any number.
    pub connection_messages_per_second: Option<u64>,
    /// Bytes a second that a connection may send; None for any number.
    pub connection_bytes_per_second: Option<u64>,
    /// Bytes of messages a second that are sent to a connection; None for any number.
    pub connection_send_bytes_per_second: Option<u64>,
    /// Who is in one of these cannot connect, and is disconnected.
    pub denied: Networks,
    /// Who is in one of these is never denied, and not limited by address.
    pub allowed: Networks,
}

impl Default for Policy {
    /// No limits but those of the endpoint as a whole: for clients in tests and load generators, who share an address.
    fn default() -> Self {
        Policy {
            handshakes_per_second: u64::MAX,
            address_handshakes_per_second: u64::MAX,
            address_handshakes_at_once: u64::MAX,
            connection_messages_per_second: None,
            connection_bytes_per_second: None,
            connection_send_bytes_per_second: None,
            denied: Networks::default(),
            allowed: Networks::default(),
        }
    }
}

impl Policy {
    /// Whether nobody at `address` may connect.
    pub fn denies(&self, address: IpAddr) -> bool {
        self.denied.contain(address) && !self.allowed.contain(address)
    }
}

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Network {
    first: u128,
    last: u128,
}

impl Network {
    /// The addresses whose first `prefix` bits are those of `address`; an IPv4 network of at most 32, an IPv6 network of
    /// at most 128 bits.
    pub fn new(address: IpAddr, prefix: u8) -> Self {
        let prefix = match address {
            IpAddr::V4(_) => u32::from(prefix.min(32)) + 96,
            IpAddr::V6(_) => u32::from(prefix.min(128)),
        };
        let rest = u128::MAX.checked_shr(prefix).unwrap_or(0);
        let bits = bits(address);
        Network { first: bits & !rest, last: bits | rest }
    }
}

/// Where an address stands among all: IPv4 ones stand where IPv6 has them, in `::ffff:0:0/96`.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
    .to_bits()
}

/// Any number of networks, asked for an address in the time of a binary search.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Networks {
    /// In order, apart from each other.
    ranges: Vec<Network>,
}

impl Networks {
    /// Whether one of them holds the address.
    pub fn contain(&self, address: IpAddr) -> bool {
        let bits = bits(address);
        let behind = self.ranges.partition_point(|range| range.first <= bits);
        behind > 0 && bits <= self.ranges[behind - 1].last
    }

    /// Whether there are none.
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
        Networks { ranges }
    }
}

/// What addresses share a limit: an IPv4 address is one customer or the many behind a carrier's translator, an IPv6 /64
/// is one network.
pub(super) fn customer(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(_) => address.to_bits(),
            None => address.to_bits() & !u128::from(u64::MAX),
        },
    }
}

/// What addresses wait in one queue: an IPv4 /24, an IPv6 /48, which is what one attacker is likely to hold all of.
pub(super) fn neighbours(address: IpAddr) -> u128 {
    let address = bits(address);
    match Ipv6Addr::from_bits(address).to_ipv4_mapped() {
        Some(_) => address & !0xff,
        None => address & !(u128::MAX >> 48),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        let (address, prefix) = text.split_once('/').unwrap();
        Network::new(address.parse().unwrap(), prefix.parse().unwrap())
    }

    #[test]
    fn networks_hold_what_their_bits_say_and_nothing_beside() {
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
    fn the_allowed_are_not_denied() {
        let policy = Policy {
            denied: [network("0.0.0.0/0"), network("::/0")].into_iter().collect(),
            allowed: [network("198.51.100.0/24")].into_iter().collect(),
            ..Policy::default()
        };
        assert!(policy.denies("203.0.113.1".parse().unwrap()) && policy.denies("::1".parse().unwrap()));
        assert!(
            !policy.denies("198.51.100.3".parse().unwrap()) && !policy.denies("::ffff:198.51.100.3".parse().unwrap())
        );
    }

    #[test]
    fn who_shares_a_limit_and_who_shares_a_queue() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_ne!(customer(address("192.0.2.1")), customer(address("192.0.2.2")));
        assert_eq!(customer(address("192.0.2.1")), customer(address("::ffff:192.0.2.1")));
        assert_eq!(customer(address("2001:db8::1")), customer(address("2001:db8::ffff:0:0:2")));
        assert_ne!(customer(address("2001:db8::1")), customer(address("2001:db8:0:1::1")));
        assert_eq!(neighbours(address("192.0.2.1")), neighbours(address("192.0.2.254")));
        assert_ne!(neighbours(address("192.0.2.1")), neighbours(address("192.0.3.1")));
        assert_eq!(neighbours(address("2001:db8:1:2::")), neighbours(address("2001:db8:1:ffff::1")));
        assert_ne!(neighbours(address("2001:db8:1::")), neighbours(address("2001:db8:2::")));
    }
}
