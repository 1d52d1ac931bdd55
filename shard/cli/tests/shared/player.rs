//! A player on a real socket.

use super::{Server, TIMEOUT};
use ringshard_protocol::client::{Client, ClientConfig, ClientEvent, CloseReason};
use ringshard_protocol::crypto::PublicKey;
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::Channel;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant as Clock};

/// A client on a socket of its own that acts only when a test steps it.
pub struct Player {
    pub client: Client,
    pub socket: UdpSocket,
    began: Clock,
    /// Messages received, in order.
    pub received: Vec<Vec<u8>>,
    /// Why the client closed, where it has.
    pub closed: Option<CloseReason>,
}

impl Player {
    pub fn new(server: &Server) -> Self {
        Self::of(server.listen, server.key)
    }

    /// A player of the server at this address with this key.
    pub fn of(listen: SocketAddr, key: PublicKey) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(listen).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let config = ClientConfig::new(key);
        let client = Client::new(config, Instant::ZERO, ringshard::runtime::entropy::random_bytes()).unwrap();
        Player { client, socket, began: Clock::now(), received: Vec::new(), closed: None }
    }

    pub fn now(&self) -> Instant {
        Instant::ZERO + self.began.elapsed()
    }

    /// Sends what waits, and receives for a few milliseconds at most.
    pub fn step(&mut self) {
        let (mut buffer, now) = ([0; DATAGRAM_BYTES_MAX], self.now());
        self.client.advance(now);
        while let Some(len) = self.client.poll_transmit(now, &mut buffer) {
            let _ = self.socket.send(&buffer[..len]);
        }
        if let Ok(len) = self.socket.recv(&mut buffer) {
            let now = self.now();
            for message in self.client.receive(now, &mut buffer[..len]).into_iter().flatten() {
                self.received.push(message.bytes.to_vec());
            }
            let mut message = Vec::new();
            while self.client.read(&mut message).is_some() {
                self.received.push(message.clone());
            }
        }
        while let Some(event) = self.client.poll_event() {
            if let ClientEvent::Closed(reason) = event {
                self.closed = Some(reason);
            }
        }
    }

    /// Steps until something has happened.
    pub fn until(&mut self, what: &str, happened: impl Fn(&Self) -> bool) {
        let give_up = Clock::now() + TIMEOUT;
        while !happened(self) {
            assert!(Clock::now() < give_up, "{what}");
            self.step();
        }
    }

    /// A player whose client has connected and got an echo.
    pub fn connected(server: &Server) -> Self {
        let mut player = Player::new(server);
        player.until("the client connects", |player| player.client.is_connected());
        player.echo(b"hello");
        player
    }

    /// Sends a message and waits until it comes back.
    pub fn echo(&mut self, text: &[u8]) {
        self.client.send(self.now(), Channel::RELIABLE_ORDERED, text).unwrap();
        self.until("the echo comes back", |player| player.received.iter().any(|message| message == text));
    }
}
