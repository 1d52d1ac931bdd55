//! Cores, players and a network under one virtual clock.

use super::exchange_delays::ExchangeDelays;
use super::options::Arguments;
use super::player::Player;
use super::report::Outcome;
use super::server_core::ServerCore;
use crate::bots::{Behaviour, Brain, Member, Player as Bot, Shared};
use crate::report::verdict::Verdict;
use crate::system::usage::usage;
use ringshard::game::simulation::{Simulation, WorldConfig, WorldStats};
use ringshard::runtime::control::mailbox;
use ringshard::runtime::core::Core;
use ringshard::runtime::idle::{Idle, Strategy};
use ringshard::runtime::mesh::Mesh;
use ringshard::world::exchange::Exchange;
use ringshard_demo::Demo;
use ringshard_link::sim::{Network, SimLink};
use ringshard_protocol::client::ClientConfig;
use ringshard_protocol::connection::{HeartbeatConfig, TransportConfig};
use ringshard_protocol::crypto::{PublicKey, SecretKey, Suites};
use ringshard_protocol::limits::{HEARTBEAT_DEFAULT, TIMEOUT_DEFAULT};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::{Endpoint, EndpointConfig};
use ringshard_world::character::Character;
use ringshard_world::{EntityId, State};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub struct Simulator {
    network: Network,
    server_cores: Vec<ServerCore>,
    players: Vec<Player>,
    shared: Arc<Shared>,
    key: PublicKey,
    /// Players so far, and the number of addresses they take in turn.
    joined: u64,
    addresses: u64,
    churn_period: Duration,
    next_churn: Instant,
    stall: Duration,
    behaviour: Behaviour,
    near: f32,
    seed: u64,
    exchange_delays: ExchangeDelays,
    /// The entities in view as their players' cores had them [`SETTLED`] before the end.
    former: HashMap<(SocketAddr, EntityId), State<Character>>,
}

impl Simulator {
    pub fn new(arguments: &Arguments) -> Result<Self, String> {
        let Arguments { cores, clients, npcs, layout, visible, snapshot_bytes, churn, stall_ms, seed, .. } = *arguments;
        let cores = usize::from(cores);
        let network = Network::new(seed, arguments.network.conditions);
        let secret = SecretKey::from_bytes([7; 32]);
        let terrain = arguments.map.terrain()?;
        let mut world = WorldConfig {
            terrain: terrain.clone(),
            entities_max: 4096,
            visible_max: visible,
            seed,
            ..WorldConfig::default()
        };
        world.pacing.bytes_max = snapshot_bytes;
        let near = world.near;
        world.check(cores).map_err(|error| error.to_string())?;
        let ends = Exchange::between(cores, world.entities_max).into_iter().zip(Mesh::between(cores));
        let server_cores = ends.enumerate().map(|(number, (exchange, mesh))| {
            let address = SocketAddr::from(([10, 0, 0, number as u8 + 1], 3565));
            let endpoint = Endpoint::new(
                EndpointConfig {
                    core: number as u8,
                    cores,
                    connections_max: clients * 4 + 64,
                    suites: Suites::native(),
                    heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT },
                    secret: secret.clone(),
                    pre_shared: None,
                    transport: TransportConfig::default(),
                    message_bytes_max: MESSAGE_BYTES_MAX,
                    integrity: None,
                },
                network.now(),
                [number as u8 + 1; 32],
            );
            let game = Demo::new(world.terrain.clone(), layout, npcs * (number + 1) / cores - npcs * number / cores);
            let (inlet, outlet) = mailbox();
            let core = Core::new(
                SimLink::new(network.clone(), address),
                endpoint,
                Simulation::new(world.clone(), exchange, game),
                mesh,
                Idle::new(Strategy::Busy),
                outlet,
                Arc::default(),
            );
            ServerCore { core, address, _inlet: inlet }
        });
        let server_cores = server_cores.collect();
        let shared = Arc::new(Shared::on(terrain));
        shared.open.store(true, Ordering::Relaxed);
        shared.measure.store(true, Ordering::Relaxed);
        let mut simulator = Simulator {
            server_cores,
            players: Vec::new(),
            shared,
            key: secret.public(),
            joined: 0,
            addresses: 4 * clients as u64 + 64,
            churn_period: if churn > 0.0 { Duration::from_secs_f64(1.0 / churn) } else { Duration::MAX },
            next_churn: network.now() + Duration::from_secs(5),
            stall: Duration::from_millis(stall_ms),
            behaviour: Behaviour { moving: 0.5, fight: 0.5, chat: 0.05 },
            near,
            network,
            seed,
            exchange_delays: ExchangeDelays::default(),
            former: HashMap::new(),
        };
        (0..clients).for_each(|_| simulator.join());
        Ok(simulator)
    }

    pub fn elapsed(&self) -> Duration {
        self.network.now().since(Instant::ZERO)
    }

    pub fn join(&mut self) {
        let number = self.joined;
        self.joined += 1;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        seed[8..16].copy_from_slice(&self.seed.to_le_bytes());
        // The simulated network keeps some memory per address, so addresses are reused long after their player has
        // left.
        let place = number % self.addresses;
        let address = SocketAddr::from(([10, 1, (place >> 8) as u8, place as u8], 1024));
        let now = self.network.now();
        let server = self.server_cores[number as usize % self.server_cores.len()].address;
        let brain = Brain::new(number as usize, self.behaviour, self.shared.clone());
        let mut bot = Bot::new(brain, self.near, self.shared.clone());
        bot.begin(ClientConfig::new(self.key), now, seed);
        self.players.push(Player { bot, link: SimLink::new(self.network.clone(), address), server });
    }

    /// Simulates a millisecond.
    pub fn step(&mut self) {
        self.network.advance(STEP);
        let now = self.network.now();
        let ms = now.as_nanos() / 1_000_000;
        // Every ten seconds the next core stalls.
        let stalled = (u128::from(ms % 10_000) < self.stall.as_millis())
            .then_some((ms / 10_000) as usize % self.server_cores.len());
        for (number, server_core) in self.server_cores.iter_mut().enumerate() {
            if Some(number) != stalled {
                (0..TURNS).for_each(|_| assert!(server_core.core.turn(), "the core ended without being stopped"));
            }
        }
        if self.stall == Duration::ZERO {
            self.exchange_delays.look(&self.server_cores);
        }
        self.players.iter_mut().for_each(|player| player.step(now));
        if now >= self.next_churn {
            self.next_churn = now + self.churn_period;
            let leaver = self.joined as usize * 7 % self.players.len();
            let mut player = self.players.swap_remove(leaver);
            player.bot.connection_mut().disconnect();
            player.transmit(now);
            self.join();
        }
    }

    /// Everybody stands still until all views must agree.
    pub fn stand_still(&mut self) {
        self.shared.stand_still.store(true, Ordering::Relaxed);
        self.next_churn = Instant::NEVER;
        self.stall = Duration::ZERO;
        self.pass(STAND_STILL - SETTLED);
        self.former = self.in_view().filter_map(|(server, id, _, state)| Some(((server, id), *state?))).collect();
        self.pass(SETTLED);
    }

    fn pass(&mut self, time: Duration) {
        let until = self.network.now() + time;
        while self.network.now() < until {
            self.step();
        }
    }

    /// Every entity in view of a player: the player's core, the entity, its state in the view, and at that core.
    fn in_view(
        &self,
    ) -> impl Iterator<Item = (SocketAddr, EntityId, &State<Character>, Option<&State<Character>>)> + '_ {
        self.players.iter().flat_map(|player| {
            let is_its = |server_core: &&ServerCore| server_core.address == player.server;
            let server_core = self.server_cores.iter().find(is_its).expect("the player's server is one of the cores");
            let shard = server_core.core.service().shard();
            let seen = player.bot.client().view().entities();
            seen.map(move |seen| (player.server, seen.id(), seen.state(), shard.state(seen.id())))
        })
    }

    /// Counts the entities in the clients' views, and those that differ from the server's. NPCs keep walking and turning: a
    /// view of one that has changed lately may be a few ticks old.
    fn compare(&self) -> (usize, usize) {
        let (mut compared, mut differing) = (0, 0);
        for (server, id, seen, state) in self.in_view() {
            compared += 1;
            let has_changed = |state| self.former.get(&(server, id)) != Some(state);
            differing += usize::from(!state.is_some_and(|state| state == seen || has_changed(state)));
        }
        (compared, differing)
    }

    pub fn outcome(self, arguments: &Arguments, took_s: f64, resident_early: u64) -> Outcome {
        let stats: Vec<WorldStats> =
            self.server_cores.iter().map(|server_core| server_core.core.service().stats()).collect();
        let sum = |count: fn(&WorldStats) -> u64| stats.iter().map(count).sum::<u64>();
        let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let (compared, differing) = self.compare();
        let mut outcome = Outcome {
            scenario: "simulate-world",
            seed: arguments.seed,
            network: arguments.network.to_string(),
            cores: arguments.cores,
            clients: arguments.clients,
            npcs: arguments.npcs,
            simulated_s: self.elapsed().as_secs_f64(),
            took_s,
            joined: self.joined,
            digests_agreed: sum(|stats| stats.digests_agreed),
            digests_differ: sum(|stats| stats.digests_differ),
            digests_unknown: sum(|stats| stats.digests_unknown),
            snapshots: sum(|stats| stats.snapshots),
            entries: sum(|stats| stats.entries),
            changes_overflowed: sum(|stats| stats.changes_overflowed),
            ticks_skipped: self.server_cores.iter().map(|server_core| server_core.core.ticks_skipped()).sum(),
            sheds: sum(|stats| stats.sheds),
            hop_ticks_max: self.exchange_delays.ticks_max,
            compared,
            differing,
            resident_mib_early: mebibytes(resident_early),
            resident_mib_end: mebibytes(usage(std::process::id()).resident_bytes),
            verdict: Verdict::Pass,
        };
        let faulty = self.players.iter().map(|player| player.bot.counts.faulty).sum();
        outcome.verdict = Verdict::of_computed(outcome.judge(faulty));
        outcome
    }
}

/// Step of the virtual clock.
const STEP: Duration = Duration::from_millis(1);
/// Turns of a core per step: as many as slices may be due.
const TURNS: usize = 3;
/// How long everybody stands still at the end. Then every view must equal the server's.
const STAND_STILL: Duration = Duration::from_secs(8);
/// Views must have what the server has had for so long: longer than a change takes to arrive if a few datagrams are lost.
const SETTLED: Duration = Duration::from_secs(2);
/// Message memory of a core, in bytes.
const MESSAGE_BYTES_MAX: usize = 64 << 20;
