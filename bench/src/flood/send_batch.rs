//! Sends many datagrams with different source addresses in one call.
#![allow(unsafe_code)]

use ringshard_protocol::limits::{DATAGRAM_BYTES_MAX, RUN_BYTES_MAX, SEGMENTS_MAX};
use std::io;
use std::mem::{offset_of, zeroed};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::ptr::null_mut;

/// Datagrams per call.
pub const BATCH: usize = 64;

/// What the kernel accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    pub datagrams: u64,
    pub bytes: u64,
}

impl Sent {
    pub fn add(&mut self, other: Sent) {
        self.datagrams += other.datagrams;
        self.bytes += other.bytes;
    }
}

/// Datagrams that are sent together.
pub struct SendBatch {
    datagrams: Box<[[u8; DATAGRAM_BYTES_MAX]]>,
    lens: [usize; BATCH],
    sources: [Ipv4Addr; BATCH],
    len: usize,
}

/// Control messages that set the source address and the GSO segment size; aligned as `cmsghdr` is.
#[repr(C, align(8))]
struct Control {
    source: Ancillary<libc::in_pktinfo>,
    segment: Ancillary<u16>,
}

#[repr(C, align(8))]
struct Ancillary<T> {
    header: libc::cmsghdr,
    value: T,
}

/// A socket bound to no address: it can send from any, and receives the answers.
pub fn wildcard_socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    // Spares the kernel an IP identifier per datagram. It works without, a little slower.
    let probe = libc::IP_PMTUDISC_PROBE;
    // SAFETY: the kernel reads `size_of_val(&probe)` bytes from a live integer.
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_MTU_DISCOVER,
            (&raw const probe).cast(),
            size_of_val(&probe) as libc::socklen_t,
        )
    };
    Ok(socket)
}

impl SendBatch {
    pub fn new() -> Self {
        SendBatch {
            datagrams: vec![[0; DATAGRAM_BYTES_MAX]; BATCH].into(),
            lens: [0; BATCH],
            sources: [Ipv4Addr::LOCALHOST; BATCH],
            len: 0,
        }
    }

    pub fn is_full(&self) -> bool {
        self.len == BATCH
    }

    /// Adds a datagram of `len` bytes from `source`. Its previous bytes stay.
    ///
    /// # Panics
    /// If the batch is full.
    pub fn add(&mut self, source: Ipv4Addr, len: usize) -> &mut [u8] {
        let at = self.len;
        assert!(at < BATCH, "the batch is full");
        (self.lens[at], self.sources[at]) = (len, source);
        self.len += 1;
        &mut self.datagrams[at][..len]
    }

    /// Sends the batch from the datagrams' source addresses, through a wildcard socket, and empties it.
    pub fn send_to(&mut self, socket: &UdpSocket, server: SocketAddrV4) -> io::Result<Sent> {
        self.send(socket, Some(server))
    }

    /// Sends the batch through a connected socket, from its address, and empties it.
    pub fn send_through(&mut self, socket: &UdpSocket) -> io::Result<Sent> {
        self.send(socket, None)
    }

    fn send(&mut self, socket: &UdpSocket, server: Option<SocketAddrV4>) -> io::Result<Sent> {
        let count = std::mem::take(&mut self.len);
        if count == 0 {
            return Ok(Sent::default());
        }
        let target = server.unwrap_or(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));
        let mut name = libc::sockaddr_in {
            sin_family: libc::AF_INET as libc::sa_family_t,
            sin_port: target.port().to_be(),
            sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(target.ip().octets()) },
            sin_zero: [0; 8],
        };
        let runs = self.runs(count);
        let mut controls: [Control; BATCH] = std::array::from_fn(|at| {
            // SAFETY: zeros are a value of these plain C structures.
            let mut control: Control = unsafe { zeroed() };
            if let Some(run) = runs.get(at) {
                control.source.header = ancillary::<libc::in_pktinfo>(libc::IPPROTO_IP, libc::IP_PKTINFO);
                control.source.value.ipi_spec_dst.s_addr = u32::from_ne_bytes(self.sources[run.start].octets());
                control.segment.header = ancillary::<u16>(libc::SOL_UDP, libc::UDP_SEGMENT);
                control.segment.value = self.lens[run.start] as u16;
            }
            control
        });
        let mut buffers: [libc::iovec; BATCH] = std::array::from_fn(|at| libc::iovec {
            iov_base: self.datagrams[at].as_mut_ptr().cast(),
            iov_len: self.lens[at],
        });
        let buffers = buffers.as_mut_ptr();
        let mut headers: [libc::mmsghdr; BATCH] = std::array::from_fn(|at| {
            // SAFETY: zeros are a value of these plain C structures.
            let mut header: libc::mmsghdr = unsafe { zeroed() };
            let Some(run) = runs.get(at) else { return header };
            let message = &mut header.msg_hdr;
            message.msg_iov = buffers.wrapping_add(run.start);
            message.msg_iovlen = run.len();
            message.msg_name = null_mut();
            // A connected socket has its own source and target address.
            let control = &raw mut controls[at];
            let from = if server.is_some() { 0 } else { offset_of!(Control, segment) };
            let to = if run.len() > 1 { size_of::<Control>() } else { offset_of!(Control, segment) };
            if server.is_some() {
                message.msg_name = (&raw mut name).cast();
                message.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            }
            if to > from {
                message.msg_control = control.cast::<u8>().wrapping_add(from).cast();
                message.msg_controllen = to - from;
            }
            header
        });
        // SAFETY: `runs.len()` headers are passed, at most BATCH. All that they point to lives on this stack frame or
        // in the batch's own datagrams: a run is a range of buffers, each of which has at least as many bytes as its
        // length says. The kernel copies all of it during the call.
        let taken = unsafe { libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), runs.len() as u32, 0) };
        let taken = usize::try_from(taken).map_err(|_| io::Error::last_os_error())?;
        let taken = runs[..taken].last().map_or(0, |run| run.end);
        let bytes = self.lens[..taken].iter().map(|&len| len as u64).sum();
        Ok(Sent { datagrams: taken as u64, bytes })
    }

    /// The datagrams of each GSO send: neighbours of equal size and source.
    fn runs(&self, count: usize) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::with_capacity(count);
        for at in 0..count {
            let (source, len) = (self.sources[at], self.lens[at]);
            match runs.last_mut() {
                Some(run)
                    if (self.sources[run.start], self.lens[run.start]) == (source, len)
                        && run.len() < SEGMENTS_MAX
                        && (run.len() + 1) * len <= RUN_BYTES_MAX =>
                {
                    run.end += 1;
                }
                _ => runs.push(at..at + 1),
            }
        }
        runs
    }
}

fn ancillary<T>(level: i32, kind: i32) -> libc::cmsghdr {
    libc::cmsghdr { cmsg_len: size_of::<libc::cmsghdr>() + size_of::<T>(), cmsg_level: level, cmsg_type: kind }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;
    use std::time::Duration;

    #[test]
    fn each_datagram_has_its_own_source_address() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let SocketAddr::V4(address) = receiver.local_addr().unwrap() else { unreachable!("it was bound to IPv4") };
        let sender = wildcard_socket().unwrap();
        let mut batch = SendBatch::new();
        let sources = [Ipv4Addr::new(127, 77, 3, 9), Ipv4Addr::new(127, 200, 1, 2)];
        for (at, &source) in sources.iter().enumerate() {
            batch.add(source, 20 + at).fill(at as u8);
        }
        assert_eq!(batch.send_to(&sender, address).unwrap(), Sent { datagrams: 2, bytes: 41 });
        assert_eq!(batch.send_to(&sender, address).unwrap(), Sent::default(), "it is empty then");
        for (at, source) in sources.iter().enumerate() {
            let mut bytes = [0; 64];
            let (len, from) = receiver.recv_from(&mut bytes).unwrap();
            assert_eq!((len, from.ip()), (20 + at, (*source).into()));
            assert_eq!(bytes[..len], vec![at as u8; len]);
        }
    }

    #[test]
    fn neighbours_of_equal_size_and_source_leave_as_one_batch() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let SocketAddr::V4(address) = receiver.local_addr().unwrap() else { unreachable!("it was bound to IPv4") };
        let sender = wildcard_socket().unwrap();
        let mut batch = SendBatch::new();
        let (one, other) = (Ipv4Addr::new(127, 3, 3, 3), Ipv4Addr::new(127, 4, 4, 4));
        let datagrams = [(one, 100), (one, 100), (one, 100), (one, 90), (other, 90), (other, 90), (one, 100)];
        for (at, &(source, len)) in datagrams.iter().enumerate() {
            batch.add(source, len).fill(at as u8);
        }
        assert_eq!(batch.runs(datagrams.len()), [0..3, 3..4, 4..6, 6..7]);
        assert_eq!(batch.send_to(&sender, address).unwrap(), Sent { datagrams: 7, bytes: 670 });
        for (at, &(source, len)) in datagrams.iter().enumerate() {
            let mut bytes = [0; 256];
            let (received, from) = receiver.recv_from(&mut bytes).unwrap();
            assert_eq!((received, from.ip()), (len, source.into()));
            assert_eq!(bytes[..len], vec![at as u8; len]);
        }
        while !batch.is_full() {
            batch.add(one, DATAGRAM_BYTES_MAX);
        }
        assert!(batch.runs(BATCH).iter().all(|run| run.len() * DATAGRAM_BYTES_MAX <= RUN_BYTES_MAX));
    }

    #[test]
    fn a_connected_socket_sends_from_its_own_address() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let sender = UdpSocket::bind("127.5.5.5:0").unwrap();
        sender.connect(receiver.local_addr().unwrap()).unwrap();
        let mut batch = SendBatch::new();
        while !batch.is_full() {
            batch.add(Ipv4Addr::LOCALHOST, 1 + usize::from(batch.len % 5 == 4));
        }
        assert_eq!(batch.send_through(&sender).unwrap().datagrams, BATCH as u64);
        assert_eq!(receiver.recv_from(&mut [0; 8]).unwrap().1, sender.local_addr().unwrap());
    }
}
