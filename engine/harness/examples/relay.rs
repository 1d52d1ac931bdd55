//! The time of an echo pair among many connections, without a network, against that of the cipher alone: what the protocol
//! and the cache misses of its connections cost.
//!
//! `relay [CLIENTS] [chacha|aes] [ROUNDS]`. Datagrams arrive in runs of one relay each and are answered in turns, as on a
//! server. Each figure is the lower quartile of all turns, in nanoseconds per pair.

use ringshard_harness::{MemoryLink, client_address, client_config, connect, server_config};
use ringshard_protocol::crypto::{AeadKey, Suite, Suites};
use ringshard_protocol::endpoint::Received;
use ringshard_protocol::limits::{RECEIVE_DATAGRAMS_PER_TURN, TAG_BYTES};
use ringshard_protocol::link::{Arrival, Link, LinkStats, Path, Wait};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Channel, ConnectionId};
use ringshard_protocol::{Client, ClientConfig, Endpoint, EndpointConfig};
use std::error::Error;

/// Datagrams that arrive together.
const RUN: usize = 64;
const PREFETCH_AHEAD: usize = 2;
const MESSAGE: [u8; 64] = [5; 64];

/// Send memory as in a real link: datagrams one behind the other.
struct Memory {
    bytes: Vec<u8>,
    cursor: usize,
}

impl Link for Memory {
    fn now(&mut self) -> Instant {
        Instant::ZERO
    }

    fn receive(&mut self, _budget: usize, _deliver: impl FnMut(Arrival<'_>)) -> usize {
        0
    }

    fn reserve(&mut self, _path: Path, len: usize) -> Option<&mut [u8]> {
        self.cursor += len;
        self.bytes.get_mut(self.cursor - len..self.cursor)
    }

    fn submit(&mut self) {
        self.cursor = 0;
    }

    fn park(&mut self, _wait: Wait) {}

    fn stats(&self) -> LinkStats {
        LinkStats::default()
    }
}

struct Relay {
    server: Endpoint,
    clients: Vec<(Client, Path)>,
    memory: Memory,
    now: Instant,
    turns: Vec<f64>,
}

impl Relay {
    fn new(clients: usize, suite: Suite) -> Result<Self, Box<dyn Error>> {
        let suites = Suites::only(&[suite]);
        let mut now = Instant::ZERO + Duration::from_secs(1);
        let config = EndpointConfig { suites, connections_max: clients, ..server_config() };
        let mut server = Endpoint::new(config, now, [1; 32]);
        let mut link = MemoryLink::new(64);
        let mut connected = Vec::with_capacity(clients);
        for number in 0..clients {
            now = now + Duration::from_micros(100);
            let path = Path::new(0, client_address(number / (clients / 64).max(1)));
            let seed = [number as u8, (number >> 8) as u8, 7, 7].repeat(8);
            let config = ClientConfig { suites, ..client_config() };
            let mut client = Client::new(config, now, seed.try_into().map_err(|_| "a seed has 32 bytes")?)?;
            connect(&mut server, &mut link, &mut client, path, now);
            connected.push((client, path));
        }
        while server.poll_event().is_some() {}
        let memory = Memory { bytes: vec![0; 4 << 20], cursor: 0 };
        Ok(Relay { server, clients: connected, memory, now, turns: Vec::new() })
    }

    /// Every client sends once, and the server answers.
    fn round(&mut self) -> Result<(), Box<dyn Error>> {
        let mut datagram = [0; 1472];
        let mut arrived = Vec::new();
        for (client, path) in &mut self.clients {
            client.send(self.now, Channel::UNRELIABLE, &MESSAGE)?;
            let len = client.poll_transmit(self.now, &mut datagram).ok_or("a datagram waits")?;
            arrived.push((*path, datagram[..len].to_vec()));
        }
        let mut buffer = vec![0; RUN * 256];
        for turn in arrived.chunks(RECEIVE_DATAGRAMS_PER_TURN) {
            let began = std::time::Instant::now();
            for run in turn.chunks(RUN) {
                let mut used = 0;
                for (_, datagram) in run {
                    buffer[used..used + datagram.len()].copy_from_slice(datagram);
                    used += datagram.len();
                }
                self.receive(run[0].0, &mut buffer[..used], used / run.len());
            }
            self.server.flush(self.now, &mut self.memory);
            self.turns.push(began.elapsed().as_nanos() as f64 / turn.len() as f64);
            assert!(self.memory.cursor >= turn.len() * MESSAGE.len(), "every datagram is answered");
            self.memory.submit();
        }
        Ok(())
    }

    fn receive(&mut self, path: Path, bytes: &mut [u8], segment_bytes: usize) {
        let Relay { server, now, .. } = self;
        let mut arrival = Arrival { path, arrived_at: None, segment_bytes, bytes, following: None };
        for index in 0..arrival.count() {
            if let Some(bits) = arrival.peek(index + PREFETCH_AHEAD).and_then(<[u8]>::first_chunk) {
                server.prefetch(ConnectionId::from_bits(u32::from_le_bytes(*bits)));
            }
            if let Received::Messages { id, messages, .. } = server.receive(*now, path, arrival.datagram(index)) {
                for message in messages {
                    let _ = server.send(*now, id, message.channel, message.bytes);
                }
            }
        }
    }
}

/// The lower quartile.
fn quartile(times: &mut [f64]) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 4]
}

/// Opens and seals in place, under keys in one array.
struct Cipher {
    keys: Vec<[AeadKey; 2]>,
    sealed: Vec<Vec<u8>>,
    turns: Vec<f64>,
}

impl Cipher {
    fn new(clients: usize, suite: Suite) -> Self {
        let keys: Vec<_> = (0..clients).map(|_| [0, 1].map(|of| AeadKey::new(suite, &[of; 32]))).collect();
        let mut sealed = vec![vec![5; MESSAGE.len() + 16 + TAG_BYTES]; clients];
        keys.iter().zip(&mut sealed).for_each(|(keys, sealed)| keys[0].seal([0; 12], &[0; 14], sealed));
        Cipher { keys, sealed, turns: Vec::new() }
    }

    fn round(&mut self) {
        let mut buffer = [0; 128];
        let clients: Vec<_> = (0..self.keys.len()).collect();
        for turn in clients.chunks(RECEIVE_DATAGRAMS_PER_TURN) {
            let began = std::time::Instant::now();
            for &client in turn {
                if let Some(ahead) = self.keys.get(client + PREFETCH_AHEAD) {
                    ringshard_prefetch::prefetch(ahead);
                }
                let sealed = &mut buffer[..self.sealed[client].len()];
                sealed.copy_from_slice(&self.sealed[client]);
                assert!(self.keys[client][0].open([0; 12], &[0; 14], sealed).is_ok(), "it opens");
                self.keys[client][1].seal([0; 12], &[0; 14], sealed);
            }
            self.turns.push(began.elapsed().as_nanos() as f64 / turn.len() as f64);
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let clients = arguments.next().unwrap_or("10000".into()).parse()?;
    let suite = if arguments.next().as_deref() == Some("aes") { Suite::Aes128Gcm } else { Suite::ChaCha20Poly1305 };
    let rounds: usize = arguments.next().unwrap_or("50".into()).parse()?;
    let (mut relay, mut cipher) = (Relay::new(clients, suite)?, Cipher::new(clients, suite));
    for _ in 0..rounds {
        relay.round()?;
        cipher.round();
    }
    let (pair, bare) = (quartile(&mut relay.turns), quartile(&mut cipher.turns));
    println!(
        "{clients} connections, {}: {pair:.0} ns a pair, cipher alone {bare:.0} ns, rest {:.0} ns",
        suite.name(),
        pair - bare
    );
    Ok(())
}
