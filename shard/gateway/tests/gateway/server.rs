//! An echo server on loopback, in this process, and a gateway before it.

use ringshard::runtime::idle::Strategy;
use ringshard::runtime::server::{Server, ServerConfig};
use ringshard::runtime::service::Echo;
use ringshard_client::PublicKey;
use ringshard_gateway::settings::{ServerEntry, Settings};
use ringshard_gateway::{Carrier, Gateway};
use ringshard_protocol::crypto::SecretKey;
use ringshard_protocol::endpoint::Policy;
use ringshard_protocol::gateway::GatewayKey;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long a test waits for what must happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The static secret key of the server.
pub const SERVER_SECRET: [u8; 32] = [7; 32];
/// The server believes gateways with this key.
pub const GATEWAY_KEY: [u8; 32] = [0x6b; 32];

/// The server. It stops when this is dropped.
pub struct EchoServer(Option<Server>);

impl EchoServer {
    pub fn start() -> EchoServer {
        EchoServer::start_with(|_| {})
    }

    /// A server with another configuration.
    pub fn start_with(change: impl FnOnce(&mut ServerConfig)) -> EchoServer {
        EchoServer::start_at(([127, 0, 0, 1], 0).into(), change)
    }

    fn start_at(listen: SocketAddr, change: impl FnOnce(&mut ServerConfig)) -> EchoServer {
        let cpus = core_affinity::get_core_ids().unwrap_or_default().iter().map(|cpu| cpu.id).take(2).collect();
        let secret = SecretKey::from_bytes(SERVER_SECRET);
        let gateways = vec![GatewayKey::from_bytes(GATEWAY_KEY)];
        let mut config = ServerConfig {
            listen,
            connections_max: 256,
            socket_buffer_bytes: 1 << 20,
            // Tests run side by side on few CPUs: a core that waits leaves its CPU to others, and late datagrams count.
            idle: Strategy::Park,
            queue_max: None,
            policy: Policy { gateways, ..Policy::default() },
            ..ServerConfig::new(secret, cpus)
        };
        change(&mut config);
        EchoServer(Some(Server::start(&config, |_| Echo).expect("the server starts")))
    }

    pub fn address(&self) -> SocketAddr {
        self.0.as_ref().expect("it runs").listen()
    }

    pub fn key(&self) -> PublicKey {
        self.0.as_ref().expect("it runs").public_key()
    }

    /// Another server with the same key at the same address. It knows no connection of the former one.
    pub fn restart(&mut self) {
        let address = self.address();
        self.stop();
        *self = EchoServer::start_at(address, |_| {});
    }

    fn stop(&mut self) {
        if let Some(server) = self.0.take() {
            server.lifecycle().stop();
            server.join();
        }
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Settings for a gateway before this server, on free ports of loopback.
pub fn settings(server: &EchoServer) -> Settings {
    let entry = ServerEntry { name: "echo".to_owned(), address: server.address(), key: server.key(), bulk: None };
    Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        webrtc_port: 0,
        servers: vec![entry],
        carriers: vec![Carrier::WebSocket],
        threads: 2,
        flows: 2,
        admin: None,
        ..Settings::default()
    }
}

/// The sum of a counter over all threads.
pub fn count(gateway: &Gateway, name: &str) -> u64 {
    let mut sum = None;
    for counters in gateway.control().counters() {
        counters.each(&mut |it, _, value| {
            if it == name {
                *sum.get_or_insert(0) += value;
            }
        });
    }
    sum.unwrap_or_else(|| panic!("there is no counter {name}"))
}

/// Waits until something holds.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
