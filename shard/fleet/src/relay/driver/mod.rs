//! Sockets and clock: feeds a [`Relay`] with what arrives, and does what it wants done. Everything runs on one thread.
//!
//! | file | has |
//! |---|---|
//! | `socket` | a UDP socket that sends and receives runs of datagrams (GSO, GRO) |

mod socket;

use super::links::Target;
use super::node::Relay;
use super::outbox::{Act, ExitId, Outbox, To};
use crate::topology::PlaceId;
use socket::{ReceiveBuffers, Socket};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use tokio::task::{AbortHandle, spawn_local, yield_now};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Time between two looks at what is due.
const TICK: Duration = Duration::from_millis(10);
/// Receive calls of a socket before the others get their turn.
const RECEIVES_MAX: usize = 16;

/// A node that runs. Its tasks are on the thread's [`LocalSet`](tokio::task::LocalSet).
pub(super) struct Driver {
    relay: RefCell<Relay>,
    outbox: RefCell<Outbox>,
    buffers: RefCell<ReceiveBuffers>,
    node: Socket,
    doors: Vec<Socket>,
    exits: RefCell<HashMap<ExitId, Connected>>,
    probes: RefCell<BTreeMap<PlaceId, Connected>>,
    began: Instant,
}

/// A socket to a host, with the task that receives from it.
struct Connected {
    socket: Rc<Socket>,
    task: AbortHandle,
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whose socket it is.
#[derive(Clone, Copy)]
enum Source {
    Node,
    Door(u16),
    Exit(ExitId),
    Probe(PlaceId),
}

impl Driver {
    /// Opens the sockets: that of the nodes, and one per door.
    ///
    /// # Errors
    /// The address that cannot be listened on, and why.
    pub(super) fn open(relay: Relay, listen: SocketAddr, doors: &[SocketAddr]) -> io::Result<Rc<Driver>> {
        let bind = |address: &SocketAddr| {
            Socket::bind(*address)
                .map_err(|error| io::Error::new(error.kind(), format!("cannot listen at {address}: {error}")))
        };
        Ok(Rc::new(Driver {
            relay: RefCell::new(relay),
            outbox: RefCell::default(),
            buffers: RefCell::default(),
            node: bind(&listen)?,
            doors: doors.iter().map(bind).collect::<io::Result<_>>()?,
            exits: RefCell::default(),
            probes: RefCell::default(),
            began: Instant::now(),
        }))
    }

    /// Starts its tasks.
    pub(super) fn start(self: &Rc<Self>) {
        spawn_local(Rc::clone(self).tick());
        let driver = Rc::clone(self);
        spawn_local(async move { driver.receive(Source::Node, &driver.node).await });
        for door in 0..self.doors.len() {
            let driver = Rc::clone(self);
            spawn_local(async move { driver.receive(Source::Door(door as u16), &driver.doors[door]).await });
        }
    }

    /// Takes over which nodes and hosts there are.
    pub(super) fn set_places(self: &Rc<Self>, nodes: Vec<Target>, hosts: Vec<Target>) {
        let mut probes = self.probes.borrow_mut();
        let ids: BTreeMap<_, _> = hosts.iter().map(|host| (PlaceId::of_host(&host.name), host.address)).collect();
        probes.retain(|id, probe| ids.get(id).is_some_and(|address| probe.socket.peer() == Some(*address)));
        for (id, address) in ids {
            if !probes.contains_key(&id)
                && let Ok(probe) = self.connect(Source::Probe(id), address)
            {
                probes.insert(id, probe);
            }
        }
        drop(probes);
        self.relay.borrow_mut().set_places(self.now(), nodes, hosts);
    }

    /// Looks at the node.
    pub(super) fn with_relay<T>(&self, look: impl FnOnce(&Relay) -> T) -> T {
        look(&self.relay.borrow())
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    async fn tick(self: Rc<Self>) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.relay.borrow_mut().advance(self.now(), &mut self.outbox.borrow_mut());
            self.flush();
        }
    }

    /// Receives from a socket, forever.
    async fn receive(self: &Rc<Self>, source: Source, socket: &Socket) {
        loop {
            if socket.readable().await.is_err() {
                self.relay.borrow_mut().counters_mut().receive_failed += 1;
            }
            self.receive_all(source, socket);
            yield_now().await;
        }
    }

    /// Receives what has arrived, within bounds, and does what follows.
    fn receive_all(self: &Rc<Self>, source: Source, socket: &Socket) {
        for _ in 0..RECEIVES_MAX {
            let result = {
                let (mut relay, mut outbox) = (self.relay.borrow_mut(), self.outbox.borrow_mut());
                let now = self.now();
                socket.receive(&mut self.buffers.borrow_mut(), |from, datagram| match source {
                    Source::Node => relay.from_node(now, datagram, &mut outbox),
                    Source::Door(door) => relay.from_client(now, door, from, datagram, &mut outbox),
                    Source::Exit(exit) => relay.from_host(now, exit, datagram, &mut outbox),
                    Source::Probe(host) => relay.from_host_probe(now, host, datagram),
                })
            };
            self.flush();
            match result {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // Usually ICMP says that a host does not listen.
                Err(_) => self.relay.borrow_mut().counters_mut().receive_failed += 1,
            }
        }
    }

    /// Does what the node wants done. Datagrams of one size to one place leave together.
    fn flush(self: &Rc<Self>) {
        let mut outbox = self.outbox.borrow_mut();
        let Outbox { bytes, acts } = &mut *outbox;
        let mut at = 0;
        while at < acts.len() {
            match &acts[at] {
                Act::Open(exit, address) => self.open_exit(*exit, *address),
                Act::Close(exit) => drop(self.exits.borrow_mut().remove(exit)),
                // An empty datagram has no size to split a run by, and nobody waits for one.
                Act::Send(_, range) if range.is_empty() => self.relay.borrow_mut().counters_mut().send_failed += 1,
                Act::Send(to, range) => {
                    let (size, mut run) = (range.len(), range.clone());
                    while let Some(Act::Send(next, more)) = acts.get(at + 1)
                        && next == to
                        && more.len() == size
                        && socket::fits(run.len() + size, size)
                    {
                        run.end = more.end;
                        at += 1;
                    }
                    let failed = self.send(*to, &bytes[run], size);
                    self.relay.borrow_mut().counters_mut().send_failed += failed as u64;
                }
            }
            at += 1;
        }
        outbox.clear();
    }

    /// Sends a run of datagrams. Gives how many were not sent.
    fn send(&self, to: To, run: &[u8], size: usize) -> usize {
        let lost = run.len().div_ceil(size);
        match to {
            To::Node(address) => self.node.send(address, run, size),
            To::Client { door, address } => self.doors[usize::from(door)].send(address, run, size),
            To::Host(exit) => self.exits.borrow().get(&exit).map_or(lost, |exit| exit.socket.send_to_peer(run, size)),
            To::HostProbe(host) => {
                self.probes.borrow().get(&host).map_or(lost, |probe| probe.socket.send_to_peer(run, size))
            }
        }
    }

    fn open_exit(self: &Rc<Self>, exit: ExitId, address: SocketAddr) {
        match self.connect(Source::Exit(exit), address) {
            Ok(socket) => drop(self.exits.borrow_mut().insert(exit, socket)),
            Err(error) => tracing::warn!(%error, "cannot open a socket for a client: its datagrams are lost"),
        }
    }

    fn connect(self: &Rc<Self>, source: Source, address: SocketAddr) -> io::Result<Connected> {
        let any = match address {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = Rc::new(Socket::connect(any, address)?);
        let (driver, receiving) = (Rc::clone(self), Rc::clone(&socket));
        let task = spawn_local(async move { driver.receive(source, &receiving).await }).abort_handle();
        Ok(Connected { socket, task })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::{Own, RelayKey};
    use tokio::runtime::Builder;
    use tokio::task::LocalSet;
    use tokio::time::sleep;

    /// Runs `test` with a node that has no door, at any port of this machine.
    fn with_driver<F: Future<Output = ()>>(test: impl FnOnce(Rc<Driver>) -> F) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let id = PlaceId::of_node(&"n".parse().unwrap());
            let own = Own { id, run: 1, doors: Vec::new(), exits: true, clients_max: 9 };
            let relay = Relay::new(own, RelayKey::from_bytes([1; 32]), None, 5);
            test(Driver::open(relay, (Ipv4Addr::LOCALHOST, 0).into(), &[]).unwrap()).await;
        });
    }

    #[test]
    fn an_empty_datagram_is_not_sent_but_counted_and_the_others_leave() {
        with_driver(|driver| async move {
            let to = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let address = to.local_addr().unwrap();
            for bytes in [&b""[..], b"", b"one", b"", b"two"] {
                driver.outbox.borrow_mut().send_parts(To::Node(address), &[], bytes);
            }
            driver.flush();
            assert_eq!(driver.with_relay(|relay| relay.counters().send_failed), 3);
            let mut buffer = [0; 9];
            to.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            for expected in ["one", "two"] {
                let len = to.recv(&mut buffer).unwrap();
                assert_eq!(&buffer[..len], expected.as_bytes());
            }
        });
    }

    #[test]
    fn an_empty_datagram_of_a_stranger_is_counted() {
        with_driver(|driver| async move {
            let from = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            from.send_to(&[], driver.node.local_address()).unwrap();
            driver.start();
            for _ in 0..500 {
                if driver.with_relay(|relay| relay.counters().forged) == 1 {
                    return;
                }
                sleep(Duration::from_millis(10)).await;
            }
            panic!("nothing counted it");
        });
    }
}
