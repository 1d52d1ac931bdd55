//! Sockets of clients.

use crate::datagrams::Datagrams;
use crate::libraries::enlarge_buffers;
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use std::io::IoSliceMut;
use std::net::{SocketAddr, UdpSocket};

/// Buffers of one read.
const BUFFERS: usize = 8;
/// Reads of one socket in one round.
const READS_MAX: usize = 8;
const BUFFER_BYTES: usize = 65_536;

/// The connected socket of one client.
pub struct Socket {
    socket: UdpSocket,
    state: UdpSocketState,
    server: SocketAddr,
}

impl Socket {
    /// # Errors
    /// The kernel's error.
    pub fn connect(server: SocketAddr) -> Result<Self, String> {
        let failed = |error| format!("cannot open a socket for a client: {error}. Does `ulimit -n` allow so many?");
        let socket = UdpSocket::bind("127.0.0.1:0").map_err(failed)?;
        socket.connect(server).map_err(failed)?;
        enlarge_buffers(&socket)?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket)).map_err(failed)?;
        Ok(Socket { socket, state, server })
    }

    pub fn inner(&self) -> &UdpSocket {
        &self.socket
    }

    /// Sends all of them. What the kernel does not take is lost, as datagrams are.
    pub fn send(&self, datagrams: &Datagrams) {
        for run in datagrams.runs() {
            if run.count == 1 {
                let _ = self.socket.send(run.bytes);
                continue;
            }
            let transmit = Transmit {
                destination: self.server,
                ecn: None,
                contents: run.bytes,
                segment_size: Some(run.segment),
                src_ip: None,
            };
            let _ = self.state.try_send(UdpSockRef::from(&self.socket), &transmit);
        }
    }
}

/// Receive buffers that all sockets share.
pub struct Reader {
    buffers: Vec<Vec<u8>>,
}

impl Reader {
    pub fn new() -> Self {
        Reader { buffers: vec![vec![0; BUFFER_BYTES]; BUFFERS] }
    }

    /// Receives what has arrived; returns the number of datagrams.
    pub fn read(&mut self, socket: &Socket, mut receive: impl FnMut(&mut [u8])) -> u64 {
        let mut datagrams = 0;
        for _ in 0..READS_MAX {
            let mut metas = [RecvMeta::default(); BUFFERS];
            let read = {
                let mut buffers = self.buffers.iter_mut();
                let mut slices: [IoSliceMut<'_>; BUFFERS] =
                    std::array::from_fn(|_| IoSliceMut::new(buffers.next().expect("there are as many buffers")));
                // An error of a connected socket belongs to an earlier datagram: the server's socket is gone.
                socket.state.recv(UdpSockRef::from(&socket.socket), &mut slices, &mut metas).unwrap_or(0)
            };
            for (buffer, meta) in self.buffers.iter_mut().zip(&metas[..read]) {
                for datagram in buffer[..meta.len].chunks_mut(meta.stride.max(1)) {
                    receive(datagram);
                    datagrams += 1;
                }
            }
            if read < BUFFERS {
                break;
            }
        }
        datagrams
    }
}
