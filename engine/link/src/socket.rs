//! UDP sockets with their options, and the packet filter that steers datagrams to their core.
#![allow(unsafe_code)]

use super::losses::{Divider, KernelLosses};
use ringshard_protocol::limits::HEADER_BYTES;
use socket2::{Domain, Protocol, SockAddr, Type};
use std::io;
use std::mem::size_of_val;
use std::net::{SocketAddr, UdpSocket};
use std::num::NonZeroU32;
use std::os::fd::{AsRawFd, RawFd};

/// Size of receive and send buffers of a socket that was not told another one, in bytes: about 50 ms at 600,000 datagrams
/// per second.
pub const BUFFER_BYTES: usize = 32 << 20;

/// Why there is no socket. The texts say what to do.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another process has the port.
    #[error("{0} is in use: stop the server that has it, or choose another port with --listen")]
    InUse(SocketAddr),
    /// The port is below 1024, and the process may not use it.
    #[error("not allowed to listen on {0}: choose a port above 1023, or grant CAP_NET_BIND_SERVICE")]
    NotAllowed(SocketAddr),
    /// The host does not have this address.
    #[error("{0} is not an address of this host: check --listen against `ip address`")]
    NotOurs(SocketAddr),
    /// An IPv6 address on a host whose kernel has no IPv6.
    #[error("{0} needs IPv6, which this host does not have: choose an IPv4 address with --listen, or switch IPv6 on")]
    NoIpv6(SocketAddr),
    /// This process or the host has reached its limit of open files.
    #[error("no file descriptor is left for the socket of {0}: raise `ulimit -n`, or LimitNOFILE= of the service")]
    NoFileLeft(SocketAddr),
    /// Anything else, with the step that failed.
    #[error("cannot {step} for {address}: {source}")]
    Failed {
        /// The step that failed.
        step: &'static str,
        /// The address of the socket.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
}

/// A UDP socket with all options set.
#[derive(Debug)]
pub struct Socket {
    socket: UdpSocket,
    v6: bool,
    connected: bool,
    /// Divides its drops by cause; None without a filter, because a full buffer is then the only cause.
    losses: Option<Divider>,
}

impl Socket {
    /// A server's socket at `address`. With `group`, several sockets share it: the order of their creation is the order of
    /// the cores.
    ///
    /// An IPv6 wildcard address takes IPv4 too (RFC 3493, section 5.3). A socket at a wildcard address reports the
    /// destination address of each arrival, so that answers can leave from there.
    ///
    /// # Errors
    /// [`SocketError`].
    pub fn listen(address: SocketAddr, group: bool) -> Result<Self, SocketError> {
        let failed = |step| move |source| SocketError::Failed { step, address, source };
        let socket = Self::make(address)?;
        drop_short_datagrams(socket.as_raw_fd()).map_err(failed("filter a socket"))?;
        if group {
            socket.set_reuse_port(true).map_err(failed("share the port"))?;
        }
        if address.ip().is_unspecified() {
            ask_for_destination(socket.as_raw_fd(), address).map_err(failed("ask for destination addresses"))?;
        }
        socket.bind(&SockAddr::from(address)).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => SocketError::InUse(address),
            io::ErrorKind::PermissionDenied => SocketError::NotAllowed(address),
            io::ErrorKind::AddrNotAvailable => SocketError::NotOurs(address),
            _ => SocketError::Failed { step: "bind a socket", address, source: error },
        })?;
        Ok(Socket { socket: socket.into(), v6: address.is_ipv6(), connected: false, losses: Some(Divider::new()) })
    }

    /// A client's socket: it has its own port, and sends to and receives from `server` only.
    ///
    /// # Errors
    /// [`SocketError`].
    pub fn connect(server: SocketAddr) -> Result<Self, SocketError> {
        let socket = Self::make(server)?;
        socket.connect(&SockAddr::from(server)).map_err(|source| SocketError::Failed {
            step: "connect a socket",
            address: server,
            source,
        })?;
        Ok(Socket { socket: socket.into(), v6: server.is_ipv6(), connected: true, losses: None })
    }

    fn make(address: SocketAddr) -> Result<socket2::Socket, SocketError> {
        let failed = |step| move |source| SocketError::Failed { step, address, source };
        let socket =
            socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP)).map_err(|error| {
                match error.raw_os_error() {
                    Some(libc::EAFNOSUPPORT) if address.is_ipv6() => SocketError::NoIpv6(address),
                    Some(libc::EMFILE | libc::ENFILE) => SocketError::NoFileLeft(address),
                    _ => SocketError::Failed { step: "open a socket", address, source: error },
                }
            })?;
        if address.is_ipv6() {
            socket.set_only_v6(false).map_err(failed("take IPv4 on an IPv6 socket"))?;
        }
        socket.set_nonblocking(true).map_err(failed("make a socket non-blocking"))?;
        set_buffers(&socket, BUFFER_BYTES, BUFFER_BYTES);
        let fd = socket.as_raw_fd();
        // Everything works without these options, but slower.
        let _ = set_option(fd, libc::SOL_UDP, libc::UDP_GRO, &1i32);
        // PROBE sets "don't fragment", ignores the kernel's path MTU, and saves an IP identifier per packet.
        let _ = set_option(fd, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, &libc::IP_PMTUDISC_PROBE);
        if address.is_ipv6() {
            let _ = set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, &libc::IPV6_PMTUDISC_PROBE);
        }
        Ok(socket)
    }

    /// Attaches the filter that picks the socket of the group by connection id (PROTOCOL.md#connection-id): byte 0 of a
    /// datagram is the core.
    ///
    /// For connection id 0, which unknown addresses use, the filter gives an index that no socket has; the kernel then
    /// picks by address hash. It does the same for a core that does not exist.
    ///
    /// # Errors
    /// The system's error: the kernel is built without reuseport filters.
    pub fn steer_by_connection_id(&self) -> io::Result<()> {
        const LOAD_WORD_0: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
        const LOAD_BYTE_0: u16 = (libc::BPF_LD | libc::BPF_B | libc::BPF_ABS) as u16;
        const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
        const RETURN_A: u16 = (libc::BPF_RET | libc::BPF_A) as u16;
        const RETURN_K: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
        let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
        let mut program = [
            step(LOAD_WORD_0, 0, 0, 0),
            step(JUMP_IF_EQUAL, 2, 0, 0),
            step(LOAD_BYTE_0, 0, 0, 0),
            step(RETURN_A, 0, 0, 0),
            step(RETURN_K, 0, 0, u32::MAX),
        ];
        let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
        set_option(self.socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_ATTACH_REUSEPORT_CBPF, &program)
    }

    /// Asks the kernel for the time of each arrival. It adds a few per cent to the cost of a datagram that arrives alone, and
    /// nothing for datagrams that GRO merged.
    ///
    /// # Errors
    /// The system's error.
    pub fn stamp_arrivals(&self) -> io::Result<()> {
        set_option(self.socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &1i32)
    }

    /// The address that the socket is bound to.
    ///
    /// # Errors
    /// The system's error.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Asks for buffers of these sizes, in bytes, instead of [`BUFFER_BYTES`]. The host's limits apply unless the process may
    /// exceed them.
    pub fn resize_buffers(&self, receive: usize, send: usize) {
        set_buffers(&socket2::SockRef::from(&self.socket), receive, send);
    }

    /// Size of the receive buffer by the kernel's count, which includes its overhead.
    pub fn receive_buffer_bytes(&self) -> usize {
        socket2::SockRef::from(&self.socket).recv_buffer_size().unwrap_or(0)
    }

    /// Datagrams that the kernel dropped since the socket was made, by cause.
    pub(super) fn kernel_losses(&self) -> KernelLosses {
        let drops = self.kernel_drops();
        match &self.losses {
            Some(divider) => divider.divide(drops),
            None => KernelLosses { full: drops, refused: 0 },
        }
    }

    /// Datagrams that the kernel dropped for any cause.
    fn kernel_drops(&self) -> u64 {
        const DROPS: usize = 8;
        let mut values = [0u32; DROPS + 1];
        let mut len = size_of_val(&values) as libc::socklen_t;
        // SAFETY: the kernel writes at most `len` bytes, the size of the array, which outlives the call.
        let result = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_MEMINFO,
                values.as_mut_ptr().cast(),
                &raw mut len,
            )
        };
        if result == 0 { values[DROPS].into() } else { 0 }
    }

    /// Whether the kernel supports UDP_SEGMENT.
    pub(super) fn can_segment(&self) -> bool {
        set_option(self.socket.as_raw_fd(), libc::SOL_UDP, libc::UDP_SEGMENT, &0i32).is_ok()
    }

    pub(super) fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    pub(super) fn is_v6(&self) -> bool {
        self.v6
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connected
    }

    /// Makes the kernel refuse runs, and nothing else, on this socket: it does not segment datagrams without checksum.
    #[cfg(test)]
    pub(super) fn refuse_runs_for_test(&self) {
        set_option(self.fd(), libc::SOL_SOCKET, libc::SO_NO_CHECK, &1i32).expect("every kernel has this option");
    }

    #[cfg(test)]
    pub(super) fn bound_for_test() -> Self {
        Self::listen(([127, 0, 0, 1], 0).into(), false).expect("loopback has a free port")
    }
}

/// Attaches the filter that picks the socket of a QUIC endpoint's reuseport group: the first byte of the destination
/// connection id modulo the number of sockets. Sockets count in the order in which they were bound.
///
/// The ids that an endpoint issues must therefore begin with a byte that names its own socket. A client's first packets
/// carry an id of the client's choice, which names some socket: that endpoint answers them and goes on with an id of its
/// own. A connection thus stays with its endpoint when the client's address changes. Datagrams that are too short to have
/// an id go to the first socket.
///
/// The layout of the headers is that of all versions of QUIC (RFC 8999, section 5).
///
/// # Errors
/// The system's error: the kernel is built without reuseport filters.
pub fn steer_by_quic_connection_id(group: &impl AsRawFd, sockets: NonZeroU32) -> io::Result<()> {
    const LOAD_BYTE: u16 = (libc::BPF_LD | libc::BPF_B | libc::BPF_ABS) as u16;
    const JUMP_IF_ANY_BIT: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
    const JUMP: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;
    const MODULO: u16 = (libc::BPF_ALU | libc::BPF_MOD | libc::BPF_K) as u16;
    const RETURN_A: u16 = (libc::BPF_RET | libc::BPF_A) as u16;
    const LONG_HEADER: u32 = 0x80;
    /// Behind flags, version and the id's length.
    const ID_IN_LONG_HEADER: u32 = 6;
    /// Behind the flags.
    const ID_IN_SHORT_HEADER: u32 = 1;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut program = [
        step(LOAD_BYTE, 0, 0, 0),
        step(JUMP_IF_ANY_BIT, 0, 2, LONG_HEADER),
        step(LOAD_BYTE, 0, 0, ID_IN_LONG_HEADER),
        step(JUMP, 0, 0, 1),
        step(LOAD_BYTE, 0, 0, ID_IN_SHORT_HEADER),
        step(MODULO, 0, 0, sockets.get()),
        step(RETURN_A, 0, 0, 0),
    ];
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    set_option(group.as_raw_fd(), libc::SOL_SOCKET, libc::SO_ATTACH_REUSEPORT_CBPF, &program)
}

/// Makes the kernel drop datagrams shorter than a header. An empty datagram would end a multishot receive.
fn drop_short_datagrams(fd: RawFd) -> io::Result<()> {
    const LOAD_LENGTH: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_LEN) as u16;
    const JUMP_IF_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
    const RETURN_K: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    /// The filter sees the datagram with its UDP header.
    const UDP_HEADER_BYTES: usize = 8;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut program = [
        step(LOAD_LENGTH, 0, 0, 0),
        step(JUMP_IF_AT_LEAST, 0, 1, (UDP_HEADER_BYTES + HEADER_BYTES) as u32),
        step(RETURN_K, 0, 0, u32::MAX),
        step(RETURN_K, 0, 0, 0),
    ];
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    set_option(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

/// Asks for the destination address of each arrival. On an IPv6 socket this includes IPv4 arrivals.
fn ask_for_destination(fd: RawFd, address: SocketAddr) -> io::Result<()> {
    match address {
        SocketAddr::V4(_) => set_option(fd, libc::IPPROTO_IP, libc::IP_PKTINFO, &1i32),
        SocketAddr::V6(_) => set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, &1i32),
    }
}

/// Asks for buffers of these sizes: beyond the host's limit if the process may, up to it otherwise.
fn set_buffers(socket: &socket2::Socket, receive: usize, send: usize) {
    let fd = socket.as_raw_fd();
    if set_option(fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &(receive as i32)).is_err() {
        let _ = socket.set_recv_buffer_size(receive);
    }
    if set_option(fd, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, &(send as i32)).is_err() {
        let _ = socket.set_send_buffer_size(send);
    }
}

fn set_option<T>(fd: RawFd, level: i32, name: i32, value: &T) -> io::Result<()> {
    // SAFETY: the kernel reads `size_of_val(value)` bytes from a reference to as many.
    let result = unsafe {
        libc::setsockopt(fd, level, name, std::ptr::from_ref(value).cast(), size_of_val(value) as libc::socklen_t)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    fn group(sockets: u32) -> Vec<UdpSocket> {
        let mut address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut bound = Vec::new();
        for _ in 0..sockets {
            let socket = socket2::Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
            socket.set_reuse_port(true).unwrap();
            socket.bind(&address.into()).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            bound.push(UdpSocket::from(socket));
            address = bound[0].local_addr().unwrap();
        }
        bound
    }

    #[test]
    fn the_first_byte_of_a_quic_connection_id_names_the_socket_whatever_the_sender() {
        const SOCKETS: u32 = 3;
        let group = group(SOCKETS);
        steer_by_quic_connection_id(&group[0], NonZeroU32::new(SOCKETS).unwrap()).unwrap();
        let server = group[0].local_addr().unwrap();
        for id in [0u8, 1, 2, 3, 7, 128, 254, 255] {
            for header in [&[0x40u8, id][..], &[0xc0, 0, 0, 0, 1, 8, id], &[0x80, 9, 9, 9, 9, 8, id]] {
                let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
                let sent = [header, &[0xaa; 20]].concat();
                client.send_to(&sent, server).unwrap();
                let mut buffer = [0; 64];
                let (length, from) = group[u32::from(id) as usize % SOCKETS as usize].recv_from(&mut buffer).unwrap();
                assert_eq!((&buffer[..length], from), (&sent[..], client.local_addr().unwrap()));
            }
        }
    }
}
