//! The attacker's addresses.

use std::net::{IpAddr, SocketAddr};

/// First two bytes of the attacker's addresses.
pub const NET: [u8; 2] = [10, 66];

pub fn is_attackers(address: &SocketAddr) -> bool {
    matches!(address.ip(), IpAddr::V4(ip) if ip.octets()[..2] == NET)
}
