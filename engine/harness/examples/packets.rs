//! Unreliable packets without a network, to be counted under callgrind by `perf/budget.sh`: a client's send, a server's
//! receive, and its answer.
//!
//! `packets ROUNDS client|received|answered`: how often, and how far each packet goes.

use ringshard_protocol::connection::{HeartbeatConfig, TransportConfig};
use ringshard_protocol::crypto::{SecretKey, Suite, Suites};
use ringshard_protocol::endpoint::Received;
use ringshard_protocol::limits::{
    DATAGRAM_BYTES_MAX, HEARTBEAT_DEFAULT, MESSAGE_MEMORY_BYTES_DEFAULT, TIMEOUT_DEFAULT,
};
use ringshard_protocol::link::{Arrival, Link, LinkStats, Path, Wait};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Channel;
use ringshard_protocol::{Client, ClientConfig, Endpoint, EndpointConfig};
use std::error::Error;

/// Memory for what is sent, and how much of it is.
struct Flat {
    room: Vec<[u8; DATAGRAM_BYTES_MAX]>,
    sent: Vec<usize>,
}

impl Link for Flat {
    fn now(&mut self) -> Instant {
        Instant::ZERO
    }

    fn receive(&mut self, _budget: usize, _deliver: impl FnMut(Arrival<'_>)) -> usize {
        0
    }

    fn reserve(&mut self, _path: Path, len: usize) -> Option<&mut [u8]> {
        self.sent.push(len);
        self.room.get_mut(self.sent.len() - 1).map(|room| &mut room[..len])
    }

    fn submit(&mut self) {}

    fn park(&mut self, _wait: Wait) {}

    fn stats(&self) -> LinkStats {
        LinkStats::default()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let rounds: usize = arguments.next().unwrap_or("1000".into()).parse()?;
    let part = arguments.next().unwrap_or("answered".into());
    let suites = Suites::only(&[Suite::ChaCha20Poly1305]);
    let secret = SecretKey::from_bytes([7; 32]);
    let now = Instant::ZERO + Duration::from_secs(1);
    let config = EndpointConfig {
        core: 0,
        cores: 1,
        connections_max: 16,
        suites,
        heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT },
        secret: secret.clone(),
        pre_shared: None,
        transport: TransportConfig::default(),
        message_bytes_max: MESSAGE_MEMORY_BYTES_DEFAULT,
        integrity: None,
    };
    let mut server = Endpoint::new(config, now, [1; 32]);
    let mut client = Client::new(ClientConfig { suites, ..ClientConfig::new(secret.public()) }, now, [2; 32])?;
    let mut link = Flat { room: vec![[0; DATAGRAM_BYTES_MAX]; 64], sent: Vec::new() };
    let path = Path::new(0, ([127, 0, 0, 1], 9).into());
    let mut datagram = [0; DATAGRAM_BYTES_MAX];
    for _ in 0..6 {
        client.advance(now);
        while let Some(len) = client.poll_transmit(now, &mut datagram) {
            server.receive(now, path, &mut datagram[..len]);
        }
        server.flush(now, &mut link);
        for (room, len) in link.room.iter_mut().zip(link.sent.drain(..)) {
            client.receive(now, &mut room[..len]);
        }
    }
    let id = client.id().ok_or("the client connects")?;
    let message = [5; 64];
    for _ in 0..rounds {
        client.send(now, Channel::UNRELIABLE, &message)?;
        let len = client.poll_transmit(now, &mut datagram).ok_or("a datagram waits")?;
        if part == "client" {
            continue;
        }
        let Received::Messages { messages, .. } = server.receive(now, path, &mut datagram[..len]) else {
            return Err("the server takes it".into());
        };
        assert!(messages.count() == 1, "one message is one message");
        if part == "received" {
            continue;
        }
        server.send(now, id, Channel::UNRELIABLE, &message)?;
        server.flush(now, &mut link);
        link.sent.clear();
    }
    Ok(())
}
