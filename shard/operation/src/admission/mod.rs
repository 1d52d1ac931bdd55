//! How many connections a listener has, in all and per network, and how fast a network may connect.

mod arrivals;
mod places;

pub use arrivals::Arrivals;
pub use places::{Full, Places};

use std::net::{IpAddr, Ipv6Addr};

/// Bits of an IPv6 address that name its network: one customer has at least that many for itself.
const NETWORK_V6: u128 = !0 << 64;

/// Bits of an IPv6 address that name its site: one customer may have a whole /48, which is 65,536 networks.
const SITE_V6: u128 = !0 << 80;
/// A site may have as much as this many networks together. It has few customers, or many of a mobile operator.
const SITE_NETWORKS: u32 = 16;

/// The IPv4 address, or the first 64 bits of the IPv6 address. An IPv4 address in IPv6 counts as IPv4.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK_V6).into(),
        v4 => v4,
    }
}

/// The first 48 bits of an IPv6 network; None for IPv4, where addresses are few.
fn site_of(network: IpAddr) -> Option<IpAddr> {
    match network {
        IpAddr::V6(network) => Some(Ipv6Addr::from_bits(network.to_bits() & SITE_V6).into()),
        IpAddr::V4(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_ipv6_network_are_one_and_mapped_addresses_are_ipv4() {
        let network = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("::ffff:192.0.2.2"), network("192.0.2.1"), "otherwise all of IPv4 is one network");
    }
}
