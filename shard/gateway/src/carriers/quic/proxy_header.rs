//! The PROXY protocol, version 2: tells a login door the address of a client before the first byte of TLS
//! (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>, section 2.2).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2, command PROXY.
const PROXY: u8 = 0x21;
const TCP_IPV4: u8 = 0x11;
const TCP_IPV6: u8 = 0x21;

/// The header of a connection of `client` to `door`. Where one has IPv4 and the other IPv6, the IPv4 address is mapped.
pub(super) fn of(client: SocketAddr, door: SocketAddr) -> Vec<u8> {
    let (family, addresses) = match (client.ip().to_canonical(), door.ip().to_canonical()) {
        (IpAddr::V4(client), IpAddr::V4(door)) => (TCP_IPV4, [client.octets(), door.octets()].concat()),
        (client, door) => (TCP_IPV6, [mapped(client).octets(), mapped(door).octets()].concat()),
    };
    let rest = [&addresses[..], &client.port().to_be_bytes(), &door.port().to_be_bytes()].concat();
    let length = u16::try_from(rest.len()).expect("two addresses are short").to_be_bytes();
    [&SIGNATURE[..], &[PROXY, family], &length, &rest].concat()
}

fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_the_addresses_and_ports_of_client_and_door() {
        let header = of("203.0.113.7:4660".parse().unwrap(), "10.0.0.5:443".parse().unwrap());
        assert_eq!(header[..16], *b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c");
        assert_eq!(header[16..], [203, 0, 113, 7, 10, 0, 0, 5, 0x12, 0x34, 1, 187]);
    }

    #[test]
    fn addresses_of_two_families_are_both_ipv6() {
        let header = of("[2001:db8::7]:4660".parse().unwrap(), "10.0.0.5:443".parse().unwrap());
        assert_eq!((header[13], header.len()), (TCP_IPV6, 16 + 36));
        assert_eq!(header[16..20], [0x20, 1, 0x0d, 0xb8]);
        assert_eq!(header[42..48], [0xff, 0xff, 10, 0, 0, 5]);
    }
}
