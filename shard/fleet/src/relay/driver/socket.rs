//! A UDP socket that sends and receives runs of datagrams (GSO, GRO).

use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, SockAddr, Type};
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Bytes of the kernel's buffers of sockets that many clients share, each way, where the host allows them.
const SHARED_BUFFER_BYTES: usize = 4 << 20;
/// Receive buffers of one call. Each takes a run of datagrams that the kernel merged.
const BATCH: usize = 8;
const RECEIVE_BYTES: usize = 64 << 10;
/// Bytes of a run: at most what one UDP packet could have. The kernel takes 64 datagrams at once.
const RUN_BYTES_MAX: usize = 64_000;
const RUN_DATAGRAMS_MAX: usize = 64;
/// Longer datagrams leave one by one. If a path carries less than a run's datagrams have, some kernels refuse the run in a way
/// that ends runs on this socket for good; what every path carries (RFC 8200, section 5) is 1,280 bytes with 48 of headers.
const RUN_DATAGRAM_BYTES_MAX: usize = 1_232;

/// Whether a run may have so many bytes in datagrams of this size.
pub(super) fn fits(bytes: usize, size: usize) -> bool {
    bytes <= RUN_BYTES_MAX && bytes <= size * RUN_DATAGRAMS_MAX && size <= RUN_DATAGRAM_BYTES_MAX
}

/// The socket.
#[derive(Debug)]
pub(super) struct Socket {
    socket: UdpSocket,
    state: UdpSocketState,
    peer: Option<SocketAddr>,
}

/// Where receive calls write. All sockets of the thread share it.
#[derive(Debug)]
pub(super) struct ReceiveBuffers(Box<[u8]>);

impl Default for ReceiveBuffers {
    fn default() -> ReceiveBuffers {
        ReceiveBuffers(vec![0; BATCH * RECEIVE_BYTES].into_boxed_slice())
    }
}

impl Socket {
    /// A socket at this address.
    ///
    /// # Errors
    /// The system's error.
    pub(super) fn bind(address: SocketAddr) -> io::Result<Socket> {
        let socket = open(address)?;
        // The host's limits apply.
        let _ = socket.set_recv_buffer_size(SHARED_BUFFER_BYTES);
        let _ = socket.set_send_buffer_size(SHARED_BUFFER_BYTES);
        socket.bind(&SockAddr::from(address))?;
        Socket::of(socket, None)
    }

    /// A socket that hears only `peer`.
    ///
    /// # Errors
    /// The system's error.
    pub(super) fn connect(from: SocketAddr, peer: SocketAddr) -> io::Result<Socket> {
        let socket = open(from)?;
        socket.connect(&SockAddr::from(peer))?;
        Socket::of(socket, Some(peer))
    }

    fn of(socket: socket2::Socket, peer: Option<SocketAddr>) -> io::Result<Socket> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        Ok(Socket { socket: UdpSocket::from_std(socket.into())?, state, peer })
    }

    /// Where it listens.
    #[cfg(test)]
    pub(super) fn local_address(&self) -> SocketAddr {
        self.socket.local_addr().expect("it is bound")
    }

    /// The only address that it hears.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Sends a run of datagrams of `size` bytes to its peer. Gives how many the kernel did not take.
    ///
    /// # Panics
    /// If it has no peer.
    pub(super) fn send_to_peer(&self, run: &[u8], size: usize) -> usize {
        self.send(self.peer.expect("the socket is connected"), run, size)
    }

    /// Sends a run of datagrams of `size` bytes. Gives how many the kernel did not take.
    pub(super) fn send(&self, to: SocketAddr, run: &[u8], size: usize) -> usize {
        let one_by_one = || run.chunks(size).filter(|datagram| self.transmit(to, datagram, None).is_err()).count();
        if run.len() <= size || self.state.max_gso_segments() == 1 {
            return one_by_one();
        }
        match self.transmit(to, run, Some(size)) {
            Ok(()) => 0,
            // The path takes no runs: the state has noted it.
            Err(error) if error.kind() != io::ErrorKind::WouldBlock && self.state.max_gso_segments() == 1 => {
                one_by_one()
            }
            Err(_) => run.len().div_ceil(size),
        }
    }

    /// Sends at once: a socket that has just been opened may send before tokio has seen it ready.
    fn transmit(&self, destination: SocketAddr, contents: &[u8], segment_size: Option<usize>) -> io::Result<()> {
        let transmit = Transmit { destination, ecn: None, contents, segment_size, src_ip: None };
        self.state.try_send(UdpSockRef::from(&self.socket), &transmit)
    }

    /// Waits until something has arrived or an error waits.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Receives once, and calls `each` with the sender and the bytes of each datagram.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is left; otherwise an error of the socket, such as one that ICMP brought.
    pub(super) fn receive(&self, into: &mut ReceiveBuffers, mut each: impl FnMut(SocketAddr, &[u8])) -> io::Result<()> {
        let mut metas = [RecvMeta::default(); BATCH];
        let received = self.socket.try_io(Interest::READABLE, || {
            let mut chunks = into.0.chunks_exact_mut(RECEIVE_BYTES);
            let mut slices: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().expect("there are as many chunks as slices")));
            self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut metas)
        })?;
        for (meta, buffer) in metas[..received].iter().zip(into.0.chunks_exact(RECEIVE_BYTES)) {
            if meta.len == 0 {
                // It is counted as any other that makes no sense.
                each(meta.addr, &[]);
            }
            for datagram in buffer[..meta.len].chunks(meta.stride.max(1)) {
                each(meta.addr, datagram);
            }
        }
        Ok(())
    }
}

fn open(like: SocketAddr) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::for_address(like), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
