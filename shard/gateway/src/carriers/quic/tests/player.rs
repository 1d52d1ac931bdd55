//! A client of a server, over a gateway.

use super::server::public_key;
use bytes::Bytes;
use ringshard_client::protocol::client::Client;
use ringshard_client::protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_client::protocol::time::Instant;
use ringshard_client::{Channel, ClientConfig};
use std::time::Duration;

/// What carries the client's datagrams.
pub enum Path {
    Quic(quinn::Connection),
    Session(Box<web_transport_quinn::Session>),
}

impl Path {
    fn send(&self, datagram: Bytes) {
        // What does not fit is lost.
        match self {
            Path::Quic(connection) => drop(connection.send_datagram(datagram)),
            Path::Session(session) => drop(session.send_datagram(datagram)),
        }
    }

    async fn receive(&self) -> Bytes {
        match self {
            Path::Quic(connection) => connection.read_datagram().await.unwrap(),
            Path::Session(session) => session.read_datagram().await.unwrap(),
        }
    }
}

pub struct Player {
    pub client: Client,
    pub path: Path,
    start: std::time::Instant,
    messages: Vec<(Channel, Vec<u8>)>,
}

impl Player {
    /// Connects to the server.
    pub async fn connect(path: Path) -> Player {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).unwrap();
        let client = Client::new(ClientConfig::new(public_key()), Instant::ZERO, seed).unwrap();
        let mut player = Player { client, path, start: std::time::Instant::now(), messages: Vec::new() };
        player.drive(|player| player.client.is_connected()).await;
        player
    }

    /// Sends a message and waits until it is back.
    pub async fn echo(&mut self, channel: Channel, bytes: &[u8]) {
        let now = self.now();
        self.client.send(now, channel, bytes).unwrap();
        let wanted = (channel, bytes.to_vec());
        self.drive(|player| player.messages.contains(&wanted)).await;
        self.messages.clear();
    }

    async fn drive(&mut self, mut done: impl FnMut(&Player) -> bool) {
        while !done(self) {
            let now = self.now();
            self.client.advance(now);
            let mut buffer = [0; DATAGRAM_BYTES_MAX];
            while let Some(length) = self.client.poll_transmit(now, &mut buffer) {
                self.path.send(Bytes::copy_from_slice(&buffer[..length]));
            }
            while self.client.poll_event().is_some() {}
            let due = self.client.deadline().since(now).min(Duration::from_millis(20));
            tokio::select! {
                datagram = self.path.receive() => self.take(&mut datagram.to_vec()),
                () = tokio::time::sleep(due) => {}
            }
        }
    }

    fn take(&mut self, datagram: &mut [u8]) {
        let now = self.now();
        for message in self.client.receive(now, datagram).into_iter().flatten() {
            self.messages.push((message.channel, message.bytes.to_vec()));
        }
        let mut message = Vec::new();
        while let Some(channel) = self.client.read(&mut message) {
            self.messages.push((channel, message.clone()));
        }
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.start.elapsed()
    }
}
