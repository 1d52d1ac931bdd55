//! A real server core that sends every message back.

use ringshard::runtime::server::{Server, ServerConfig};
use ringshard::runtime::service::Echo;
use ringshard_client::PublicKey;
use ringshard_client::protocol::crypto::SecretKey;
use std::net::{Ipv4Addr, SocketAddr};

const SECRET: [u8; 32] = [0x51; 32];

pub fn public_key() -> PublicKey {
    SecretKey::from_bytes(SECRET).public()
}

/// The server. It stops when this is dropped.
pub struct EchoServer(Option<Server>);

impl EchoServer {
    pub fn start() -> EchoServer {
        let cpu = core_affinity::get_core_ids().unwrap_or_default().first().map_or(0, |cpu| cpu.id);
        let config = ServerConfig {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            connections_max: 64,
            socket_buffer_bytes: 1 << 20,
            ..ServerConfig::new(SecretKey::from_bytes(SECRET), vec![cpu])
        };
        EchoServer(Some(Server::start(&config, |_| Echo).expect("the server starts")))
    }

    pub fn address(&self) -> SocketAddr {
        self.0.as_ref().expect("it runs").listen()
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        if let Some(server) = self.0.take() {
            server.lifecycle().stop();
            server.join();
        }
    }
}
