//! One thread of the gateway: its clients and its flows to the servers.
//!
//! | file | has |
//! |---|---|
//! | `port` | what a carrier holds of a client |
//! | `sweep` | closes clients that idle or stall; drains |
//! | `orders` | what other threads ask of this one |

mod orders;
mod port;
mod sweep;

pub use orders::{ConnectionRow, Order, Orders};
pub use port::Port;

use crate::carrier::Carrier;
use crate::client::{Client, Going, QueueMemory};
use crate::clock::{Clock, Nanos};
use crate::counters::Counters;
use crate::limits::{Limits, Place, Refused};
use crate::settings::{ServerEntry, Settings};
use crate::uplink::{Flow, Flusher, ReceiveBuffers, Seats};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use tokio::task::spawn_local;

/// One thread.
pub struct Thread {
    index: usize,
    settings: RefCell<Arc<Settings>>,
    limits: Arc<Limits>,
    counters: Arc<Counters>,
    clock: Rc<Clock>,
    flusher: Rc<Flusher>,
    servers: Vec<Server>,
    /// By serial number, oldest first.
    clients: RefCell<BTreeMap<u64, Rc<Client>>>,
    /// What waits for all of them.
    memory: Rc<QueueMemory>,
    serial: Cell<u64>,
    /// When the drain ends, if one runs.
    drain_until: Cell<Option<Nanos>>,
    /// Picks a client's flow. It is keyed, so that nobody can choose whose flow to share.
    spread: RandomState,
}

struct Server {
    name: String,
    flows: Rc<[Rc<Flow>]>,
}

impl Thread {
    /// Opens the flows to the servers and begins to serve them. Call it in a `LocalSet` of a single-threaded runtime.
    ///
    /// # Errors
    /// A socket cannot be opened.
    pub fn start(
        index: usize,
        settings: Arc<Settings>,
        limits: Arc<Limits>,
        counters: Arc<Counters>,
    ) -> io::Result<Rc<Thread>> {
        let flusher = Rc::new(Flusher::default());
        let open = |server: &ServerEntry| {
            let flow = |_| Flow::open(server.address, settings.key.clone(), Rc::clone(&flusher), Arc::clone(&counters));
            let flows = (0..settings.flows).map(flow).collect::<io::Result<_>>()?;
            Ok(Server { name: server.name.clone(), flows })
        };
        let servers = settings.servers.iter().map(open).collect::<io::Result<Vec<_>>>()?;
        let memory = Rc::new(QueueMemory::new(settings.limits.queue_bytes_per_thread));
        let thread = Rc::new(Thread {
            index,
            settings: RefCell::new(settings),
            limits,
            counters,
            clock: Rc::new(Clock::start()),
            flusher,
            servers,
            clients: RefCell::default(),
            memory,
            serial: Cell::new(0),
            drain_until: Cell::new(None),
            spread: RandomState::new(),
        });
        thread.spawn_tasks();
        Ok(thread)
    }

    fn spawn_tasks(self: &Rc<Self>) {
        let buffers = Rc::new(RefCell::new(ReceiveBuffers::default()));
        for flow in self.servers.iter().flat_map(|server| server.flows.iter()) {
            spawn_local(Rc::clone(flow).run(Rc::clone(&self.clock), Rc::clone(&buffers)));
        }
        let flusher = Rc::clone(&self.flusher);
        spawn_local(async move { flusher.run().await });
        spawn_local(sweep::run(Rc::clone(self)));
    }

    /// Takes in a client of `server`; an empty name means the default server. Limits, deny list and drain are asked here.
    ///
    /// # Errors
    /// The client is refused. [`Refused`] has a status of HTTP and a text for the client.
    pub fn join(self: &Rc<Self>, server: &str, address: SocketAddr, carrier: Carrier) -> Result<Port, Refused> {
        let joined = self.try_join(server, address, carrier);
        match &joined {
            Ok(_) => match carrier {
                Carrier::WebSocket => self.counters.joined_websocket.add(1),
                Carrier::WebTransport => self.counters.joined_webtransport.add(1),
                Carrier::WebRtc => self.counters.joined_webrtc.add(1),
                Carrier::Quic => self.counters.joined_quic.add(1),
            },
            Err(_) => self.counters.refused.add(1),
        }
        joined
    }

    fn try_join(self: &Rc<Self>, server: &str, address: SocketAddr, carrier: Carrier) -> Result<Port, Refused> {
        let settings = self.settings();
        if self.is_draining() {
            return Err(Refused::Draining);
        }
        if !settings.carriers.contains(&carrier) {
            return Err(Refused::CarrierOff);
        }
        let server = self.server_index(server).ok_or(Refused::UnknownServer)?;
        let place = self.limits.client(address.ip())?;
        let serial = self.serial.replace(self.serial.get() + 1);
        let memory = Rc::clone(&self.memory);
        let client = Rc::new(Client::new(serial, server, carrier, address, &settings.limits, memory, self.now()));
        client.owe(self.limits.debt(address.ip()), self.now());
        self.clients.borrow_mut().insert(serial, Rc::clone(&client));
        let flows = &self.servers[server].flows;
        let first = self.spread.hash_one(serial) as usize % flows.len();
        let seats = Seats::take(Rc::clone(&client), Rc::clone(flows), first, Arc::clone(&self.counters));
        Ok(Port::new(Rc::clone(self), client, seats, place))
    }

    /// The settings now. A reload replaces them.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.borrow())
    }

    /// The thread's number, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// What the thread counts.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// The limits that all threads share.
    pub fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    /// A place for a TCP or QUIC connection from this address, to be asked for before anything is spent on it, and kept for
    /// as long as the connection lasts.
    ///
    /// # Errors
    /// The address is denied, has too many connections or connects too fast; or the gateway is full or drains.
    pub fn connection(&self, from: IpAddr) -> Result<Place, Refused> {
        match self.is_draining() {
            true => Err(Refused::Draining),
            false => self.limits.connection(from),
        }
    }

    /// Whether the gateway shuts down: nobody may join.
    pub fn is_draining(&self) -> bool {
        self.drain_until.get().is_some()
    }

    /// Clients of this thread.
    pub fn clients(&self) -> usize {
        self.clients.borrow().len()
    }

    pub(crate) fn now(&self) -> Nanos {
        self.clock.now()
    }

    /// Whether there is a server with this name. An empty name means the default server.
    pub(crate) fn knows(&self, server: &str) -> bool {
        self.server_index(server).is_some()
    }

    /// The entry of the server with this name. An empty name means the default server.
    fn server_index(&self, name: &str) -> Option<usize> {
        match name {
            "" => (!self.servers.is_empty()).then_some(0),
            name => self.servers.iter().position(|server| server.name == name),
        }
    }

    fn left(&self, client: &Client) {
        self.clients.borrow_mut().remove(&client.serial);
        self.counters.left.add(1);
        self.limits.note_debt(client.address().ip(), client.debt(self.now()));
    }

    fn close(&self, client: &Client, going: Going) {
        if client.is_going() {
            return;
        }
        client.close(going);
        match going {
            Going::Draining => self.counters.closed_draining.add(1),
            Going::Denied => self.counters.closed_denied.add(1),
            Going::Kicked => self.counters.closed_kicked.add(1),
            Going::Idle => self.counters.closed_idle.add(1),
            Going::Stalled => self.counters.closed_stalled.add(1),
        }
    }
}
