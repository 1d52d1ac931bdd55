//! An endpoint with one connected client, for operations on the whole endpoint.

use super::{MESSAGE, MESSAGE_BYTES};
use ringshard_harness::{MemoryLink, client_address, client_config, connect, server_config};
use ringshard_protocol::crypto::{Suite, Suites};
use ringshard_protocol::endpoint::Received;
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::link::Path;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{Channel, ConnectionId};
use ringshard_protocol::{Client, ClientConfig, Endpoint, EndpointConfig};

const NOW: Instant = Instant::ZERO;

/// A server with one client.
pub struct Server {
    endpoint: Endpoint,
    link: MemoryLink,
    client: Client,
    path: Path,
    id: ConnectionId,
}

impl Server {
    /// A server whose client has joined with this suite.
    pub fn new(suite: Suite) -> Self {
        let suites = Suites::only(&[suite]);
        let mut endpoint = Endpoint::new(EndpointConfig { suites, ..server_config() }, NOW, [2; 32]);
        let mut client =
            Client::new(ClientConfig { suites, ..client_config() }, NOW, [3; 32]).expect("the server's key is sound");
        let (mut link, path) = (MemoryLink::new(8), Path::new(0, client_address(0)));
        connect(&mut endpoint, &mut link, &mut client, path, NOW);
        let id = client.id().expect("it is connected");
        Server { endpoint, link, client, path, id }
    }

    /// A datagram of the client with one unreliable message.
    pub fn datagram(&mut self) -> Vec<u8> {
        self.client.send(NOW, Channel::UNRELIABLE, &MESSAGE).expect("it is connected");
        let mut datagram = vec![0; DATAGRAM_BYTES_MAX];
        let len = self.client.poll_transmit(NOW, &mut datagram).expect("there is a message to send");
        datagram.truncate(len);
        datagram
    }

    /// Receives a datagram and reads its messages; gives their bytes.
    pub fn receive(&mut self, datagram: &mut [u8]) -> usize {
        match self.endpoint.receive(NOW, self.path, datagram) {
            Received::Messages { messages, .. } => messages.map(|message| message.bytes.len()).sum(),
            _ => panic!("the datagram has no message"),
        }
    }

    /// Sends an unreliable message and flushes; gives the size of the datagram.
    pub fn send(&mut self, message: &[u8; MESSAGE_BYTES]) -> usize {
        self.endpoint.send(NOW, self.id, Channel::UNRELIABLE, message).expect("it is connected");
        self.endpoint.flush(NOW, &mut self.link);
        let len = self.link.sent().map(|(_, datagram)| datagram.len()).sum();
        self.link.clear();
        len
    }
}
