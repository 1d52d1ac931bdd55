//! An echo server on a thread: an [`Endpoint`] over a UDP socket of the standard library.

use ringshard_client::PublicKey;
use ringshard_protocol::connection::{HeartbeatConfig, TransportConfig};
use ringshard_protocol::crypto::{SecretKey, Suites};
use ringshard_protocol::endpoint::{Event, Received};
use ringshard_protocol::limits::*;
use ringshard_protocol::link::{Arrival, Link, LinkStats, Path, Wait};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Channel, ConnectionId};
use ringshard_protocol::{Endpoint, EndpointConfig};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

const SECRET: [u8; 32] = [0x51; 32];

pub fn public_key() -> PublicKey {
    SecretKey::from_bytes(SECRET).public()
}

/// A server that sends every message back on its channel. Its thread ends when it is dropped.
pub struct EchoServer {
    pub address: SocketAddr,
    events: Arc<Mutex<Vec<Event>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl EchoServer {
    pub fn start(address: SocketAddr) -> std::io::Result<Self> {
        Self::start_with(address, HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT })
    }

    pub fn start_with(address: SocketAddr, heartbeat: HeartbeatConfig) -> std::io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        socket.set_read_timeout(Some(Duration::from_millis(2)))?;
        let address = socket.local_addr()?;
        let (events, stop) = (Arc::<Mutex<Vec<Event>>>::default(), Arc::<AtomicBool>::default());
        let (seen, stopped) = (events.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let mut turns = Turns::new(socket, heartbeat);
            while !stopped.load(Ordering::Relaxed) {
                seen.lock().unwrap().extend(turns.turn());
            }
        });
        Ok(EchoServer { address, events, stop, thread: Some(thread) })
    }

    /// What happened to connections so far.
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking(), "the server panicked");
    }
}

struct Turns {
    endpoint: Endpoint,
    socket: UdpSocket,
    link: Outbox,
    start: std::time::Instant,
}

impl Turns {
    fn new(socket: UdpSocket, heartbeat: HeartbeatConfig) -> Self {
        let config = EndpointConfig {
            core: 0,
            cores: 1,
            connections_max: 8,
            suites: Suites::native(),
            heartbeat,
            secret: SecretKey::from_bytes(SECRET),
            pre_shared: None,
            transport: TransportConfig::default(),
            message_bytes_max: MESSAGE_MEMORY_BYTES_DEFAULT,
            integrity: None,
        };
        let endpoint = Endpoint::new(config, Instant::ZERO, [7; 32]);
        Turns { endpoint, socket, link: Outbox::default(), start: std::time::Instant::now() }
    }

    /// Takes a datagram if one comes, answers it, and gives what happened.
    fn turn(&mut self) -> Vec<Event> {
        let mut buffer = [0; DATAGRAM_BYTES_MAX];
        let arrival = self.socket.recv_from(&mut buffer);
        let now = Instant::ZERO + self.start.elapsed();
        let mut echoes = Vec::new();
        if let Ok((len, peer)) = arrival {
            echoes = self.receive(now, Path::new(0, peer), &mut buffer[..len]);
        }
        let events: Vec<Event> = std::iter::from_fn(|| self.endpoint.poll_event()).collect();
        for (id, channel, bytes) in echoes {
            self.endpoint.send(now, id, channel, &bytes).unwrap();
        }
        self.endpoint.sweep(now);
        self.endpoint.flush(now, &mut self.link);
        for (peer, bytes) in self.link.waiting.drain(..) {
            let _ = self.socket.send_to(&bytes, peer);
        }
        events
    }

    fn receive(&mut self, now: Instant, path: Path, datagram: &mut [u8]) -> Vec<(ConnectionId, Channel, Vec<u8>)> {
        let Received::Messages { id, messages, .. } = self.endpoint.receive(now, path, datagram) else {
            return Vec::new();
        };
        let mut all: Vec<_> = messages.map(|message| (id, message.channel, message.bytes.to_vec())).collect();
        let mut message = Vec::new();
        while let Some(channel) = self.endpoint.read(id, &mut message) {
            all.push((id, channel, message.clone()));
        }
        all
    }
}

/// What the endpoint sends, until it is sent.
#[derive(Default)]
struct Outbox {
    waiting: Vec<(SocketAddr, Vec<u8>)>,
}

impl Link for Outbox {
    fn now(&mut self) -> Instant {
        unreachable!("an endpoint is handed the time")
    }

    fn receive(&mut self, _budget: usize, _deliver: impl FnMut(Arrival<'_>)) -> usize {
        unreachable!("an endpoint is handed datagrams")
    }

    fn reserve(&mut self, path: Path, len: usize) -> Option<&mut [u8]> {
        self.waiting.push((path.peer, vec![0; len]));
        self.waiting.last_mut().map(|(_, bytes)| &mut bytes[..])
    }

    fn submit(&mut self) {}

    fn park(&mut self, _wait: Wait) {}

    fn stats(&self) -> LinkStats {
        LinkStats::default()
    }
}
