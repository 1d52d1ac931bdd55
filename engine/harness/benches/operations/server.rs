//! An endpoint with one client, connected: for the operations that go through all of it.

use super::{MESSAGE, MESSAGE_BYTES};
use ringshard_protocol::connection::{HeartbeatConfig, TransportConfig};
use ringshard_protocol::crypto::{SecretKey, Suite, Suites};
use ringshard_protocol::endpoint::Received;
use ringshard_protocol::limits::*;
use ringshard_protocol::link::{Arrival, Link, LinkStats, Path, Wait};
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{Channel, ConnectionId};
use ringshard_protocol::{Client, ClientConfig, Endpoint, EndpointConfig};

/// Room for the one datagram that is sent at a time.
struct Room {
    memory: [u8; DATAGRAM_BYTES_MAX],
    used: usize,
}

impl Link for Room {
    fn now(&mut self) -> Instant {
        NOW
    }

    fn receive(&mut self, _budget: usize, _deliver: impl FnMut(Arrival<'_>)) -> usize {
        0
    }

    fn reserve(&mut self, _path: Path, len: usize) -> Option<&mut [u8]> {
        self.used = len;
        Some(&mut self.memory[..len])
    }

    fn submit(&mut self) {
        self.used = 0;
    }

    fn park(&mut self, _wait: Wait) {
        self.submit();
    }

    fn stats(&self) -> LinkStats {
        LinkStats::default()
    }
}

const NOW: Instant = Instant::ZERO;

pub struct Server {
    endpoint: Endpoint,
    link: Room,
    client: Client,
    path: Path,
    id: ConnectionId,
}

impl Server {
    /// A server whose client has joined, with this AEAD.
    pub fn new(suite: Suite) -> Self {
        let secret = SecretKey::from_bytes([1; 32]);
        let public = secret.public();
        let config = EndpointConfig {
            core: 0,
            cores: 1,
            connections_max: 64,
            suites: Suites::only(&[suite]),
            heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT },
            secret,
            pre_shared: None,
            transport: TransportConfig::default(),
            message_bytes_max: MESSAGE_MEMORY_BYTES_DEFAULT,
            integrity: None,
        };
        let mut endpoint = Endpoint::new(config, NOW, [2; 32]);
        let mut link = Room { memory: [0; DATAGRAM_BYTES_MAX], used: 0 };
        let suites = Suites::only(&[suite]);
        let mut client =
            Client::new(ClientConfig { suites, ..ClientConfig::new(public) }, NOW, [3; 32]).expect("the key is sound");
        let path = Path::new(0, ([10, 0, 0, 1], 1).into());
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        while endpoint.stats().joined == 0 {
            let len = client.poll_transmit(NOW, &mut datagram).expect("a client goes on until it is in");
            endpoint.receive(NOW, path, &mut datagram[..len]);
            endpoint.flush(NOW, &mut link);
            client.receive(NOW, &mut link.memory[..link.used]);
            link.submit();
        }
        let id = client.id().expect("it is connected");
        Server { endpoint, link, client, path, id }
    }

    /// A fresh datagram of the client's with one unreliable message.
    pub fn datagram(&mut self) -> Vec<u8> {
        self.client.send(NOW, Channel::UNRELIABLE, &MESSAGE).expect("it is connected");
        let mut datagram = vec![0; DATAGRAM_BYTES_MAX];
        let len = self.client.poll_transmit(NOW, &mut datagram).expect("there is a message to send");
        datagram.truncate(len);
        datagram
    }

    /// Takes a datagram, and looks at its messages; gives their bytes.
    pub fn receive(&mut self, datagram: &mut [u8]) -> usize {
        match self.endpoint.receive(NOW, self.path, datagram) {
            Received::Messages { messages, .. } => messages.map(|message| message.bytes.len()).sum(),
            _ => panic!("there is a message in it"),
        }
    }

    /// Sends one unreliable message and flushes; gives the size of the datagram.
    pub fn send(&mut self, message: &[u8; MESSAGE_BYTES]) -> usize {
        self.endpoint.send(NOW, self.id, Channel::UNRELIABLE, message).expect("it is connected");
        self.endpoint.flush(NOW, &mut self.link);
        std::mem::take(&mut self.link.used)
    }
}
