//! WebRTC: one data channel per client, unordered and without retransmission, one message per datagram.
//!
//! A client sends an offer over HTTP and gets an answer ([`WebRtc::answer`]). All its packets then go to the thread's one UDP
//! socket: STUN checks, DTLS, and SCTP within. The gateway is an ICE-lite agent: it looks for no path to the client.
//!
//! A STUN check names its peer, and everything else is assigned by address. Packets of no peer are dropped and counted. An
//! address counts once the client has proven that it receives there (`proof`). Before, the gateway sends one packet there per
//! valid check, and passes nothing to str0m.
//!
//! SCTP controls congestion even though nothing is repeated. With 3 % of packets lost, datagrams pass at their rate. With 10 %,
//! it stalls now and then, for its retransmission timeout of a second or more. Meanwhile the client's queue drops its oldest
//! datagrams.
//!
//! | file | has |
//! |---|---|
//! | `bounds` | what a peer can fill, and how far |
//! | `offer` | checks of an offer |
//! | `proof` | proof that a client receives at an address |
//! | `peer` | one peer, without I/O |
//! | `end` | why a peer's connection ends |
//! | `peers` | all peers of a thread, and whose a packet is |
//! | `inbound` | what of SCTP reaches str0m |
//! | `deadlines` | when a peer wants to be looked at again |
//! | `outbox` | packets that leave together |
//! | `statistics` | the figures of a peer |
//! | `crypto` | DTLS and STUN on ring |

mod bounds;
mod crypto;
mod deadlines;
mod end;
mod inbound;
mod offer;
mod outbox;
mod peer;
mod peers;
mod proof;
mod statistics;
#[cfg(test)]
mod tests;

use crate::limits::Refused;
use crate::thread::{Port, Thread};
pub(crate) use bounds::OFFER_BYTES_MAX;
use bounds::{CHECK_EVERY, PACKETS_PER_TURN};
pub use crypto::provider as crypto_provider;
use end::End;
use outbox::Outbox;
use peer::Pumped;
use peers::Peers;
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSocketState};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::time::Instant;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::sleep_until;

type PeerId = u64;

/// Bytes that one receive call may bring per packet: with GRO, a run of packets comes as one.
const RECEIVE_BYTES: usize = 65_535;
/// Send and receive buffers of the socket, in bytes.
const SOCKET_BYTES: usize = 2 << 20;

/// The WebRTC clients of one thread.
pub struct WebRtc {
    socket: UdpSocket,
    state: UdpSocketState,
    peers: RefCell<Peers>,
    /// The task of each peer whose channel is open.
    tasks: RefCell<HashMap<PeerId, Task>>,
    thread: Rc<Thread>,
    /// A deadline may be earlier than the one that the timer waits for.
    earlier: Notify,
    /// What the timer waits for.
    waits_for: Cell<Option<Instant>>,
}

struct Task {
    abort: AbortHandle,
    /// Datagrams that had to wait may go again.
    room: Rc<Notify>,
}

impl WebRtc {
    /// Takes the thread's UDP socket, which clients reach at `public-address`, or at its own address.
    ///
    /// # Errors
    /// The socket cannot be used, or it listens on all addresses and there is no `public-address`.
    pub fn open(thread: Rc<Thread>, socket: std::net::UdpSocket) -> io::Result<Rc<WebRtc>> {
        let local = socket.local_addr()?;
        let address = SocketAddr::new(thread.settings().public_address.unwrap_or(local.ip()), local.port());
        if address.ip().is_unspecified() {
            let problem = "WebRTC listens on all addresses: set `public-address` to the one that clients send to";
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, problem));
        }
        socket.set_nonblocking(true)?;
        let state = UdpSocketState::new((&socket).into())?;
        // The kernel may allow less, which costs packets in a burst and nothing else.
        let _ = state.set_send_buffer_size((&socket).into(), SOCKET_BYTES);
        let _ = state.set_recv_buffer_size((&socket).into(), SOCKET_BYTES);
        Ok(Rc::new(WebRtc {
            socket: UdpSocket::from_std(socket)?,
            state,
            peers: RefCell::new(Peers::new(Rc::clone(&thread), vec![address], Outbox::new(local))),
            tasks: RefCell::default(),
            thread,
            earlier: Notify::new(),
            waits_for: Cell::new(None),
        }))
    }

    /// Serves, forever. The thread runs this as a task of its `LocalSet`.
    pub async fn serve(self: Rc<Self>) {
        let mut storage = vec![0; BATCH_SIZE * RECEIVE_BYTES];
        let mut timer = pin!(sleep_until(tokio::time::Instant::now()));
        loop {
            let next = self.peers.borrow().next_deadline().unwrap_or_else(|| Instant::now() + CHECK_EVERY);
            if self.waits_for.replace(Some(next)) != Some(next) {
                timer.as_mut().reset(next.into());
            }
            tokio::select! {
                ready = self.socket.readable() => {
                    if let Err(error) = ready {
                        self.thread.counters().carriers_ended.add(1);
                        tracing::error!(
                            thread = self.thread.index(), %error,
                            "WebRTC has ended on this thread, because its socket failed: restart the gateway"
                        );
                        return;
                    }
                    self.receive(&mut storage);
                }
                () = timer.as_mut() => {
                    self.waits_for.set(None);
                    self.peers.borrow_mut().expire(Instant::now());
                    self.settle();
                }
                () = self.earlier.notified() => {}
            }
        }
    }

    /// Answers the SDP offer of a client at `from` that wants to reach `server`: `POST /v1/servers/NAME/webrtc`.
    ///
    /// # Errors
    /// The client is refused, the offer is not one for a data channel, or too many peers have no open channel yet.
    pub async fn answer(self: &Rc<Self>, server: &str, from: SocketAddr, offer: &str) -> Result<String, Refused> {
        let answer = self.peers.borrow_mut().answer(server, from, offer, Instant::now());
        self.settle();
        answer
    }

    /// The address of the socket.
    #[cfg(test)]
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Peers, and those of them whose channel is not open yet.
    #[cfg(test)]
    pub fn count(&self) -> (usize, usize) {
        self.peers.borrow().count()
    }

    /// Receives until the socket is empty, or others have waited long enough.
    fn receive(self: &Rc<Self>, storage: &mut [u8]) {
        let mut received = 0;
        while received < PACKETS_PER_TURN {
            match self.receive_batch(storage) {
                Ok(packets) => received += packets,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.thread.counters().receive_failed.add(1);
                    break;
                }
            }
            self.settle();
        }
    }

    fn receive_batch(&self, storage: &mut [u8]) -> io::Result<usize> {
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        let mut chunks = storage.chunks_exact_mut(RECEIVE_BYTES);
        let mut slices: [_; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().expect("there is storage for a batch")));
        let runs = self
            .socket
            .try_io(Interest::READABLE, || self.state.recv((&self.socket).into(), &mut slices, &mut metas))?;
        let now = Instant::now();
        let mut peers = self.peers.borrow_mut();
        let mut packets = 0;
        for (meta, slice) in metas[..runs].iter().zip(&slices) {
            for packet in slice[..meta.len].chunks(meta.stride.max(1)) {
                peers.receive(meta.addr, packet, now);
                packets += 1;
            }
        }
        Ok(packets)
    }

    /// Sends what is to be sent, and runs and ends the tasks of peers.
    fn settle(self: &Rc<Self>) {
        let mut peers = self.peers.borrow_mut();
        let unsent = peers.out.flush(&self.socket, &self.state);
        self.thread.counters().webrtc_unsent.add(unsent as u64);
        let mut tasks = self.tasks.borrow_mut();
        for (id, port) in peers.changes.opened.drain(..) {
            let room = Rc::new(Notify::new());
            let task = spawn_local(feed(Rc::downgrade(self), id, port, Rc::clone(&room)));
            tasks.insert(id, Task { abort: task.abort_handle(), room });
        }
        for id in peers.changes.unblocked.drain(..) {
            if let Some(task) = tasks.get(&id) {
                task.room.notify_one();
            }
        }
        for id in peers.changes.ended.drain(..) {
            if let Some(task) = tasks.remove(&id) {
                task.abort.abort();
            }
        }
        if peers.next_deadline().is_some_and(|next| self.waits_for.get().is_none_or(|waits_for| next < waits_for)) {
            self.earlier.notify_one();
        }
    }

    fn pump(self: &Rc<Self>, id: PeerId) -> Option<Pumped> {
        let pumped = self.peers.borrow_mut().pump(id, Instant::now());
        self.settle();
        pumped
    }

    fn close(self: &Rc<Self>, id: PeerId) {
        self.peers.borrow_mut().close(id, End::Going);
        self.settle();
    }
}

/// Sends a client what comes for it, until it or the thread has enough.
async fn feed(webrtc: Weak<WebRtc>, id: PeerId, port: Rc<Port>, room: Rc<Notify>) {
    let mut blocked = false;
    loop {
        tokio::select! {
            biased;
            _ = port.wait_closed() => {
                if let Some(webrtc) = webrtc.upgrade() {
                    webrtc.close(id);
                }
                return;
            }
            () = room.notified(), if blocked => blocked = false,
            () = port.arrived(), if !blocked => {
                let pumped = webrtc.upgrade().and_then(|webrtc| webrtc.pump(id));
                let Some(pumped) = pumped else { return };
                blocked = pumped == Pumped::Blocked;
            }
        }
    }
}
