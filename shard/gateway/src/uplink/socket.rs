//! A UDP socket to one server, with GSO and GRO.

use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, SockAddr, Type};
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Bytes of the kernel's buffers, each way, where the host allows them.
const BUFFER_BYTES: usize = 4 << 20;
/// Receive buffers of one call. Each takes a run of datagrams that the kernel merged.
const BATCH: usize = 8;
const RECEIVE_BYTES: usize = 64 << 10;
/// Longer datagrams leave one by one. If a route carries less than a run's datagrams have, some kernels refuse the run in a way
/// that ends runs on this socket for good; what every route carries (RFC 8200, section 5) is 1,280 bytes with 48 of headers.
const RUN_DATAGRAM_BYTES_MAX: usize = 1_232;

/// The socket.
#[derive(Debug)]
pub(super) struct UplinkSocket {
    socket: UdpSocket,
    state: UdpSocketState,
    server: SocketAddr,
}

/// Where a thread's receive calls write. The calls of all its sockets share it.
#[derive(Debug)]
pub(crate) struct ReceiveBuffers(Box<[u8]>);

impl Default for ReceiveBuffers {
    fn default() -> ReceiveBuffers {
        ReceiveBuffers(vec![0; BATCH * RECEIVE_BYTES].into_boxed_slice())
    }
}

impl UplinkSocket {
    /// A socket to `server`, registered with the thread's runtime.
    ///
    /// # Errors
    /// The system's error.
    pub(super) fn connect(server: SocketAddr) -> io::Result<UplinkSocket> {
        let socket = socket2::Socket::new(Domain::for_address(server), Type::DGRAM, Some(Protocol::UDP))?;
        // The host's limits apply.
        let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
        let _ = socket.set_send_buffer_size(BUFFER_BYTES);
        socket.set_nonblocking(true)?;
        socket.connect(&SockAddr::from(server))?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        Ok(UplinkSocket { socket: UdpSocket::from_std(socket.into())?, state, server })
    }

    /// Datagrams that one run may have.
    pub(super) fn segments_max(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Sends a run of datagrams of `size` bytes. Returns how many the kernel did not take.
    pub(super) fn send(&self, run: &[u8], size: usize) -> usize {
        if run.len() <= size {
            return usize::from(self.transmit(run, None).is_err());
        }
        if size > RUN_DATAGRAM_BYTES_MAX {
            return run.chunks(size).filter(|datagram| self.transmit(datagram, None).is_err()).count();
        }
        match self.transmit(run, Some(size)) {
            Ok(()) => 0,
            // The route takes no runs: the state has noted it, and later runs have one datagram.
            Err(error) if error.kind() != io::ErrorKind::WouldBlock && self.segments_max() == 1 => {
                run.chunks(size).filter(|datagram| self.transmit(datagram, None).is_err()).count()
            }
            Err(_) => run.len().div_ceil(size),
        }
    }

    fn transmit(&self, contents: &[u8], segment_size: Option<usize>) -> io::Result<()> {
        let transmit = Transmit { destination: self.server, ecn: None, contents, segment_size, src_ip: None };
        self.socket.try_io(Interest::WRITABLE, || self.state.try_send(UdpSockRef::from(&self.socket), &transmit))
    }

    /// Waits until something arrived or an error waits.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Receives once, and calls `each` with each run of datagrams and their size. The last datagram of a run may be
    /// shorter.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is left; otherwise an error of the socket, such as one that ICMP brought.
    pub(super) fn receive(&self, into: &mut ReceiveBuffers, mut each: impl FnMut(&[u8], usize)) -> io::Result<()> {
        let mut metas = [RecvMeta::default(); BATCH];
        let received = self.socket.try_io(Interest::READABLE, || {
            let mut chunks = into.0.chunks_exact_mut(RECEIVE_BYTES);
            let mut slices: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().expect("there are as many chunks as slices")));
            self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut metas)
        })?;
        for (meta, buffer) in metas[..received].iter().zip(into.0.chunks_exact(RECEIVE_BYTES)) {
            each(&buffer[..meta.len], meta.stride.max(1));
        }
        Ok(())
    }
}
