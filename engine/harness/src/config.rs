//! Settings, addresses and network conditions that tests start from.

use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard_link::conditions::{Chance, Conditions};
use ringshard_protocol::connection::{HeartbeatConfig, TransportConfig};
use ringshard_protocol::crypto::{Csprng, SecretKey, Suites};
use ringshard_protocol::limits::{HEARTBEAT_DEFAULT, MESSAGE_MEMORY_BYTES_DEFAULT, PORT_DEFAULT, TIMEOUT_DEFAULT};
use ringshard_protocol::stats::Drops;
use ringshard_protocol::time::Duration;
use ringshard_protocol::{ClientConfig, EndpointConfig};
use std::net::SocketAddr;

/// The server's static secret.
const SECRET: [u8; 32] = [0x51; 32];

/// Time that a datagram needs from one end to the other.
pub const DELAY: Duration = Duration::from_millis(20);
/// Longer than a datagram and its answer need, the time that the receiver takes until its next step included.
pub const ROUND_TRIP: Duration = Duration::from_millis(60);

/// A network that does nothing but delay.
pub const CLEAN: Conditions = Conditions::none(DELAY);
/// A network that loses 30 %, duplicates 10 % and corrupts 5 % of all datagrams, and reorders them.
pub const BAD: Conditions = Conditions {
    jitter: Duration::from_millis(30),
    loss: Chance::per_mille(300),
    duplication: Chance::per_mille(100),
    corruption: Chance::per_mille(50),
    ..CLEAN
};
/// A network that loses everything.
pub const DEAD: Conditions = Conditions { loss: Chance::ALWAYS, ..CLEAN };

/// The address that a server listens on.
pub fn server_address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], PORT_DEFAULT))
}

/// The address of the client with this index.
pub fn client_address(index: usize) -> SocketAddr {
    SocketAddr::from(([10, 1, (index >> 8) as u8, index as u8], 40_000))
}

/// A server on one core with room for 64 connections and the default of every setting.
pub fn server_config() -> EndpointConfig {
    EndpointConfig {
        core: 0,
        cores: 1,
        connections_max: 64,
        suites: Suites::native(),
        heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT },
        secret: SecretKey::from_bytes(SECRET),
        pre_shared: None,
        transport: TransportConfig::default(),
        message_bytes_max: MESSAGE_MEMORY_BYTES_DEFAULT,
        integrity: None,
    }
}

/// A client that pins the key of [`server_config`].
pub fn client_config() -> ClientConfig {
    ClientConfig::new(SecretKey::from_bytes(SECRET).public())
}

/// Bytes that do not compress. A seed gives the same bytes each time.
pub fn random_bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Csprng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

/// The sum of all drop counters.
pub fn total_drops(drops: &Drops) -> u64 {
    drops.entries().map(|(_, count)| count).sum()
}
