//! What a run is made of: drawn once, from its seed.

use crate::random::Random;
use ringshard_protocol::connection::{CongestionControl, HeartbeatConfig, TransportConfig};
use ringshard_protocol::crypto::{PreSharedKey, SecretKey, Suite, Suites};
use ringshard_protocol::endpoint::IntegrityConfig;
use ringshard_protocol::limits::*;
use ringshard_protocol::time::Duration;
use ringshard_protocol::{ClientConfig, EndpointConfig};
use std::sync::Arc;

/// Clients of a run at most.
pub const CLIENTS_MAX: usize = 12;

/// What does not change during a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Clients.
    pub clients: usize,
    /// Everybody looks at the clock in steps of this.
    pub step: Duration,
    /// The server.
    pub server: EndpointConfig,
    /// Time of traffic and faults, before the last recovery.
    pub lasts: Duration,
    /// How much is result.
    pub traffic_per_mille: u64,
}

/// What does not change about a player.
#[derive(Clone, Copy, Debug)]
pub struct PlayerPlan {
    /// Way to the server.
    pub delay: Duration,
    /// Whether its client connects again by itself.
    pub reconnect: bool,
    /// Bytes of reliable messages that it lets wait before it says more.
    pub backlog_max: usize,
}

impl Plan {
    /// Draws one of so many clients, if that is result, over so many minutes.
    pub fn draw(random: &mut Random, clients: Option<usize>, minutes: u64) -> Plan {
        let drawn = random.between(1, CLIENTS_MAX as u64) as usize;
        let clients = clients.unwrap_or(drawn);
        let step = random.pick(&[100, 1_000, 1_000, 4_000, 16_667]);
        let traffic_per_mille = random.pick(&[100, 300, 300, 1000]);
        let server = server(random, clients);
        let lasts = Duration::from_secs(60 * minutes);
        Plan { clients, step: Duration::from_micros(step), server, lasts, traffic_per_mille }
    }

    /// Time between two checks of a client's integrity, where it is checked.
    pub fn check_period(&self) -> Option<Duration> {
        self.server.integrity.as_ref().map(|integrity| integrity.period)
    }

    /// A client's configuration.
    pub fn client(&self, random: &mut Random, player: &PlayerPlan) -> ClientConfig {
        ClientConfig {
            suites: if random.chance(500) { Suites::native() } else { Suites::only(&[Suite::ChaCha20Poly1305]) },
            pre_shared: self.server.pre_shared.clone(),
            transport: transport(random),
            reconnect: player.reconnect,
            integrity_keys: self.server.integrity.as_ref().map(|integrity| integrity.keys.clone()),
            ..ClientConfig::new(self.server.secret.public())
        }
    }
}

impl PlayerPlan {
    /// Draws one.
    pub fn draw(random: &mut Random) -> PlayerPlan {
        PlayerPlan {
            delay: Duration::from_micros(random.magnitude(500, 120_000)),
            reconnect: random.chance(700),
            backlog_max: random.magnitude(32 << 10, (SEND_QUEUE_BYTES_MAX - 2 * MESSAGE_BYTES_MAX) as u64) as usize,
        }
    }
}

fn transport(random: &mut Random) -> TransportConfig {
    let window_bytes = random.magnitude(8 << 10, 256 << 10);
    let fixed = CongestionControl::Fixed { window_bytes };
    let congestion = random.pick(&[CongestionControl::Bbr, CongestionControl::Bbr, CongestionControl::Cubic, fixed]);
    TransportConfig { congestion, compression: random.chance(600), ..TransportConfig::default() }
}

fn server(random: &mut Random, clients: usize) -> EndpointConfig {
    let keys: Vec<[u8; 32]> = (0..16).map(|_| random.seed()).collect();
    let integrity = IntegrityConfig { keys: Arc::from(keys), period: random.millis(1_000, 20_000) };
    EndpointConfig {
        core: random.between(0, 3) as u8,
        cores: 4,
        connections_max: if random.chance(200) { clients + 1 } else { 256 },
        suites: Suites::native(),
        heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT },
        secret: SecretKey::from_bytes(random.seed()),
        pre_shared: random.chance(300).then(|| PreSharedKey::from_bytes(random.seed())),
        transport: transport(random),
        message_bytes_max: random.pick(&[MESSAGE_MEMORY_BYTES_MIN, 12 << 20, MESSAGE_MEMORY_BYTES_DEFAULT]),
        integrity: random.chance(400).then_some(integrity),
    }
}
