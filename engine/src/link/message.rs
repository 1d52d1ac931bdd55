//! Addresses and control messages, as the kernel's `msghdr` wants them.
#![allow(unsafe_code)]

use crate::time::Instant;
use std::mem::{MaybeUninit, size_of, zeroed};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

use super::clock::Clock;

/// Room for the name of a peer.
pub(super) const NAME_BYTES: usize = size_of::<libc::sockaddr_in6>();
/// Room for what comes with an arrival: GRO segment size and time stamp. A multiple of 8.
pub(super) const CONTROL_BYTES: usize = 64;

/// What a control buffer said about an arrival.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Control {
    /// Size of the datagrams that were merged, if they were.
    pub(super) segment_bytes: Option<usize>,
    pub(super) arrived_at: Option<Instant>,
}

/// Reads the control messages of an arrival.
pub(super) fn read_control(mut control: &[u8], clock: &Clock) -> Control {
    const HEADER: usize = size_of::<libc::cmsghdr>();
    let mut read = Control::default();
    let int = |bytes: &[u8], at: usize| Some(i32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
    let long = |bytes: &[u8], at: usize| Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
    while let (Some(len), Some(level), Some(kind)) = (long(control, 0), int(control, 8), int(control, 12)) {
        let len = len as usize;
        let Some(data) = control.get(HEADER..len) else { break };
        match (level, kind) {
            (libc::SOL_UDP, libc::UDP_GRO) => read.segment_bytes = int(data, 0).map(|bytes| bytes as usize),
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                if let (Some(seconds), Some(nanos)) = (long(data, 0), long(data, 8)) {
                    read.arrived_at = Some(clock.stamped(seconds * 1_000_000_000 + nanos));
                }
            }
            _ => {}
        }
        control = control.get(len.next_multiple_of(8)..).unwrap_or_default();
    }
    read
}

/// Reads the name of a peer. IPv4 addresses that a dual-stack socket shows as IPv6 come back as IPv4. Port 0 is none:
/// nobody can be answered there.
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

/// A `msghdr` for one run, with all that it points to. It must not move while the kernel holds it.
pub(super) struct SendHeader {
    header: libc::msghdr,
    buffer: libc::iovec,
    name: MaybeUninit<libc::sockaddr_storage>,
    control: SegmentControl,
}

/// A control message that sets `UDP_SEGMENT`; aligned as `cmsghdr` is.
#[repr(C, align(8))]
struct SegmentControl {
    header: libc::cmsghdr,
    segment_bytes: u16,
    padding: [u8; 6],
}

impl std::fmt::Debug for SendHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SendHeader").finish_non_exhaustive()
    }
}

impl SendHeader {
    pub(super) fn new() -> Self {
        // SAFETY: all of these are plain C structures for which zeros are a value.
        unsafe { zeroed() }
    }

    /// Fills it in for `len` bytes at `start`: datagrams of `segment_bytes` each, if there is more than one. Without a
    /// `peer` they go to whom the socket is connected. Gives the address to hand to the kernel.
    pub(super) fn fill(
        &mut self,
        start: *mut u8,
        len: usize,
        segment_bytes: Option<u16>,
        peer: Option<SocketAddr>,
        v6_socket: bool,
    ) -> *mut libc::msghdr {
        self.buffer = libc::iovec { iov_base: start.cast(), iov_len: len };
        self.header.msg_iov = &raw mut self.buffer;
        self.header.msg_iovlen = 1;
        match peer {
            Some(peer) => {
                self.header.msg_namelen = write_name(&mut self.name, peer, v6_socket);
                self.header.msg_name = self.name.as_mut_ptr().cast();
            }
            None => {
                self.header.msg_namelen = 0;
                self.header.msg_name = std::ptr::null_mut();
            }
        }
        match segment_bytes {
            Some(segment_bytes) => {
                self.control.header.cmsg_len = size_of::<libc::cmsghdr>() + size_of::<u16>();
                self.control.header.cmsg_level = libc::SOL_UDP;
                self.control.header.cmsg_type = libc::UDP_SEGMENT;
                self.control.segment_bytes = segment_bytes;
                self.header.msg_control = (&raw mut self.control).cast();
                self.header.msg_controllen = size_of::<SegmentControl>();
            }
            None => {
                self.header.msg_control = std::ptr::null_mut();
                self.header.msg_controllen = 0;
            }
        }
        &raw mut self.header
    }
}

/// Writes `peer` as the socket's family has it; gives the length.
fn write_name(name: &mut MaybeUninit<libc::sockaddr_storage>, peer: SocketAddr, v6_socket: bool) -> libc::socklen_t {
    match (peer.ip(), v6_socket) {
        (IpAddr::V4(ip), false) => {
            let v4 = name.as_mut_ptr().cast::<libc::sockaddr_in>();
            let value = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: peer.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) },
                sin_zero: [0; 8],
            };
            // SAFETY: a sockaddr_storage is large and aligned enough for every sockaddr.
            unsafe { v4.write(value) };
            size_of::<libc::sockaddr_in>() as libc::socklen_t
        }
        (ip, _) => {
            let (ip, scope) = match (ip, peer) {
                (IpAddr::V4(ip), _) => (ip.to_ipv6_mapped(), 0),
                (IpAddr::V6(ip), SocketAddr::V6(peer)) => (ip, peer.scope_id()),
                (IpAddr::V6(ip), SocketAddr::V4(_)) => (ip, 0),
            };
            let v6 = name.as_mut_ptr().cast::<libc::sockaddr_in6>();
            let value = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: peer.port().to_be(),
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr { s6_addr: ip.octets() },
                sin6_scope_id: scope,
            };
            // SAFETY: a sockaddr_storage is large and aligned enough for every sockaddr.
            unsafe { v6.write(value) };
            size_of::<libc::sockaddr_in6>() as libc::socklen_t
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_the_way_through_either_socket() {
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
    fn control_messages_of_any_bytes_are_read_without_harm() {
        let clock = Clock::new();
        for len in 0..80 {
            for fill in [0, 1, 16, 24, 255] {
                read_control(&vec![fill; len], &clock);
            }
        }
    }
}
