//! A small world under one clock, from the players' clients to the game and back: over a network that is simulated, with
//! everything between as it is in a server.

use ringshard::control::control_exchange;
use ringshard::core::Core;
use ringshard::exchange::Exchange;
use ringshard::game::Game;
use ringshard::idle::{Idle, Strategy};
use ringshard::mesh::Mesh;
use ringshard::service::Service;
use ringshard::shard::Shard;
use ringshard::simulation::{Simulation, WorldConfig};
use ringshard::stages::Stages;
use ringshard_engine::client::{Client, ClientConfig};
use ringshard_engine::codec::Writer;
use ringshard_engine::crypto::{PublicKey, SecretKey, Suites};
use ringshard_engine::limits::{HEARTBEAT_DEFAULT, MESSAGE_BYTES_MAX, TIMEOUT_DEFAULT};
use ringshard_engine::link::conditions::Conditions;
use ringshard_engine::link::sim::{Network, SimLink};
use ringshard_engine::link::{Link, Path};
use ringshard_engine::session::{HeartbeatConfig, TransportConfig};
use ringshard_engine::time::{Duration, Instant};
use ringshard_engine::wire::{Channel, ConnectionId, DisconnectReason, Message};
use ringshard_engine::world::snapshot::{Input, Welcome, kinds};
use ringshard_engine::world::{EntityId, EntityKind, View};
use ringshard_engine::{Endpoint, EndpointConfig};
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

const STEP: Duration = Duration::from_millis(1);
/// Action of an input: to the other end of the map.
const TELEPORT: u8 = 1;
const HERE: [f32; 3] = [10_000.0, 10_000.0, 100.0];
const THERE: [f32; 3] = [90_000.0, 90_000.0, 100.0];

/// Players stand in a row, and walk along it or leap away.
#[derive(Default)]
struct Row {
    joined: u32,
}

impl Game for Row {
    fn join(&mut self, shard: &mut Shard) -> Option<EntityId> {
        let [x, y, z] = HERE;
        self.joined += 1;
        shard.entities.spawn(EntityKind::Player, 1, [x + 100.0 * self.joined as f32, y, z]).ok()
    }

    fn input(&mut self, shard: &mut Shard, player: EntityId, input: &Input) {
        let [x, y, z] = shard.entities.point(player).expect("a player is there");
        let to = match input.actions {
            TELEPORT => THERE,
            _ => [x, y + f32::from(input.pace) / 100.0, z],
        };
        assert!(shard.entities.set_point(player, to));
    }

    fn tick(&mut self, _shard: &mut Shard) {}
}

/// A service whose calls to the allocator are counted, while it is asked to.
struct Counted<S> {
    service: S,
    counts: Rc<Cell<bool>>,
    calls: u64,
}

impl<S> Counted<S> {
    fn count<R>(&mut self, work: impl FnOnce(&mut S) -> R) -> R {
        let mut result = None;
        let info = allocation_counter::measure(|| result = Some(work(&mut self.service)));
        self.calls += if self.counts.get() { info.count_total } else { 0 };
        result.expect("it ran")
    }
}

impl<S: Service> Service for Counted<S> {
    fn resumed(&mut self, now: Instant, endpoint: &mut Endpoint, id: ConnectionId, former: ConnectionId) {
        self.service.resumed(now, endpoint, id, former);
    }

    fn renamed(&mut self, now: Instant, endpoint: &mut Endpoint, id: ConnectionId, former: ConnectionId) {
        self.service.renamed(now, endpoint, id, former);
    }

    fn left(&mut self, now: Instant, endpoint: &mut Endpoint, id: ConnectionId, reason: DisconnectReason) {
        self.service.left(now, endpoint, id, reason);
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

struct Player {
    client: Client,
    link: SimLink,
    server: SocketAddr,
    id: Option<EntityId>,
    view: View,
    inputs: u16,
    pace: u8,
    actions: u8,
    /// Asks to come in all the time.
    knocks: bool,
}

impl Player {
    fn step(&mut self, now: Instant) {
        let Player { client, link, view, id, .. } = self;
        let mut hear = |message: &[u8]| match message[0] {
            kinds::ENTER_TO_WORLD => *id = Welcome::read(message).unwrap().map(|welcome| welcome.player),
            kinds::DELTA_SYNC => drop(view.take(message, |_| {}).expect("an honest server's snapshot")),
            _ => {}
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
        while client.poll_event().is_some() {}
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

struct World {
    network: Network,
    cores: Vec<Core<SimLink, Counted<Simulation<Row>>>>,
    players: Vec<Player>,
    key: PublicKey,
    counts: Rc<Cell<bool>>,
}

impl World {
    fn new(cores: usize, conditions: &str) -> Self {
        let conditions: Conditions =
            conditions.parse::<ringshard_engine::link::conditions::NetworkSpec>().unwrap().conditions;
        let network = Network::new(1, conditions);
        let secret = SecretKey::from_bytes([7; 32]);
        let config = WorldConfig { entities_max: 1024, visible_max: 32, ..WorldConfig::default() };
        let ends = Exchange::between(cores, config.entities_max).into_iter().zip(Mesh::between(cores)).enumerate();
        let counts = Rc::new(Cell::new(false));
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
            let service = Counted {
                service: Simulation::new(config, exchange, Row::default()),
                counts: counts.clone(),
                calls: 0,
            };
            let (idle, lifecycle) = (Idle::new(Strategy::Busy), Arc::default());
            Core::new(
                SimLink::new(network.clone(), address(number)),
                endpoint,
                service,
                mesh,
                idle,
                control_exchange().1,
                lifecycle,
            )
        };
        World {
            cores: ends.map(core).collect(),
            network,
            players: Vec::new(),
            key: secret.public(),
            counts: counts.clone(),
        }
    }

    fn join(&mut self, count: usize) {
        for _ in 0..count {
            let number = self.players.len();
            let address = SocketAddr::from(([10, 1, 0, number as u8], 1024));
            self.players.push(Player {
                client: Client::new(ClientConfig::new(self.key), self.network.now(), [number as u8; 32]).unwrap(),
                link: SimLink::new(self.network.clone(), address),
                server: self::address(number % self.cores.len()),
                id: None,
                view: View::new(),
                inputs: 0,
                pace: 0,
                actions: 0,
                knocks: false,
            });
        }
    }

    fn pass(&mut self, time: Duration) {
        let until = self.network.now() + time;
        while self.network.now() < until {
            self.network.advance(STEP);
            // Often enough for every slice that is due.
            self.cores.iter_mut().for_each(|core| (0..4).for_each(|_| assert!(core.turn())));
            let now = self.network.now();
            self.players.iter_mut().for_each(|player| player.step(now));
        }
    }

    /// Whom a player sees, its own entity aside.
    fn seen_by(&self, player: usize) -> Vec<EntityId> {
        let Player { view, id, .. } = &self.players[player];
        let mut seen: Vec<_> = view.entities().map(|seen| seen.id()).filter(|&seen| Some(seen) != *id).collect();
        seen.sort_unstable();
        seen
    }

    fn ids(&self, players: impl Iterator<Item = usize>) -> Vec<EntityId> {
        let mut ids: Vec<_> = players.map(|player| self.players[player].id.expect("it is in the world")).collect();
        ids.sort_unstable();
        ids
    }

    fn digests(&self) -> (u64, u64) {
        let stats = self.cores.iter().map(|core| core.service().service.stats());
        stats.fold((0, 0), |sums, stats| (sums.0 + stats.digests_agreed, sums.1 + stats.digests_differ))
    }
}

fn address(core: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, core as u8 + 1], 3565))
}

#[test]
fn who_leaps_across_the_map_is_gone_here_and_alone_there() {
    let mut world = World::new(2, "delay=20ms,loss=5%");
    world.join(6);
    world.pass(Duration::from_secs(3));
    for player in 0..6 {
        assert_eq!(world.seen_by(player), world.ids((0..6).filter(|&other| other != player)));
    }
    world.players[0].actions = TELEPORT;
    world.pass(Duration::from_secs(2));
    assert_eq!(world.seen_by(0), []);
    for player in 1..6 {
        assert_eq!(world.seen_by(player), world.ids((1..6).filter(|&other| other != player)));
    }
    world.players[1].actions = TELEPORT;
    world.pass(Duration::from_secs(2));
    assert_eq!(world.seen_by(0), world.ids(1..2));
    assert_eq!(world.seen_by(1), world.ids(0..1));
    let (agreed, differ) = world.digests();
    assert!(agreed > 50 && differ == 0, "{agreed} digests agree, {differ} do not");
}

/// What a client says right after its address changed comes with a name that the server has only just given it.
#[test]
fn who_moves_and_asks_to_come_in_again_has_one_body() {
    let mut world = World::new(1, "delay=20ms");
    world.join(3);
    world.pass(Duration::from_secs(1));
    let before = world.players[0].id;
    world.players[0].knocks = true;
    for round in 0..5 {
        let address = SocketAddr::from(([10, 2, 0, round], 1024));
        world.players[0].link = SimLink::new(world.network.clone(), address);
        world.pass(Duration::from_secs(1));
    }
    assert_eq!(world.players[0].id, before);
    let stats = world.cores[0].service().service.stats();
    assert_eq!((stats.players, stats.entities), (3, 3));
    world.players[0].client.disconnect();
    world.players[0].knocks = false;
    world.pass(Duration::from_secs(2));
    let stats = world.cores[0].service().service.stats();
    assert_eq!((stats.players, stats.entities), (2, 2));
}

/// Once as many have been in the world as ever will be, and every buffer has seen its largest tick.
#[test]
fn a_world_goes_on_without_the_allocator() {
    let mut world = World::new(2, "delay=20ms");
    world.join(40);
    world.players.iter_mut().for_each(|player| player.pace = 255);
    world.pass(Duration::from_secs(10));
    world.counts.set(true);
    world.pass(Duration::from_secs(5));
    let entries: u64 = world.cores.iter().map(|core| core.service().service.stats().entries).sum();
    assert!(entries > 100_000, "{entries} entries");
    let calls: u64 = world.cores.iter().map(|core| core.service().calls).sum();
    assert_eq!(calls, 0);
}

#[test]
fn the_count_sees_allocations() {
    let mut counted = Counted { service: (), counts: Rc::new(Cell::new(true)), calls: 0 };
    counted.count(|()| drop(std::hint::black_box(Box::new(7))));
    assert_eq!(counted.calls, 1);
}
