//! Networks: what addresses of one host have in common.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address or an IPv6 /64, as one host or household has it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(in super::super) struct Network(IpAddr);

impl Network {
    /// The network of an address. An IPv4 address in IPv6 counts as IPv4.
    pub(in super::super) fn of(address: IpAddr) -> Self {
        Network(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
            address => address,
        })
    }

    /// The IPv6 /48 around it, as one customer may have it; None for IPv4.
    pub(in super::super) fn site(&self) -> Option<Network> {
        match self.0 {
            IpAddr::V6(address) => Some(Network(Ipv6Addr::from_bits(address.to_bits() >> 80 << 80).into())),
            IpAddr::V4(_) => None,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_host_have_one_network() {
        let network = |text: &str| Network::of(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2::3"), network("2001:db8:1:2:ffff::4"));
        assert_ne!(network("2001:db8:1:2::3"), network("2001:db8:1:3::3"));
        assert_eq!(network("2001:db8:1:2::3").site(), network("2001:db8:1:ffff::3").site());
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"), "otherwise all of IPv4 is one network");
        assert_eq!(network("192.0.2.1").site(), None);
    }
}
