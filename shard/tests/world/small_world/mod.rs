//! A small world under one virtual clock: cores that run a game, and players that reach them over a simulated network. All
//! between a player's client and the game is as in a server.

mod player;
mod row;

pub use player::Player;
pub use row::*;

use ringshard::game::Game;
use ringshard::game::simulation::{Simulation, WorldConfig, WorldStats};
use ringshard::runtime::control::{Lifecycle, mailbox};
use ringshard::runtime::core::Core;
use ringshard::runtime::idle::{Idle, Strategy};
use ringshard::runtime::mesh::Mesh;
use ringshard::runtime::service::Service;
use ringshard::world::exchange::Exchange;
use ringshard_harness::{client_config, server_config};
use ringshard_link::conditions::{Conditions, NetworkSpec};
use ringshard_link::sim::{Network, SimLink};
use ringshard_protocol::client::{Client, ClientConfig};
use ringshard_protocol::limits::MESSAGE_BYTES_MAX;
use ringshard_protocol::time::Duration;
use ringshard_protocol::{Endpoint, EndpointConfig};
use ringshard_world::EntityId;
use std::borrow::Borrow;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::Arc;

/// Time that passes per step.
pub const STEP: Duration = Duration::from_millis(1);

/// Cores that run the game `G`, each by a service `S` around its simulation, and their players.
pub struct World<G = Row, S = Simulation<G>> {
    pub network: Network,
    pub cores: Vec<Core<SimLink, S>>,
    pub lifecycle: Arc<Lifecycle>,
    /// Whether clients that join from here on reconnect by themselves.
    pub reconnect: bool,
    pub players: Vec<Player>,
    game: PhantomData<G>,
}

impl World {
    /// A world of [`Row`].
    pub fn new(cores: usize, conditions: &str) -> Self {
        World::of(cores, conditions, small(), |_| Row::default())
    }
}

impl<G: Game> World<G> {
    /// A world of any game.
    pub fn of(cores: usize, conditions: &str, config: WorldConfig, mut game: impl FnMut(usize) -> G) -> Self {
        let service = |core, exchange| Simulation::new(config.clone(), exchange, game(core));
        World::with_services(cores, conditions, config.clone(), service)
    }
}

/// The shape of a small world.
pub fn small() -> WorldConfig {
    WorldConfig { entities_max: 1024, visible_max: 32, ..WorldConfig::default() }
}

/// Network conditions as `ringshard-bench` takes them.
pub fn conditions(text: &str) -> Conditions {
    text.parse::<NetworkSpec>().expect("sound conditions").conditions
}

/// The address of a core.
pub fn address(core: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, core as u8 + 1], 3565))
}

impl<G: Game, S: Service + Borrow<Simulation<G>>> World<G, S> {
    /// A world in which each core's simulation is wrapped by a service of the test.
    pub fn with_services(
        cores: usize,
        network: &str,
        config: WorldConfig,
        mut service: impl FnMut(usize, Exchange) -> S,
    ) -> Self {
        let network = Network::new(1, conditions(network));
        let lifecycle = Arc::<Lifecycle>::default();
        let ends = Exchange::between(cores, config.entities_max).into_iter().zip(Mesh::between(cores)).enumerate();
        let core = |(number, (exchange, mesh)): (usize, (Exchange, Mesh))| {
            let config = EndpointConfig {
                core: number as u8,
                cores,
                connections_max: 256,
                message_bytes_max: MESSAGE_BYTES_MAX,
                ..server_config()
            };
            Core::new(
                SimLink::new(network.clone(), address(number)),
                Endpoint::new(config, network.now(), [number as u8 + 1; 32]),
                service(number, exchange),
                mesh,
                Idle::new(Strategy::Busy),
                mailbox().1,
                lifecycle.clone(),
            )
        };
        let cores = ends.map(core).collect();
        World { network, cores, lifecycle, reconnect: false, players: Vec::new(), game: PhantomData }
    }

    /// The simulation of a core.
    pub fn simulation(&self, core: usize) -> &Simulation<G> {
        self.cores[core].service().borrow()
    }

    /// Adds players, each on the next core.
    pub fn join(&mut self, count: usize) {
        for _ in 0..count {
            let number = self.players.len();
            let config = ClientConfig { reconnect: self.reconnect, ..client_config() };
            let client =
                Client::new(config, self.network.now(), [number as u8; 32]).expect("the server's key is sound");
            let link = SimLink::new(self.network.clone(), SocketAddr::from(([10, 1, 0, number as u8], 1024)));
            self.players.push(Player::new(client, link, address(number % self.cores.len())));
        }
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        let until = self.network.now() + time;
        while self.network.now() < until {
            self.network.advance(STEP);
            // A core may need several turns for every slice that is due.
            for core in &mut self.cores {
                let goes_on = (0..4).all(|_| core.turn());
                assert!(goes_on || self.lifecycle.is_stopping(), "a core has ended, but the server was not stopped");
            }
            let now = self.network.now();
            self.players.iter_mut().for_each(|player| player.step(now));
        }
    }

    /// The sum of a counter over all cores.
    pub fn total(&self, counter: impl Fn(&WorldStats) -> u64) -> u64 {
        (0..self.cores.len()).map(|core| counter(&self.simulation(core).stats())).sum()
    }

    /// The entities that a player sees, except its own.
    pub fn seen_by(&self, player: usize) -> Vec<EntityId> {
        let Player { view, id, .. } = &self.players[player];
        let mut seen: Vec<_> = view.entities().map(|seen| seen.id()).filter(|&seen| Some(seen) != *id).collect();
        seen.sort_unstable();
        seen
    }

    /// The entities of these players, in order.
    pub fn ids(&self, players: impl Iterator<Item = usize>) -> Vec<EntityId> {
        let mut ids: Vec<_> = players.map(|player| self.players[player].id.expect("it is in the world")).collect();
        ids.sort_unstable();
        ids
    }

    /// Digests that agreed, and digests that differed.
    pub fn digests(&self) -> (u64, u64) {
        (self.total(|stats| stats.digests_agreed), self.total(|stats| stats.digests_differ))
    }
}
