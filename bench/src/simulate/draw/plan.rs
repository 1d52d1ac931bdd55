//! What a run consists of, drawn once from its seed.

use crate::random::Random;
use ringshard_protocol::connection::{CongestionControl, HeartbeatConfig, TransportConfig};
use ringshard_protocol::crypto::{PreSharedKey, SecretKey, Suite, Suites};
use ringshard_protocol::endpoint::IntegrityConfig;
use ringshard_protocol::limits::*;
use ringshard_protocol::time::Duration;
use ringshard_protocol::{ClientConfig, EndpointConfig};
use std::sync::Arc;

/// Maximum number of clients that is drawn.
pub const CLIENTS_MAX: usize = 12;

/// What does not change during a run.
#[derive(Clone, Debug)]
pub struct Plan {
    pub clients: usize,
    /// Step of the virtual clock.
    pub step: Duration,
    pub server: EndpointConfig,
    /// Time of traffic and faults, before the last recovery phase.
    pub lasts: Duration,
    /// Amount of traffic.
    pub traffic_per_mille: u64,
}

/// What does not change about a player.
#[derive(Clone, Copy, Debug)]
pub struct PlayerPlan {
    /// Delay to the server.
    pub delay: Duration,
    /// Whether its client reconnects by itself.
    pub reconnect: bool,
    /// Bytes of unsent reliable messages up to which it sends more.
    pub backlog_max: usize,
}

impl Plan {
    /// Draws a plan with this many clients, if given, and minutes.
    pub fn draw(random: &mut Random, clients: Option<usize>, minutes: u64) -> Plan {
        let drawn = random.between(1, CLIENTS_MAX as u64) as usize;
        let clients = clients.unwrap_or(drawn);
        let step = random.pick(&[100, 1_000, 1_000, 4_000, 16_667]);
        let traffic_per_mille = random.pick(&[100, 300, 300, 1000]);
        let server = server(random, clients);
        let lasts = Duration::from_secs(60 * minutes);
        Plan { clients, step: Duration::from_micros(step), server, lasts, traffic_per_mille }
    }

    /// Time between two integrity checks of a client, if there are any.
    pub fn check_period(&self) -> Option<Duration> {
        self.server.integrity.as_ref().map(|integrity| integrity.period)
    }

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
