//! Stands for the servers behind the gateway: sends each datagram back as it is, in the runs in which it arrived.

use crate::Outcome;
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Socket, Type};
use std::cell::Cell;
use std::io::IoSliceMut;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use tokio::io::Interest;
use tokio::net::UdpSocket;

const BATCH: usize = 8;
const RUN_BYTES: usize = 64 << 10;
const BUFFER_BYTES: usize = 4 << 20;

/// The echo. It runs as a task of this thread.
pub struct UdpEcho {
    pub address: SocketAddr,
    answers: Rc<Cell<bool>>,
}

impl UdpEcho {
    pub fn start() -> Outcome<UdpEcho> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
        // The host's limits apply.
        let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
        let _ = socket.set_send_buffer_size(BUFFER_BYTES);
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let socket = UdpSocket::from_std(socket.into())?;
        let answers = Rc::new(Cell::new(true));
        let address = socket.local_addr()?;
        tokio::task::spawn_local(run(socket, state, Rc::clone(&answers)));
        Ok(UdpEcho { address, answers })
    }

    /// Whether datagrams are sent back, from now on.
    pub fn answer(&self, answers: bool) {
        self.answers.set(answers);
    }
}

async fn run(socket: UdpSocket, state: UdpSocketState, answers: Rc<Cell<bool>>) {
    let mut buffers = vec![0; BATCH * RUN_BYTES];
    loop {
        if socket.readable().await.is_err() {
            continue;
        }
        let mut metas = [RecvMeta::default(); BATCH];
        let received = socket.try_io(Interest::READABLE, || {
            let mut chunks = buffers.chunks_exact_mut(RUN_BYTES);
            let mut slices: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().expect("there is a chunk per slice")));
            state.recv(UdpSockRef::from(&socket), &mut slices, &mut metas)
        });
        let Ok(received) = received else { continue };
        if !answers.get() {
            continue;
        }
        for (meta, run) in metas[..received].iter().zip(buffers.chunks_exact(RUN_BYTES)) {
            let transmit = Transmit {
                destination: meta.addr,
                ecn: None,
                contents: &run[..meta.len],
                segment_size: (meta.stride < meta.len).then_some(meta.stride),
                src_ip: None,
            };
            // What the kernel does not take counts as lost.
            let _ = socket.try_io(Interest::WRITABLE, || state.try_send(UdpSockRef::from(&socket), &transmit));
        }
    }
}
