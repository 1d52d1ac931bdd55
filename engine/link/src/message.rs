//! Addresses and control messages in the format of the kernel's `msghdr`.
#![allow(unsafe_code)]

use ringshard_protocol::time::Instant;
use std::mem::{MaybeUninit, size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use super::clock::Clock;
use super::socket::Socket;
use ringshard_protocol::link::Path;

/// Room for a peer's address.
pub(super) const NAME_BYTES: usize = size_of::<libc::sockaddr_in6>();
/// Room for the control messages of an arrival: GRO segment size (24), time stamp (32), and destination address (40).
pub(super) const CONTROL_BYTES: usize = 96;
/// Room for the control messages of a run: GSO segment size (24), and source address (40).
const SEND_CONTROL_BYTES: usize = 64;
const CONTROL_HEADER_BYTES: usize = size_of::<libc::cmsghdr>();

/// The control messages of an arrival.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Control {
    /// Size of each datagram, if GRO merged several.
    pub(super) segment_bytes: Option<usize>,
    pub(super) arrived_at: Option<Instant>,
    /// The address of this host that it came to, if the socket asks for it.
    pub(super) local: Option<IpAddr>,
}

impl Control {
    /// The path of an arrival from `peer`.
    pub(super) fn path(&self, socket: u32, peer: SocketAddr) -> Path {
        Path { socket, peer, local: self.local.filter(|local| can_answer_from(*local, peer)) }
    }
}

/// Whether the kernel can send to `peer` from `local`. It cannot from a group address. From a link-local address it must
/// know the device, which only a link-local peer's address names.
fn can_answer_from(local: IpAddr, peer: SocketAddr) -> bool {
    match local {
        IpAddr::V4(ip) => !ip.is_broadcast() && !ip.is_multicast() && !ip.is_unspecified(),
        IpAddr::V6(ip) if ip.is_unicast_link_local() => {
            matches!(peer.ip(), IpAddr::V6(peer) if peer.is_unicast_link_local())
        }
        IpAddr::V6(ip) => !ip.is_multicast() && !ip.is_unspecified(),
    }
}

/// Reads the control messages of an arrival.
pub(super) fn read_control(mut control: &[u8], clock: &Clock) -> Control {
    let mut read = Control::default();
    let int = |bytes: &[u8], at: usize| Some(i32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
    let long = |bytes: &[u8], at: usize| Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
    while let (Some(len), Some(level), Some(kind)) = (long(control, 0), int(control, 8), int(control, 12)) {
        let len = len as usize;
        let Some(data) = control.get(CONTROL_HEADER_BYTES..len) else { break };
        match (level, kind) {
            (libc::SOL_UDP, libc::UDP_GRO) => read.segment_bytes = int(data, 0).map(|bytes| bytes as usize),
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                if let (Some(seconds), Some(nanos)) = (long(data, 0), long(data, 8)) {
                    read.arrived_at = Some(clock.stamped(seconds * 1_000_000_000 + nanos));
                }
            }
            // An in_pktinfo: device, address to answer from, address in the header.
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                read.local = data.get(4..8).and_then(|ip| ip.first_chunk::<4>()).map(|ip| Ipv4Addr::from(*ip).into());
            }
            // An in6_pktinfo: address, device.
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                read.local = data.first_chunk::<16>().map(|ip| Ipv6Addr::from(*ip).to_canonical());
            }
            _ => {}
        }
        control = control.get(len.next_multiple_of(8)..).unwrap_or_default();
    }
    read
}

/// Reads a peer's address. IPv4 addresses that a dual-stack socket shows as IPv6 become IPv4. None for port 0, which cannot
/// be answered.
pub(super) fn read_name(name: &[u8]) -> Option<SocketAddr> {
    let family = u16::from_ne_bytes(*name.first_chunk()?);
    let port = u16::from_be_bytes([*name.get(2)?, *name.get(3)?]);
    if port == 0 {
        return None;
    }
    match i32::from(family) {
        libc::AF_INET => {
            let ip: [u8; 4] = *name.get(4..)?.first_chunk()?;
            Some(SocketAddr::from((ip, port)))
        }
        libc::AF_INET6 => {
            let ip = Ipv6Addr::from(*name.get(8..)?.first_chunk::<16>()?);
            let scope = u32::from_ne_bytes(*name.get(24..)?.first_chunk()?);
            Some(match ip.to_ipv4_mapped() {
                Some(v4) => SocketAddr::from((v4, port)),
                None => SocketAddr::V6(SocketAddrV6::new(ip, port, 0, scope)),
            })
        }
        _ => None,
    }
}

/// A `msghdr` for one run, with everything that it points to. It must not move while the kernel has it.
pub(super) struct SendHeader {
    header: libc::msghdr,
    buffer: libc::iovec,
    name: MaybeUninit<libc::sockaddr_in6>,
    control: SendControl,
}

/// Control messages, one behind the other, aligned like `cmsghdr`.
#[repr(C, align(8))]
struct SendControl {
    bytes: [u8; SEND_CONTROL_BYTES],
    len: usize,
}

impl SendControl {
    fn push(&mut self, level: i32, kind: i32, data: &[u8]) {
        let len = CONTROL_HEADER_BYTES + data.len();
        assert!(self.len + len <= SEND_CONTROL_BYTES, "SEND_CONTROL_BYTES has room for all control messages");
        let message = &mut self.bytes[self.len..];
        message[..8].copy_from_slice(&len.to_ne_bytes());
        message[8..12].copy_from_slice(&level.to_ne_bytes());
        message[12..16].copy_from_slice(&kind.to_ne_bytes());
        message[CONTROL_HEADER_BYTES..len].copy_from_slice(data);
        self.len += len.next_multiple_of(8);
    }

    /// Appends the source address of the run, in the socket's family. The route picks the device.
    fn push_local(&mut self, local: IpAddr, v6_socket: bool) {
        match local {
            IpAddr::V4(ip) if !v6_socket => {
                let mut info = [0; size_of::<libc::in_pktinfo>()];
                info[4..8].copy_from_slice(&ip.octets());
                self.push(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
            }
            local => {
                let mut info = [0; size_of::<libc::in6_pktinfo>()];
                info[..16].copy_from_slice(&v6_octets(local));
                self.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
            }
        }
    }
}

impl std::fmt::Debug for SendHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SendHeader").finish_non_exhaustive()
    }
}

impl SendHeader {
    pub(super) fn new() -> Self {
        // SAFETY: all fields are plain C structures, for which zeros are a value.
        unsafe { zeroed() }
    }

    /// Writes the destination of a single datagram, in the format of `socket`, which must be that of the path. Gives its
    /// address and length for the kernel: none for a connected socket.
    #[inline]
    pub(super) fn fill_destination(&mut self, path: Path, socket: &Socket) -> (*const libc::sockaddr, libc::socklen_t) {
        if socket.is_connected() {
            return (std::ptr::null(), 0);
        }
        let len = write_name(&mut self.name, path.peer, socket.is_v6());
        (self.name.as_ptr().cast(), len)
    }

    /// Fills in the header for `len` bytes at `start`: datagrams of `segment_bytes` each, if there are several. They leave
    /// through `socket`, which must be that of the path. Gives the address for the kernel.
    pub(super) fn fill(
        &mut self,
        start: *mut u8,
        len: usize,
        segment_bytes: Option<u16>,
        path: Path,
        socket: &Socket,
    ) -> *mut libc::msghdr {
        assert!(segment_bytes.is_none_or(|bytes| usize::from(bytes) < len), "a run has several datagrams");
        self.buffer = libc::iovec { iov_base: start.cast(), iov_len: len };
        self.header.msg_iov = &raw mut self.buffer;
        self.header.msg_iovlen = 1;
        self.control.len = 0;
        if let Some(segment_bytes) = segment_bytes {
            self.control.push(libc::SOL_UDP, libc::UDP_SEGMENT, &segment_bytes.to_ne_bytes());
        }
        if socket.is_connected() {
            self.header.msg_namelen = 0;
            self.header.msg_name = std::ptr::null_mut();
        } else {
            self.header.msg_namelen = write_name(&mut self.name, path.peer, socket.is_v6());
            self.header.msg_name = self.name.as_mut_ptr().cast();
            if let Some(local) = path.local {
                self.control.push_local(local, socket.is_v6());
            }
        }
        self.header.msg_controllen = self.control.len;
        self.header.msg_control = match self.control.len {
            0 => std::ptr::null_mut(),
            _ => self.control.bytes.as_mut_ptr().cast(),
        };
        &raw mut self.header
    }
}

/// An address in the format of an IPv6 socket.
fn v6_octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// Writes `peer` in the socket's family; gives the length.
fn write_name(name: &mut MaybeUninit<libc::sockaddr_in6>, peer: SocketAddr, v6_socket: bool) -> libc::socklen_t {
    match (peer.ip(), v6_socket) {
        (IpAddr::V4(ip), false) => {
            let v4 = name.as_mut_ptr().cast::<libc::sockaddr_in>();
            let value = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: peer.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) },
                sin_zero: [0; 8],
            };
            // SAFETY: a sockaddr_in6 has at least the size and alignment of a sockaddr_in.
            unsafe { v4.write(value) };
            size_of::<libc::sockaddr_in>() as libc::socklen_t
        }
        (ip, _) => {
            let scope = match peer {
                SocketAddr::V4(_) => 0,
                SocketAddr::V6(peer) => peer.scope_id(),
            };
            let value = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: peer.port().to_be(),
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr { s6_addr: v6_octets(ip) },
                sin6_scope_id: scope,
            };
            name.write(value);
            size_of::<libc::sockaddr_in6>() as libc::socklen_t
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_both_kinds_of_socket() {
        for text in ["192.0.2.7:3565", "[2001:db8::7]:3565"] {
            let peer: SocketAddr = text.parse().unwrap();
            for v6_socket in [peer.is_ipv6(), true] {
                let mut name = MaybeUninit::zeroed();
                let len = write_name(&mut name, peer, v6_socket) as usize;
                // SAFETY: the storage was zeroed, so all its bytes are initialised.
                let bytes = unsafe { std::slice::from_raw_parts(name.as_ptr().cast::<u8>(), len) };
                assert_eq!(read_name(bytes), Some(peer));
            }
        }
        assert_eq!(read_name(&[]), None);
        assert_eq!(read_name(&[2, 0, 1]), None);
    }

    #[test]
    fn the_local_address_survives_both_kinds_of_socket() {
        let clock = Clock::new();
        for text in ["192.0.2.1", "2001:db8::1"] {
            let local: IpAddr = text.parse().unwrap();
            for v6_socket in [local.is_ipv6(), true] {
                let mut control = SendControl { bytes: [0; SEND_CONTROL_BYTES], len: 0 };
                control.push(libc::SOL_UDP, libc::UDP_SEGMENT, &112u16.to_ne_bytes());
                control.push_local(local, v6_socket);
                assert_eq!(read_control(&control.bytes[..control.len], &clock).local, Some(local));
            }
        }
    }

    #[test]
    fn answers_use_only_source_addresses_that_the_kernel_takes() {
        let path = |local: &str, peer: &str| {
            let control = Control { local: Some(local.parse().unwrap()), ..Control::default() };
            control.path(0, peer.parse().unwrap()).local.map(|local| local.to_string())
        };
        assert_eq!(path("192.0.2.1", "192.0.2.2:9").as_deref(), Some("192.0.2.1"));
        assert_eq!(path("255.255.255.255", "192.0.2.2:9"), None);
        assert_eq!(path("ff02::1", "[fe80::2%3]:9"), None);
        assert_eq!(path("fe80::1", "[fe80::2%3]:9").as_deref(), Some("fe80::1"));
        assert_eq!(path("fe80::1", "[2001:db8::2]:9"), None, "the device is not known");
    }

    #[test]
    fn any_bytes_are_read_as_control_messages_without_a_panic() {
        let clock = Clock::new();
        for len in 0..80 {
            for fill in [0, 1, 16, 24, 255] {
                read_control(&vec![fill; len], &clock);
            }
        }
    }
}
