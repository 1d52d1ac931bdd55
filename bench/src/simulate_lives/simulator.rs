//! The cores of a server and its clients, under one virtual clock.

use super::checked_service::CheckedService;
use super::counts::{ActionCounts, Counts, add};
use super::game::{RandomGame, SharedEventLog};
use super::model::SessionModel;
use super::player::{ClientState, Player};
use super::server_core::ServerCore;
use crate::random::Random;
use ringshard::game::simulation::{Simulation, WorldConfig};
use ringshard::runtime::control::{Lifecycle, mailbox};
use ringshard::runtime::core::Core;
use ringshard::runtime::idle::{Idle, Strategy};
use ringshard::runtime::mesh::Mesh;
use ringshard::world::exchange::Exchange;
use ringshard_link::conditions::Conditions;
use ringshard_link::sim::{Network, SimLink};
use ringshard_protocol::connection::{HeartbeatConfig, TransportConfig};
use ringshard_protocol::crypto::{PublicKey, SecretKey, Suites};
use ringshard_protocol::endpoint::SessionId;
use ringshard_protocol::limits::{
    HALF_OPEN_TIMEOUT, HEARTBEAT_DEFAULT, MESSAGE_MEMORY_BYTES_DEFAULT, MESSAGE_MEMORY_BYTES_MIN, RESUME_PERIOD,
    TIMEOUT_DEFAULT,
};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::ConnectionId;
use ringshard_protocol::{Endpoint, EndpointConfig};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

/// Clock steps during a jump.
const JUMP: Duration = Duration::from_millis(100);
/// Clock steps while no client is connected.
const EMPTY_STEP: Duration = Duration::from_millis(250);
/// Rounds without arrivals after which all is quiet: what crosses cores shows one round later.
const QUIET_ROUNDS: u32 = 2;
/// Maximum rounds at one moment.
const ROUNDS_MAX: u32 = 64;
/// Steps between two checks of every connection.
const CONNECTIONS_CHECK_PERIOD: u64 = 16;
/// Average steps until everybody leaves.
const LEAVE_PERIOD: u64 = 5_000;
/// Steps at the end of a run during which the server drains.
const DRAINING_STEPS: u64 = 400;

pub struct Simulator {
    pub network: Network,
    pub server_cores: Vec<ServerCore>,
    pub players: Vec<Player>,
    pub random: Random,
    pub key: PublicKey,
    pub action_counts: ActionCounts,
    lifecycle: Arc<Lifecycle>,
    /// The step at which the server drains, if it does.
    drains_at: u64,
    steps: u64,
    /// The server may disconnect clients for the memory that others hold.
    pub memory_is_scarce: bool,
    /// The first violation.
    fault: Option<String>,
}

impl Simulator {
    /// Draws the run of this seed.
    pub fn new(seed: u64, cores: usize, steps: u64) -> Self {
        let mut random = Random::new(seed);
        let players = cores * random.between(6, 12) as usize;
        // Few enough slots that the server is sometimes full, or so many that it never is.
        let connections_max = random.pick(&[players / cores, players / cores + 4, 4 * players]);
        let memory_is_scarce = random.chance(250);
        let entities_max = cores * random.pick(&[6, 16, 64]);
        let world = WorldConfig {
            entities_max,
            visible_max: random.pick(&[3, 16]),
            seed: random.next(),
            ..WorldConfig::default()
        };
        let network = Network::new(seed, Conditions::none(Duration::ZERO));
        let secret = SecretKey::from_bytes([7; 32]);
        let lifecycle = Arc::<Lifecycle>::default();
        let ends = Exchange::between(cores, world.entities_max).into_iter().zip(Mesh::between(cores));
        let server_cores = ends.enumerate().map(|(number, (exchange, mesh))| {
            let address = SocketAddr::from(([10, 0, 0, number as u8 + 1], 3565));
            let config = EndpointConfig {
                core: number as u8,
                cores,
                connections_max,
                suites: Suites::native(),
                heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT },
                secret: secret.clone(),
                pre_shared: None,
                transport: TransportConfig::default(),
                message_bytes_max: if memory_is_scarce {
                    MESSAGE_MEMORY_BYTES_MIN
                } else {
                    MESSAGE_MEMORY_BYTES_DEFAULT
                },
                integrity: None,
            };
            let endpoint = Endpoint::new(config, network.now(), random.seed());
            let event_log = SharedEventLog::default();
            let model = Rc::new(RefCell::new(SessionModel::new(connections_max)));
            model.borrow_mut().memory_is_scarce = memory_is_scarce;
            let game = RandomGame::new(event_log.clone(), random.fork());
            let service =
                CheckedService::new(Simulation::new(world.clone(), exchange, game), event_log.clone(), model.clone());
            let (inlet, outlet) = mailbox();
            let link = SimLink::new(network.clone(), address);
            let idle = Idle::new(Strategy::Busy);
            let core = Core::new(link, endpoint, service, mesh, idle, outlet, lifecycle.clone());
            ServerCore { core, address, model, event_log, _inlet: inlet }
        });
        let server_cores = server_cores.collect();
        let drains = random.chance(500);
        Simulator {
            server_cores,
            players: (0..players).map(|number| Player::new(number, &mut random)).collect(),
            key: secret.public(),
            action_counts: ActionCounts::default(),
            lifecycle,
            drains_at: if drains { steps.saturating_sub(DRAINING_STEPS) } else { u64::MAX },
            steps: 0,
            memory_is_scarce,
            fault: None,
            random,
            network,
        }
    }

    pub fn now(&self) -> Instant {
        self.network.now()
    }

    /// Adds the counts of all cores: of sessions, and of everything else.
    pub fn count(&self, lives: &mut Counts, server: &mut Counts) {
        for server_core in &self.server_cores {
            add(lives, server_core.model.borrow().counts.entries());
            add(server, server_core.endpoint().stats().entries());
            add(server, server_core.endpoint().drops().entries());
            let world = server_core.core.service().world().stats();
            // The other statistics describe the present.
            add(server, world.entries().filter(|(name, _)| name.starts_with("digests")));
        }
    }

    /// Records the first violation.
    pub fn report_violation(&mut self, what: impl Into<String>) {
        self.fault.get_or_insert(what.into());
    }

    /// One action of one client, and its consequences.
    ///
    /// # Errors
    /// Says what is violated.
    pub fn step(&mut self) -> Result<(), String> {
        self.steps += 1;
        if self.steps == self.drains_at {
            self.lifecycle.drain();
        }
        self.act();
        match self.random.next() % 1000 {
            0 => self.jump(5_000, 90_000),
            1..=10 => self.jump(300, 6_000),
            _ => {
                self.network.advance(self.random.millis(1, 4));
                self.run_until_quiet();
            }
        }
        self.check(self.steps.is_multiple_of(CONNECTIONS_CHECK_PERIOD))?;
        if self.random.next().is_multiple_of(LEAVE_PERIOD) && !self.is_draining() {
            self.everybody_leaves()?;
        }
        Ok(())
    }

    pub fn is_draining(&self) -> bool {
        self.lifecycle.is_draining()
    }

    /// Everybody leaves, or the server ends; nothing may be left.
    ///
    /// # Errors
    /// Says what is left.
    pub fn end(&mut self) -> Result<(), String> {
        if !self.is_draining() {
            return self.everybody_leaves();
        }
        self.lifecycle.stop();
        self.players.iter_mut().for_each(|player| player.excused_until = Instant::NEVER);
        // One second for last messages, two for the shutdown.
        self.pass(Duration::from_secs(5), JUMP);
        self.check(true)?;
        self.check_empty()
    }

    /// Everybody leaves in one way or another, and all timeouts pass.
    fn everybody_leaves(&mut self) -> Result<(), String> {
        for number in 0..self.players.len() {
            match self.random.next() % 3 {
                0 => self.disconnect(number),
                1 => self.disconnect_raw(number),
                _ => {}
            }
        }
        self.run_until_quiet();
        for player in &mut self.players {
            player.vanish();
            player.cut_off();
            player.silent_until = Instant::ZERO;
        }
        let time = TIMEOUT_DEFAULT + RESUME_PERIOD + HALF_OPEN_TIMEOUT + Duration::from_secs(1);
        self.pass(time, EMPTY_STEP);
        self.action_counts.rests += 1;
        self.check(true)?;
        self.check_empty()
    }

    fn check_empty(&self) -> Result<(), String> {
        self.check_cores(ServerCore::check_empty)?;
        match self.network.in_flight() {
            0 => Ok(()),
            left => Err(format!("everybody has left, but {left} datagrams are in flight")),
        }
    }

    fn check(&mut self, connections: bool) -> Result<(), String> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        self.check_cores(ServerCore::check)?;
        // The model learns of the last flush of a turn in the next turn.
        if connections && self.check_cores(ServerCore::check_connections).is_err() {
            self.round();
            self.check_cores(ServerCore::check_connections)?;
        }
        for number in 0..self.players.len() {
            self.follow(number).map_err(|what| format!("client {number}: {what}"))?;
        }
        Ok(())
    }

    fn check_cores(&self, check: impl Fn(&ServerCore, Instant) -> Result<(), String>) -> Result<(), String> {
        let mut numbered = self.server_cores.iter().enumerate();
        numbered.try_for_each(|(number, server_core)| {
            check(server_core, self.now()).map_err(|what| format!("core {number}: {what}"))
        })
    }

    /// A client's session must not change unless the client was told.
    fn follow(&mut self, number: usize) -> Result<(), String> {
        let now = self.now();
        let player = &mut self.players[number];
        if let Some(fault) = player.fault.take() {
            return Err(fault);
        }
        let ClientState::Conforming(client) = &player.end else { return Ok(()) };
        if player.is_cut_off() {
            return Ok(());
        }
        let Some(id) = client.id() else { return Ok(()) };
        let found = locate(&self.server_cores, id);
        match (player.session, found) {
            (None, found) => player.session = found,
            (Some(before), Some(found)) if before != found => {
                return Err(format!("its session changed from {before:?} to {found:?} without notice"));
            }
            (Some(before), None) if now >= player.excused_until && !self.memory_is_scarce => {
                return Err(format!("it is connected, but the server does not have its session {before:?}"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Runs cores and clients until none has anything to send at this moment.
    pub fn run_until_quiet(&mut self) {
        let mut quiet = 0;
        for _ in 0..ROUNDS_MAX {
            self.round();
            quiet = if self.network.next_arrival().is_none() { quiet + 1 } else { 0 };
            if quiet == QUIET_ROUNDS {
                break;
            }
        }
    }

    fn round(&mut self) {
        let now = self.network.now();
        for server_core in &mut self.server_cores {
            if !server_core.turn(now) && !self.lifecycle.is_stopping() {
                self.fault.get_or_insert_with(|| "a core has ended without being stopped".to_owned());
            }
        }
        for player in &mut self.players {
            let server = self.server_cores[player.server].address;
            player.drive(now, server);
        }
    }

    pub fn address(&self, core: usize) -> SocketAddr {
        self.server_cores[core].address
    }

    fn jump(&mut self, least_ms: u64, most_ms: u64) {
        let time = Duration::from_millis(self.random.magnitude(least_ms, most_ms));
        self.pass(time, JUMP);
    }

    fn pass(&mut self, time: Duration, grain: Duration) {
        let until = self.now() + time;
        while self.now() < until {
            self.network.advance(grain);
            self.round();
        }
        self.run_until_quiet();
    }

    /// The server's session on this connection.
    pub fn locate(&self, id: ConnectionId) -> Option<(u8, SessionId)> {
        locate(&self.server_cores, id)
    }

    /// Whether the session is not over.
    pub fn is_alive(&self, (core, session): (u8, SessionId)) -> bool {
        self.server_cores[usize::from(core)].model.borrow().is_alive(session)
    }
}

fn locate(server_cores: &[ServerCore], id: ConnectionId) -> Option<(u8, SessionId)> {
    let info = server_cores.get(usize::from(id.core()))?.endpoint().info(id)?;
    Some((id.core(), info.session?))
}
