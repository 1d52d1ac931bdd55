//! Datagrams that a gateway forwards together with the address of their client (PROTOCOL.md#forwarded-datagrams).
//!
//! ```text
//! 0        14        30     32    48
//! | header | address | port | MAC | datagram of the client ... |
//! ```
//! The header has the connection id of the datagram inside. Its flags are [`flags::FORWARDED`], and its sequence is the
//! name of the gateway's key.

use super::{GATEWAY_MAC_BYTES, GatewayKey};
use crate::limits::{FORWARDED_BYTES, FORWARDED_DATAGRAM_BYTES_MAX, HEADER_BYTES};
use crate::wire::{Header, Malformed, flags};
use core::net::{IpAddr, Ipv6Addr, SocketAddr};

const PORT: usize = HEADER_BYTES + 16;
const MAC: usize = PORT + 2;
const _: () = assert!(MAC + GATEWAY_MAC_BYTES == FORWARDED_BYTES, "the MAC ends where the client's datagram begins");

/// A forwarded datagram. It is not verified yet.
#[derive(Debug)]
pub struct Forwarded<'a> {
    /// Names the gateway's key.
    pub gateway: u64,
    /// The client's address, as the gateway says.
    pub address: SocketAddr,
    mac: [u8; GATEWAY_MAC_BYTES],
    covered: &'a [u8],
    inner: &'a mut [u8],
}

impl<'a> Forwarded<'a> {
    /// Reads a datagram whose flags are [`flags::FORWARDED`].
    ///
    /// # Errors
    /// [`Malformed`]: it is too short or too long, its channel is not 0, or the datagram inside has another connection id
    /// or is forwarded itself.
    pub fn decode(datagram: &'a mut [u8]) -> Result<Self, Malformed> {
        let header = Header::decode(datagram)?;
        if datagram.len() < FORWARDED_BYTES + HEADER_BYTES {
            return Err(Malformed::TooShort);
        }
        let (front, inner) = datagram.split_at_mut(FORWARDED_BYTES);
        let inside = Header::decode(inner)?;
        let is_nested = inside.flags == flags::FORWARDED;
        if header.flags != flags::FORWARDED
            || header.channel != 0
            || inside.connection != header.connection
            || is_nested
        {
            return Err(Malformed::UnknownValue);
        }
        let (covered, mac) = front.split_at(MAC);
        let octets: [u8; 16] = covered[HEADER_BYTES..PORT].try_into().expect("an address has 16 bytes");
        let port = u16::from_le_bytes([covered[PORT], covered[PORT + 1]]);
        Ok(Forwarded {
            gateway: header.sequence,
            address: SocketAddr::new(IpAddr::V6(Ipv6Addr::from(octets)).to_canonical(), port),
            mac: mac.try_into().expect("a MAC has 16 bytes"),
            covered,
            inner,
        })
    }

    /// The datagram of the client, if the gateway with this key has written all of this.
    pub fn open(self, key: &GatewayKey) -> Option<&'a mut [u8]> {
        let Forwarded { covered, inner, mac, .. } = self;
        key.verifies(&[covered, &*inner], &mac).then_some(inner)
    }

    /// The bytes that a gateway puts in front of a client's datagram to tell the address that it came from. None if the
    /// datagram has no header or leaves no room for the address.
    pub fn head(key: &GatewayKey, address: SocketAddr, datagram: &[u8]) -> Option<[u8; FORWARDED_BYTES]> {
        let Header { connection, .. } = Header::decode(datagram).ok()?;
        if datagram.len() > FORWARDED_DATAGRAM_BYTES_MAX {
            return None;
        }
        let ip = match address.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        let mut head = [0; FORWARDED_BYTES];
        let (covered, mac) = head.split_at_mut(MAC);
        let header = Header { connection, channel: 0, flags: flags::FORWARDED, sequence: key.name() };
        covered[..HEADER_BYTES].copy_from_slice(&header.encode());
        covered[HEADER_BYTES..PORT].copy_from_slice(&ip.octets());
        covered[PORT..].copy_from_slice(&address.port().to_le_bytes());
        mac.copy_from_slice(&key.mac(&[covered, datagram]));
        Some(head)
    }

    /// Puts a client's datagram and the address that it came from into `forwarded`, which it clears before. Returns false
    /// if there is no [`Forwarded::head`] for it.
    pub fn encode(key: &GatewayKey, address: SocketAddr, datagram: &[u8], forwarded: &mut Vec<u8>) -> bool {
        forwarded.clear();
        let Some(head) = Self::head(key, address, datagram) else { return false };
        forwarded.extend_from_slice(&head);
        forwarded.extend_from_slice(datagram);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ConnectionId;

    fn key() -> GatewayKey {
        GatewayKey::from_bytes([3; 32])
    }

    fn datagram(len: usize) -> Vec<u8> {
        let header = Header { connection: ConnectionId::new(1, 2, 3), channel: 0, flags: 3, sequence: 4 };
        let mut bytes = header.encode().to_vec();
        bytes.resize(len, 7);
        bytes
    }

    #[test]
    fn what_a_gateway_forwards_is_opened_with_its_key_alone() {
        for (address, len) in [("192.0.2.1:9", 14), ("[2001:db8::5]:65535", 1424)] {
            let address: SocketAddr = address.parse().unwrap();
            let (inner, mut bytes) = (datagram(len), Vec::new());
            assert!(Forwarded::encode(&key(), address, &inner, &mut bytes));
            let forwarded = Forwarded::decode(&mut bytes).unwrap();
            assert_eq!((forwarded.address, forwarded.gateway), (address, key().name()));
            assert_eq!(forwarded.open(&key()).unwrap(), inner);
            let other = GatewayKey::from_bytes([4; 32]);
            assert!(Forwarded::decode(&mut bytes).unwrap().open(&other).is_none());
        }
    }

    #[test]
    fn no_bit_of_it_can_change() {
        let mut bytes = Vec::new();
        assert!(Forwarded::encode(&key(), "192.0.2.1:9".parse().unwrap(), &datagram(30), &mut bytes));
        for bit in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let opened = Forwarded::decode(&mut altered).ok().and_then(|it| it.open(&key()).map(|_| ()));
            assert!(opened.is_none(), "bit {bit}");
        }
    }

    #[test]
    fn what_does_not_fit_or_is_nested_is_refused() {
        let address = "192.0.2.1:9".parse().unwrap();
        let mut bytes = Vec::new();
        assert!(!Forwarded::encode(&key(), address, &datagram(1425), &mut bytes));
        assert!(!Forwarded::encode(&key(), address, &[0; 13], &mut bytes));
        assert!(Forwarded::encode(&key(), address, &datagram(100), &mut bytes));
        let mut nested = Vec::new();
        assert!(Forwarded::encode(&key(), address, &bytes, &mut nested));
        assert_eq!(Forwarded::decode(&mut nested).unwrap_err(), Malformed::UnknownValue);
        assert_eq!(Forwarded::decode(&mut bytes[..61]).unwrap_err(), Malformed::TooShort);
    }
}
