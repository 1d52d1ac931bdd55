//! Tells a server a client's true address (PROTOCOL.md#forwarded-datagrams).

use crate::settings::GatewayKey;
use std::net::{IpAddr, SocketAddr};

/// Bytes before the inner datagram.
pub(super) const FORWARDED_BYTES: usize = 48;
/// Where the signature begins.
const SIGNED_BYTES: usize = 32;
/// Flags of a forwarded datagram.
const FLAGS: u8 = 0x80;
/// Larger encrypted datagrams are not forwarded, because the path to the server may not carry 48 bytes more.
pub(super) const INNER_BYTES_MAX: usize = 1_152;

/// The bytes that go in front of `inner`.
///
/// # Panics
/// If `inner` is shorter than a connection id.
pub(super) fn head(key: &GatewayKey, address: SocketAddr, inner: &[u8]) -> [u8; FORWARDED_BYTES] {
    let mut head = [0; FORWARDED_BYTES];
    head[..4].copy_from_slice(&inner[..4]);
    head[5] = FLAGS;
    head[6..14].copy_from_slice(&key.id());
    head[14..30].copy_from_slice(&mapped(address.ip()));
    head[30..32].copy_from_slice(&address.port().to_le_bytes());
    let signature = key.sign(&head[..SIGNED_BYTES], inner);
    head[SIGNED_BYTES..].copy_from_slice(&signature);
    head
}

/// The IPv6 address, or the IPv4 address mapped into IPv6.
fn mapped(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_has_the_fields_in_their_places_and_signs_the_inner_datagram() {
        let key = GatewayKey::new([7; 32]);
        let mut inner = vec![3, 1, 9, 0, 0, 5];
        inner.extend([8; 40]);
        let address = "203.0.113.7:4660".parse().unwrap();
        let plain = head(&key, address, &inner);
        assert_eq!(plain[..6], [3, 1, 9, 0, 0, 0x80]);
        assert_eq!(plain[6..14], key.id());
        assert_eq!(plain[14..30], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 7]);
        assert_eq!(plain[30..32], [0x34, 0x12]);
        assert_eq!(plain[32..], key.sign(&plain[..32], &inner));
        inner[20] ^= 1;
        assert_ne!(head(&key, address, &inner)[32..], plain[32..]);
        let other = head(&GatewayKey::new([8; 32]), address, &inner);
        assert_ne!(other[6..14], plain[6..14]);
    }
}
