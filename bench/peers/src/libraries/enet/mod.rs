//! ENet: rusty_enet, which is ENet 1.3.18 translated to Rust.
//!
//! Settings: the [defaults](https://docs.rs/rusty_enet/0.4.1/rusty_enet/struct.HostSettings.html), without bandwidth limits or
//! compression, two channels. `service` is called until it has no event, then `flush`, as the
//! [tutorial](http://enet.bespin.org/Tutorial.html) shows. At the maximum rate the server waits for datagrams, at most 1 ms. At
//! 30 Hz it serves on a 60 Hz tick, as a game does. ENet does not encrypt.

use super::tick::{TICK, Tick};
use super::{Client, ClientOptions, ServeOptions, bind, print_ready, wait_readable};
use crate::conversation::{Flow, Task};
use crate::datagrams::Datagrams;
use rusty_enet::{Event, Host, HostSettings, MTU_MAX, Packet, PacketKind, PacketReceived, PeerID, Socket};
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

/// The most time that a waiting server does not look at its timers.
const WAIT_MAX: Duration = Duration::from_millis(1);
const CHANNEL: u8 = 0;
const CHANNELS: usize = 2;

fn settings(peer_limit: usize) -> HostSettings {
    HostSettings { peer_limit, channel_limit: CHANNELS, ..HostSettings::default() }
}

fn kind(task: Task) -> PacketKind {
    match task {
        // The default of ENet: unreliable, and nothing older than what was delivered.
        Task::Echo => PacketKind::Unreliable { sequenced: true },
        Task::Transfer => PacketKind::Reliable,
    }
}

/// Runs the server.
pub fn serve(options: &ServeOptions) -> Result<Infallible, String> {
    let socket = bind(options.listen)?;
    let mut host = Host::new(socket, settings(options.clients)).map_err(|error| format!("{error:?}"))?;
    let mut flows: HashMap<PeerID, Flow> = HashMap::new();
    print_ready(&[]);
    let mut tick = Tick::begin();
    loop {
        match options.on_tick {
            true => {
                tick.wait();
            }
            false => wait_readable(host.socket(), WAIT_MAX)?,
        }
        serve_events(&mut host, options.task, &mut flows)?;
        host.flush();
    }
}

fn serve_events(host: &mut Host<UdpSocket>, task: Task, flows: &mut HashMap<PeerID, Flow>) -> Result<(), String> {
    while let Some(event) = host.service().map_err(|error| error.to_string())? {
        match event {
            Event::Connect { .. } => {}
            Event::Disconnect { peer, .. } => {
                flows.remove(&peer.id());
            }
            Event::Receive { peer, packet, .. } if task == Task::Echo => {
                let _ = peer.send(CHANNEL, &Packet::new(packet.data(), kind(task)));
            }
            Event::Receive { peer, packet, .. } => {
                let flow = flows.entry(peer.id()).or_default();
                flow.grant(packet.data());
                while let Some(message) = flow.next() {
                    if peer.send(CHANNEL, &Packet::new(message, kind(task))).is_err() {
                        break;
                    }
                    flow.sent();
                }
            }
        }
    }
    Ok(())
}

/// The socket of a client's host: lists of datagrams, which the harness carries.
struct Wire {
    server: SocketAddr,
    arrived: Datagrams,
    /// Datagrams of `arrived` that the host has taken.
    taken: usize,
    leaving: Datagrams,
}

impl Socket for Wire {
    type Address = SocketAddr;
    type Error = Infallible;

    fn send(&mut self, _address: SocketAddr, buffer: &[u8]) -> Result<usize, Infallible> {
        self.leaving.push(buffer);
        Ok(buffer.len())
    }

    fn receive(&mut self, buffer: &mut [u8; MTU_MAX]) -> Result<Option<(SocketAddr, PacketReceived)>, Infallible> {
        if self.taken == self.arrived.len() {
            self.arrived.clear();
            self.taken = 0;
            return Ok(None);
        }
        let datagram = self.arrived.get(self.taken);
        self.taken += 1;
        match buffer.get_mut(..datagram.len()) {
            Some(room) => room.copy_from_slice(datagram),
            None => return Ok(Some((self.server, PacketReceived::Partial))),
        }
        Ok(Some((self.server, PacketReceived::Complete(datagram.len()))))
    }
}

/// A client of ENet.
pub struct EnetClient {
    host: Host<Wire>,
    peer: PeerID,
    kind: PacketKind,
    connected: Result<bool, String>,
    deadline: Duration,
}

impl EnetClient {
    pub fn new(options: &ClientOptions) -> Result<Self, String> {
        let server = options.server;
        let wire = Wire { server, arrived: Datagrams::default(), taken: 0, leaving: Datagrams::default() };
        let mut host = Host::new(wire, settings(1)).map_err(|error| format!("{error:?}"))?;
        let peer = host.connect(server, CHANNELS, 0).map_err(|error| error.to_string())?.id();
        Ok(EnetClient { host, peer, kind: kind(options.task), connected: Ok(false), deadline: Duration::ZERO })
    }
}

impl Client for EnetClient {
    fn receive(&mut self, _now: Duration, datagram: &mut [u8], _messages: &mut dyn FnMut(&[u8])) {
        self.host.socket_mut().arrived.push(datagram);
    }

    fn poll(&mut self, now: Duration, messages: &mut dyn FnMut(&[u8])) {
        self.deadline = now + TICK;
        loop {
            match self.host.service() {
                Ok(None) => return,
                Ok(Some(Event::Connect { .. })) => self.connected = Ok(true),
                Ok(Some(Event::Disconnect { .. })) => self.connected = Err("the peer disconnected".into()),
                Ok(Some(Event::Receive { packet, .. })) => messages(packet.data()),
            }
        }
    }

    fn send(&mut self, _now: Duration, message: &[u8]) -> bool {
        self.host.peer_mut(self.peer).send(CHANNEL, &Packet::new(message, self.kind)).is_ok()
    }

    fn transmit(&mut self, _now: Duration, out: &mut Datagrams) {
        self.host.flush();
        out.append(&mut self.host.socket_mut().leaving);
    }

    fn deadline(&self) -> Duration {
        self.deadline
    }

    fn is_connected(&self) -> Result<bool, String> {
        self.connected.clone()
    }
}
