//! Ringshard: the defaults of `ringshard serve` without limits per address, which is its echo server. It serves on arrival, and
//! batches by itself.
//!
//! Settings: `ServerConfig::new` on one core, with the socket buffers of all libraries here.

use super::{Client, ClientOptions, SOCKET_BUFFER_BYTES, ServeOptions, print_ready};
use crate::conversation::{Flow, Task};
use crate::datagrams::Datagrams;
use ringshard::runtime::entropy::random_bytes;
use ringshard::runtime::server::{Server, ServerConfig};
use ringshard::runtime::service::{Echo, Service};
use ringshard_protocol::Endpoint;
use ringshard_protocol::client::{Client as Connection, ClientConfig, ClientEvent};
use ringshard_protocol::crypto::{PublicKey, SecretKey};
use ringshard_protocol::endpoint::Event;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{Channel, ConnectionId, Message};
use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

/// Runs the server.
pub fn serve(options: &ServeOptions) -> Result<Infallible, String> {
    let config = ServerConfig {
        listen: options.listen,
        connections_max: options.clients.max(1_024),
        socket_buffer_bytes: SOCKET_BUFFER_BYTES,
        ..ServerConfig::new(SecretKey::from_bytes(random_bytes()), vec![options.cpu])
    };
    let server = match options.task {
        Task::Echo => Server::start(&config, |_| Echo),
        Task::Transfer => Server::start(&config, |_| Sender::default()),
    };
    let server = server.map_err(|error| error.to_string())?;
    print_ready(server.public_key().as_bytes());
    server.join();
    Err("the server ended".into())
}

/// Sends what clients have granted.
#[derive(Default)]
struct Sender {
    flows: HashMap<ConnectionId, Flow>,
}

impl Service for Sender {
    fn event(&mut self, _now: Instant, _endpoint: &mut Endpoint, event: Event) {
        if let Event::Ended { id: Some(id), .. } = event {
            self.flows.remove(&id);
        }
    }

    fn message(&mut self, now: Instant, endpoint: &mut Endpoint, from: ConnectionId, message: Message<'_>) {
        let flow = self.flows.entry(from).or_default();
        flow.grant(message.bytes);
        while let Some(message) = flow.next() {
            if endpoint.send(now, from, Channel::RELIABLE_ORDERED, message).is_err() {
                return;
            }
            flow.sent();
        }
    }
}

/// A client of Ringshard.
pub struct RingshardClient {
    connection: Connection,
    channel: Channel,
    message: Vec<u8>,
    closed: Option<String>,
}

impl RingshardClient {
    pub fn new(now: Duration, options: &ClientOptions) -> Result<Self, String> {
        let key = options.credential.as_slice().try_into().map_err(|_| "the server's key is not 32 bytes long")?;
        let config = ClientConfig::new(PublicKey::from_bytes(key));
        let connection = Connection::new(config, at(now), random_bytes()).map_err(|error| error.to_string())?;
        let channel = match options.task {
            Task::Echo => Channel::UNRELIABLE,
            Task::Transfer => Channel::RELIABLE_ORDERED,
        };
        Ok(RingshardClient { connection, channel, message: Vec::new(), closed: None })
    }
}

fn at(now: Duration) -> Instant {
    Instant::ZERO + now
}

impl Client for RingshardClient {
    fn receive(&mut self, now: Duration, datagram: &mut [u8], messages: &mut dyn FnMut(&[u8])) {
        for message in self.connection.receive(at(now), datagram).into_iter().flatten() {
            messages(message.bytes);
        }
        // A message that came too early or in fragments.
        while self.connection.read(&mut self.message).is_some() {
            messages(&self.message);
        }
    }

    fn poll(&mut self, now: Duration, _messages: &mut dyn FnMut(&[u8])) {
        if self.connection.deadline() <= at(now) {
            self.connection.advance(at(now));
        }
        while let Some(event) = self.connection.poll_event() {
            if let ClientEvent::Closed(reason) = event {
                self.closed = Some(reason.to_string());
            }
        }
    }

    fn send(&mut self, now: Duration, message: &[u8]) -> bool {
        self.connection.send(at(now), self.channel, message).is_ok()
    }

    fn transmit(&mut self, now: Duration, out: &mut Datagrams) {
        while let Some(len) = self.connection.transmit_len(at(now)) {
            self.connection.transmit(at(now), out.reserve(len));
        }
    }

    fn deadline(&self) -> Duration {
        self.connection.deadline().since(Instant::ZERO)
    }

    fn is_connected(&self) -> Result<bool, String> {
        match &self.closed {
            Some(reason) => Err(reason.clone()),
            None => Ok(self.connection.is_connected()),
        }
    }
}
