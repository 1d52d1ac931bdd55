//! Addresses on the wire, and which of them a host can have.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// An address on the wire, in bytes: IPv6 or IPv4-mapped 16, port 2.
pub(crate) const ADDRESS_BYTES: usize = 18;

/// Whether one host can have the address and can be sent to from another network: it is not unspecified, multicast,
/// reserved (240.0.0.0/4), or link-local IPv6, which means nothing without the interface.
pub(crate) fn is_of_a_host(address: SocketAddr) -> bool {
    let is_special = match address.ip() {
        IpAddr::V4(ip) => ip.octets()[0] >= 240,
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    address.port() != 0 && !address.ip().is_unspecified() && !address.ip().is_multicast() && !is_special
}

/// Whether two addresses are both IPv4 or both IPv6.
pub(crate) fn are_of_one_family(one: SocketAddr, other: SocketAddr) -> bool {
    one.is_ipv4() == other.is_ipv4()
}

/// The first address of each family, in the order of `addresses`.
pub(crate) fn one_of_each_family(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut first: Vec<SocketAddr> = Vec::with_capacity(2);
    for &address in addresses {
        if !first.iter().any(|&known| are_of_one_family(known, address)) {
            first.push(address);
        }
    }
    first
}

pub(crate) fn to_wire(address: SocketAddr) -> [u8; ADDRESS_BYTES] {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let mut bytes = [0; ADDRESS_BYTES];
    bytes[..16].copy_from_slice(&ip.octets());
    bytes[16..].copy_from_slice(&address.port().to_le_bytes());
    bytes
}

pub(crate) fn from_wire(bytes: &[u8; ADDRESS_BYTES]) -> SocketAddr {
    let octets: [u8; 16] = *bytes.first_chunk().expect("an address has 18 bytes");
    SocketAddr::new(Ipv6Addr::from(octets).to_canonical(), u16::from_le_bytes([bytes[16], bytes[17]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_no_single_host_has_everywhere_is_refused() {
        let is_of_a_host = |text: &str| is_of_a_host(text.parse().unwrap());
        for address in ["192.0.2.1:1", "10.0.0.1:9", "[2001:db8::1]:1", "[fd00::1]:1", "239.0.0.1:1"] {
            assert_eq!(is_of_a_host(address), !address.starts_with("239"), "{address}");
        }
        for address in
            ["192.0.2.1:0", "0.0.0.0:1", "240.0.0.1:1", "255.255.255.255:1", "[::]:1", "[ff02::1]:1", "[fe80::1]:1"]
        {
            assert!(!is_of_a_host(address), "{address}");
        }
    }

    #[test]
    fn both_families_have_one_form_on_the_wire() {
        for address in ["192.0.2.1:4711", "[2001:db8::7]:1"] {
            let address: SocketAddr = address.parse().unwrap();
            assert_eq!(from_wire(&to_wire(address)), address);
        }
    }
}
