//! A small world under one clock, from the players' clients to the game and back: over a network that is simulated, with
//! everything between as it is in a server.
#![allow(dead_code, reason = "each test file uses its part of it")]

use ringshard::game::shard::Shard;
use ringshard::game::simulation::{Simulation, WorldConfig, WorldStats};
use ringshard::game::{Game, LeaveReason};
use ringshard::runtime::control::{Lifecycle, mailbox};
use ringshard::runtime::core::Core;
use ringshard::runtime::idle::{Idle, Strategy};
use ringshard::runtime::mesh::Mesh;
use ringshard::runtime::service::Service;
use ringshard::runtime::stages::Stages;
use ringshard::world::exchange::Exchange;
use ringshard_link::conditions::Conditions;
use ringshard_link::sim::{Network, SimLink};
use ringshard_protocol::client::{Client, ClientConfig, ClientEvent};
use ringshard_protocol::connection::{HeartbeatConfig, TransportConfig};
use ringshard_protocol::crypto::{PublicKey, SecretKey, Suites};
use ringshard_protocol::endpoint::Event;
use ringshard_protocol::limits::{HEARTBEAT_DEFAULT, MESSAGE_BYTES_MAX, TIMEOUT_DEFAULT};
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Channel, ConnectionId, Message};
use ringshard_protocol::{Endpoint, EndpointConfig};
use ringshard_world::codec::Writer;
use ringshard_world::snapshot::{Input, Welcome, kinds};
use ringshard_world::{EntityId, EntityKind, Position, View};
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

pub const STEP: Duration = Duration::from_millis(1);
/// Action of an input: to the other end of the map.
pub const TELEPORT: u8 = 1;
pub const HERE: [f32; 3] = [10_000.0, 10_000.0, 100.0];
pub const THERE: [f32; 3] = [90_000.0, 90_000.0, 100.0];

/// Action of an input: the game despawns the body of its player.
pub const DIE: u8 = 2;

/// What a game hears of a player's life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    Joined,
    Suspended,
    Resumed,
    Gone(LeaveReason),
}

/// Players stand in a row, and walk along it, leap away, or lose their bodies.
#[derive(Default)]
pub struct Row {
    pub joined: u32,
    pub heard: Vec<(EntityId, Heard)>,
    /// Tells every entity which it is, in every tick.
    pub tells: bool,
    /// From this tick on every free place gets an NPC, if any does.
    pub npcs_from: Option<u64>,
}

impl Game for Row {
    fn join(&mut self, shard: &mut Shard) -> Option<EntityId> {
        let [x, y, z] = HERE;
        self.joined += 1;
        let body = shard.entities.spawn(EntityKind::Player, 1, [x + 100.0 * self.joined as f32, y, z]).ok()?;
        self.heard.push((body, Heard::Joined));
        Some(body)
    }

    fn suspended(&mut self, _shard: &mut Shard, player: EntityId) {
        self.heard.push((player, Heard::Suspended));
    }

    fn resumed(&mut self, _shard: &mut Shard, player: EntityId) {
        self.heard.push((player, Heard::Resumed));
    }

    fn leave(&mut self, _shard: &mut Shard, player: EntityId, why: LeaveReason) {
        self.heard.push((player, Heard::Gone(why)));
    }

    fn input(&mut self, shard: &mut Shard, player: EntityId, input: &Input) {
        let [x, y, z] = shard.entities.point(player).expect("a player is there");
        if input.actions == DIE {
            shard.entities.despawn(player);
            return;
        }
        let to = match input.actions {
            TELEPORT => THERE,
            _ => [x, y + f32::from(input.pace) / 100.0, z],
        };
        assert!(shard.entities.set_point(player, to));
    }

    fn tick(&mut self, shard: &mut Shard) {
        if self.npcs_from.is_some_and(|tick| shard.tick() >= tick) {
            while shard.entities.spawn(EntityKind::Npc, 2, HERE).is_ok() {}
        }
        if self.tells {
            let bodies: Vec<_> = shard.entities.ids().collect();
            for EntityId { index, generation } in bodies {
                let message = [kinds::GAME, index as u8, generation];
                shard.send(EntityId { index, generation }, Channel::UNRELIABLE, &message);
            }
        }
    }
}

/// A service whose calls to the allocator are counted, while it is asked to.
pub struct Counted<S> {
    pub service: S,
    pub counts: Rc<Cell<bool>>,
    pub calls: u64,
}

impl<S> Counted<S> {
    pub fn count<R>(&mut self, work: impl FnOnce(&mut S) -> R) -> R {
        let mut result = None;
        let info = allocation_counter::measure(|| result = Some(work(&mut self.service)));
        self.calls += if self.counts.get() { info.count_total } else { 0 };
        result.expect("it ran")
    }
}

impl<S: Service> Service for Counted<S> {
    fn event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        self.service.event(now, endpoint, event);
    }

    fn message(&mut self, now: Instant, endpoint: &mut Endpoint, from: ConnectionId, message: Message<'_>) {
        self.count(|service| service.message(now, endpoint, from, message));
    }

    fn exchange(&mut self, now: Instant, stages: &mut Stages) -> usize {
        self.count(|service| service.exchange(now, stages))
    }

    fn tick(&mut self, now: Instant, endpoint: &mut Endpoint) {
        self.count(|service| service.tick(now, endpoint));
    }

    fn replicate(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        self.count(|service| service.replicate(now, endpoint))
    }

    fn deadline(&self) -> Instant {
        self.service.deadline()
    }
}

pub struct Player {
    pub client: Client,
    pub link: SimLink,
    pub server: SocketAddr,
    pub id: Option<EntityId>,
    pub view: View,
    /// Messages of the game's own.
    pub inbox: Vec<Vec<u8>>,
    /// For each snapshot of that tick: the last input that it contains, and the own position.
    pub own: Vec<(u16, Option<Position>)>,
    pub resumed: Vec<bool>,
    pub inputs: u16,
    pub pace: u8,
    pub actions: u8,
    /// Asks to come in all the time.
    pub knocks: bool,
}

impl Player {
    pub fn step(&mut self, now: Instant) {
        let Player { client, link, view, id, inbox, own, .. } = self;
        let mut hear = |message: &[u8]| match message[0] {
            kinds::ENTER_TO_WORLD => *id = Welcome::read(message).unwrap().map(|welcome| welcome.player),
            kinds::DELTA_SYNC => {
                if view.take(message, |_| {}).expect("an honest server's snapshot") {
                    let seen = id.and_then(|id| view.entity(id)).filter(|seen| seen.tick() == view.tick());
                    let input = view.newest().expect("it was taken").input;
                    own.push((input, seen.map(|seen| seen.state().position)));
                }
            }
            _ => inbox.push(message.to_vec()),
        };
        let mut kept = Vec::new();
        link.receive(usize::MAX, |mut arrival| {
            for index in 0..arrival.count() {
                for message in client.receive(now, arrival.datagram(index)).into_iter().flatten() {
                    hear(message.bytes);
                }
                while client.read(&mut kept).is_some() {
                    hear(&kept);
                }
            }
        });
        client.advance(now);
        while let Some(event) = client.poll_event() {
            if let ClientEvent::Connected { resumed, .. } = event {
                self.resumed.push(resumed);
                if !resumed {
                    // A new session: nothing of the former world holds.
                    (*id, *view, self.inputs) = (None, View::new(), 0);
                }
            }
        }
        match self.id {
            None if now.as_nanos().is_multiple_of(100_000_000) => {
                let _ = client.send(now, Channel::RELIABLE_ORDERED, &[kinds::ENTER_TO_WORLD]);
            }
            Some(_) if now.as_nanos().is_multiple_of(16_000_000) => {
                self.inputs += 1;
                let digest = self.inputs.is_multiple_of(8).then(|| view.digest());
                let (received, number) = (view.received(), self.inputs);
                let input = Input { received, digest, number, direction: 0, pace: self.pace, actions: self.actions };
                let mut message = [0; Input::BYTES_MAX];
                let mut writer = Writer::new(&mut message);
                input.write(&mut writer).unwrap();
                // Whoever has hung up says nothing more.
                let _ = client.send(now, Channel::UNRELIABLE, writer.written());
            }
            _ => {}
        }
        if self.knocks {
            let _ = client.send(now, Channel::UNRELIABLE, &[kinds::ENTER_TO_WORLD]);
        }
        let path = Path::new(0, self.server);
        while let Some(len) = self.client.transmit_len(now) {
            let room = self.link.reserve(path, len).expect("there is room");
            self.client.transmit(now, room);
        }
        self.link.submit();
    }
}

pub struct World<G = Row> {
    pub network: Network,
    pub cores: Vec<Core<SimLink, Counted<Simulation<G>>>>,
    pub lifecycle: Arc<Lifecycle>,
    /// Whether clients that join from here on reconnect by themselves.
    pub reconnect: bool,
    pub players: Vec<Player>,
    pub key: PublicKey,
    pub counts: Rc<Cell<bool>>,
}

impl World {
    /// A world of [`Row`].
    pub fn new(cores: usize, conditions: &str) -> Self {
        World::of(cores, conditions, small(), |_| Row::default())
    }
}

/// The shape of a small world.
pub fn small() -> WorldConfig {
    WorldConfig { entities_max: 1024, visible_max: 32, ..WorldConfig::default() }
}

impl<G: Game> World<G> {
    /// A world of any game.
    pub fn of(cores: usize, conditions: &str, config: WorldConfig, mut game: impl FnMut(usize) -> G) -> Self {
        let conditions: Conditions = conditions.parse::<ringshard_link::conditions::NetworkSpec>().unwrap().conditions;
        let network = Network::new(1, conditions);
        let secret = SecretKey::from_bytes([7; 32]);
        let ends = Exchange::between(cores, config.entities_max).into_iter().zip(Mesh::between(cores)).enumerate();
        let counts = Rc::new(Cell::new(false));
        let lifecycle = Arc::<Lifecycle>::default();
        let core = |(number, (exchange, mesh)): (usize, (Exchange, Mesh))| {
            let endpoint = Endpoint::new(
                EndpointConfig {
                    core: number as u8,
                    cores,
                    connections_max: 256,
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
            let service =
                Counted { service: Simulation::new(config, exchange, game(number)), counts: counts.clone(), calls: 0 };
            Core::new(
                SimLink::new(network.clone(), address(number)),
                endpoint,
                service,
                mesh,
                Idle::new(Strategy::Busy),
                mailbox().1,
                lifecycle.clone(),
            )
        };
        World {
            cores: ends.map(core).collect(),
            lifecycle,
            reconnect: false,
            network,
            players: Vec::new(),
            key: secret.public(),
            counts: counts.clone(),
        }
    }

    pub fn join(&mut self, count: usize) {
        for _ in 0..count {
            let number = self.players.len();
            let address = SocketAddr::from(([10, 1, 0, number as u8], 1024));
            self.players.push(Player {
                client: Client::new(
                    ClientConfig { reconnect: self.reconnect, ..ClientConfig::new(self.key) },
                    self.network.now(),
                    [number as u8; 32],
                )
                .unwrap(),
                link: SimLink::new(self.network.clone(), address),
                server: self::address(number % self.cores.len()),
                id: None,
                view: View::new(),
                inbox: Vec::new(),
                own: Vec::new(),
                resumed: Vec::new(),
                inputs: 0,
                pace: 0,
                actions: 0,
                knocks: false,
            });
        }
    }

    pub fn pass(&mut self, time: Duration) {
        let until = self.network.now() + time;
        while self.network.now() < until {
            self.network.advance(STEP);
            // Often enough for every slice that is due.
            for core in &mut self.cores {
                let still_turns = (0..4).all(|_| core.turn());
                assert!(still_turns || self.lifecycle.is_stopping(), "a core is done, and nobody has stopped it");
            }
            let now = self.network.now();
            self.players.iter_mut().for_each(|player| player.step(now));
        }
    }

    /// The sum of a counter over all cores.
    pub fn total(&self, counter: impl Fn(&WorldStats) -> u64) -> u64 {
        self.cores.iter().map(|core| counter(&core.service().service.stats())).sum()
    }

    /// Whom a player sees, its own entity aside.
    pub fn seen_by(&self, player: usize) -> Vec<EntityId> {
        let Player { view, id, .. } = &self.players[player];
        let mut seen: Vec<_> = view.entities().map(|seen| seen.id()).filter(|&seen| Some(seen) != *id).collect();
        seen.sort_unstable();
        seen
    }

    pub fn ids(&self, players: impl Iterator<Item = usize>) -> Vec<EntityId> {
        let mut ids: Vec<_> = players.map(|player| self.players[player].id.expect("it is in the world")).collect();
        ids.sort_unstable();
        ids
    }

    pub fn digests(&self) -> (u64, u64) {
        let stats = self.cores.iter().map(|core| core.service().service.stats());
        stats.fold((0, 0), |sums, stats| (sums.0 + stats.digests_agreed, sums.1 + stats.digests_differ))
    }
}

pub fn address(core: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, core as u8 + 1], 3565))
}
