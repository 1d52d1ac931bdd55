//! Unreliable packets without a network. `perf/budget.sh` counts their instructions with callgrind: a client sends, a server
//! receives, and it answers.
//!
//! `packets ROUNDS client|received|answered`: the number of packets, and how far each one goes.

use ringshard_harness::{MemoryLink, client_address, client_config, connect, server_config};
use ringshard_protocol::crypto::{Suite, Suites};
use ringshard_protocol::endpoint::Received;
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::link::Path;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Channel;
use ringshard_protocol::{Client, ClientConfig, Endpoint, EndpointConfig};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let rounds: usize = arguments.next().unwrap_or("1000".into()).parse()?;
    let part = arguments.next().unwrap_or("answered".into());
    let suites = Suites::only(&[Suite::ChaCha20Poly1305]);
    let now = Instant::ZERO + Duration::from_secs(1);
    let mut server = Endpoint::new(EndpointConfig { suites, connections_max: 16, ..server_config() }, now, [1; 32]);
    let mut client = Client::new(ClientConfig { suites, ..client_config() }, now, [2; 32])?;
    let (mut link, path) = (MemoryLink::new(64), Path::new(0, client_address(0)));
    connect(&mut server, &mut link, &mut client, path, now);
    let mut datagram = [0; DATAGRAM_BYTES_MAX];
    let id = client.id().ok_or("the client connects")?;
    let message = [5; 64];
    for _ in 0..rounds {
        client.send(now, Channel::UNRELIABLE, &message)?;
        let len = client.poll_transmit(now, &mut datagram).ok_or("a datagram waits")?;
        if part == "client" {
            continue;
        }
        let Received::Messages { messages, .. } = server.receive(now, path, &mut datagram[..len]) else {
            return Err("the server receives no message".into());
        };
        assert!(messages.count() == 1, "the server receives one message");
        if part == "received" {
            continue;
        }
        server.send(now, id, Channel::UNRELIABLE, &message)?;
        server.flush(now, &mut link);
        link.clear();
    }
    Ok(())
}
