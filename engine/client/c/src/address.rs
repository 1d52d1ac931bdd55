//! Addresses of servers, for programs that open their own sockets.

use std::net::{IpAddr, SocketAddr};

/// The address of a server.
#[allow(non_camel_case_types, reason = "the names are those of the header")]
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct rs_address {
    /// The IP address, in the order of the network; behind an IPv4 address are 0s.
    pub ip: [u8; 16],
    /// Bytes of `ip`: 4 for IPv4, 16 for IPv6.
    pub ip_bytes: u8,
    /// 0.
    pub reserved: u8,
    /// The UDP port, in the order of this machine.
    pub port: u16,
}

impl From<SocketAddr> for rs_address {
    fn from(address: SocketAddr) -> rs_address {
        let (mut ip, port) = ([0; 16], address.port());
        let ip_bytes = match address.ip() {
            IpAddr::V4(v4) => {
                ip[..4].copy_from_slice(&v4.octets());
                4
            }
            IpAddr::V6(v6) => {
                ip = v6.octets();
                16
            }
        };
        rs_address { ip, ip_bytes, reserved: 0, port }
    }
}
