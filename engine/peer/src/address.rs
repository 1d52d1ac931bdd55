//! Addresses on the wire, and the pseudo addresses that stand for ways through a relay.
//!
//! The checks of ICE know addresses alone. A peer that is reached through its relay is 240.x.y.z to them, by the number of the
//! peer; the own end of the own relay, and those who come through it, are in fd72:6c61:7900::/48. No host has such addresses,
//! and none is believed that comes from outside.

use crate::id::PeerId;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An address on the wire, in bytes: IPv6 or IPv4-mapped 16, port 2.
pub(crate) const ADDRESS_BYTES: usize = 18;

/// fd72:6c61:7900, locally assigned (RFC 4193).
const RELAYED: [u8; 6] = [0xfd, b'r', b'l', b'a', b'y', 0];
/// 240.0.0.0/4 is reserved (RFC 1112).
const THROUGH_RELAY: u32 = 0xF000_0000;

/// What the checks call the own end of the own relay.
pub(crate) fn own_relayed() -> SocketAddr {
    SocketAddr::from((relayed_ip(Ipv4Addr::UNSPECIFIED), 1))
}

/// What the checks call the host at `address` that comes through the own relay. None for IPv6: it does not fit.
pub(crate) fn relayed(address: SocketAddr) -> Option<SocketAddr> {
    match address {
        SocketAddr::V4(address) => Some(SocketAddr::from((relayed_ip(*address.ip()), address.port()))),
        SocketAddr::V6(_) => None,
    }
}

/// The host that comes through the own relay and that the checks call so.
pub(crate) fn behind_relay(pseudo: SocketAddr) -> Option<SocketAddr> {
    let IpAddr::V6(ip) = pseudo.ip() else { return None };
    let ip: [u8; 4] = *ip.octets().strip_prefix(&RELAYED)?.last_chunk()?;
    Some(SocketAddr::from((ip, pseudo.port())))
}

fn relayed_ip(ip: Ipv4Addr) -> Ipv6Addr {
    let mut octets = [0; 16];
    octets[..6].copy_from_slice(&RELAYED);
    octets[12..].copy_from_slice(&ip.octets());
    octets.into()
}

/// What the checks call a peer that is reached through its relay.
pub(crate) fn through_relay_of(peer: PeerId) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::from_bits(THROUGH_RELAY | peer.0 & 0x0FFF_FFFF), 1))
}

/// The peer that is reached through its relay, and that the checks call so.
pub(crate) fn peer_through_relay(pseudo: SocketAddr) -> Option<PeerId> {
    let IpAddr::V4(ip) = pseudo.ip() else { return None };
    (ip.to_bits() & THROUGH_RELAY == THROUGH_RELAY && pseudo.port() == 1).then(|| PeerId(ip.to_bits() & 0x0FFF_FFFF))
}

/// Whether a host can have the address: neither a pseudo address nor one of many hosts or of none.
pub(crate) fn is_of_a_host(address: SocketAddr) -> bool {
    let is_pseudo = match address.ip() {
        IpAddr::V4(ip) => ip.to_bits() & THROUGH_RELAY == THROUGH_RELAY,
        IpAddr::V6(ip) => ip.octets().starts_with(&RELAYED),
    };
    address.port() != 0 && !address.ip().is_unspecified() && !address.ip().is_multicast() && !is_pseudo
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
    fn pseudo_addresses_name_what_they_stand_for_and_are_no_hosts() {
        let guest: SocketAddr = "203.0.113.9:4711".parse().unwrap();
        let pseudo = relayed(guest).unwrap();
        assert_eq!(behind_relay(pseudo), Some(guest));
        assert_eq!(behind_relay(guest), None);
        let through = through_relay_of(PeerId(77));
        assert_eq!(peer_through_relay(through), Some(PeerId(77)));
        assert_eq!(peer_through_relay(guest), None);
        assert!(is_of_a_host(guest) && !is_of_a_host(pseudo) && !is_of_a_host(through) && !is_of_a_host(own_relayed()));
    }
}
