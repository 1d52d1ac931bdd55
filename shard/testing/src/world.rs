//! The world of a test: the cores, the clients and the network between them, and their clock.

use crate::raw::RawClient;
use crate::seat::{FRAME, Seat};
use crate::server::{self, Server};
use ringshard::game::simulation::{Simulation, WorldConfig, WorldStats};
use ringshard::game::{Game, InputOf, Shard};
use ringshard_link::conditions::{Conditions, NetworkSpec};
use ringshard_link::sim::Network;
use ringshard_protocol::Endpoint;
use ringshard_protocol::time::{Duration, Instant};
use std::net::SocketAddr;

/// Time between two turns of the cores.
const STEP: Duration = Duration::from_millis(1);

/// Server cores that run the game `G`, and clients, under one virtual clock. The crate's documentation shows a test.
pub struct World<G: Game> {
    server: Server<G>,
    network: Network,
    conditions: Conditions,
    seed: u64,
    raw: Vec<Seat<RawClient<G::Rules>>>,
}

/// The configuration of the world of a test: room for 1,024 entities, and the default of every other setting.
pub fn small() -> WorldConfig {
    WorldConfig { entities_max: 1_024, ..WorldConfig::default() }
}

impl<G: Game> World<G> {
    /// A world of [`small`] size on `cores` cores, each with a game that `game` makes. `network` is what happens to
    /// datagrams in each direction, such as `delay=30ms,jitter=8ms,loss=1%` ([`NetworkSpec::syntax`]). Everything that
    /// happens follows from `seed` and from the calls of the test.
    ///
    /// # Panics
    /// When `network` is not understood, or there are not 1 to 200 cores.
    pub fn new(cores: usize, network: &str, seed: u64, game: impl FnMut(usize) -> G) -> Self {
        World::with_config(cores, network, seed, small(), game)
    }

    /// A world with a configuration. The seed of the game's randomness becomes `seed`.
    ///
    /// # Panics
    /// As [`Self::new`], and when the configuration is out of range.
    pub fn with_config(
        cores: usize,
        network: &str,
        seed: u64,
        config: WorldConfig,
        game: impl FnMut(usize) -> G,
    ) -> Self {
        let conditions = network_conditions(network);
        let network = Network::new(seed, conditions);
        let server = Server::new(&network, cores, seed, WorldConfig { seed, ..config }, game);
        World { server, network, conditions, seed, raw: Vec::new() }
    }

    /// The virtual time. It begins at zero.
    pub fn now(&self) -> Instant {
        self.network.now()
    }

    /// The number of cores.
    pub fn cores(&self) -> usize {
        self.server.cores()
    }

    /// The game of a core.
    pub fn game(&self, core: usize) -> &G {
        self.simulation(core).game()
    }

    /// The simulation that runs the game of a core.
    pub fn simulation(&self, core: usize) -> &Simulation<G> {
        self.server.core(core).service()
    }

    /// The connections of a core.
    pub fn endpoint(&self, core: usize) -> &Endpoint {
        self.server.core(core).endpoint()
    }

    /// The counters of a core's world.
    pub fn stats(&self, core: usize) -> WorldStats {
        self.simulation(core).stats()
    }

    /// The sum of a counter over all cores.
    pub fn total(&self, counter: impl Fn(&WorldStats) -> u64) -> u64 {
        self.server.total(counter)
    }

    /// Lets the test act as the game of a core, between two ticks.
    pub fn act<T>(&mut self, core: usize, act: impl FnOnce(&mut G, &mut Shard<G>) -> T) -> T {
        self.server.act(core, act)
    }

    /// The simulated network, for conditions that differ from client to client.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Changes what happens to datagrams in every direction from now on. Clients that are cut off stay so.
    ///
    /// # Panics
    /// When `network` is not understood.
    pub fn set_network(&mut self, network: &str) {
        self.conditions = network_conditions(network);
        self.network.set_conditions(self.conditions);
        let (cores, conditions) = (self.server.cores(), self.conditions);
        for seat in self.raw.iter_mut().filter(|seat| seat.is_cut()) {
            seat.set_cut(&self.network, cores, conditions, true);
        }
    }

    /// Refuses new clients from now on, and tells the games.
    pub fn drain(&mut self) {
        self.server.lifecycle().drain();
    }

    /// Ends all sessions, and then the cores.
    pub fn stop(&mut self) {
        self.server.lifecycle().stop();
    }

    /// A [`RawClient`] joins the next core. With a ticket it enters the world by itself. Gives its number.
    pub fn join_raw(&mut self, ticket: Option<&[u8]>) -> usize {
        let number = self.raw.len();
        let now = self.network.now();
        let client = RawClient::new(self.simulation(0).game().rules(), now, self.seed, number, ticket);
        let address = SocketAddr::from(([10, 2, (number >> 8) as u8, number as u8], 40_000));
        let first_frame = now + first_frame(self.seed, number);
        self.raw.push(Seat::new(client, &self.network, address, number % self.server.cores(), first_frame));
        number
    }

    /// A raw client.
    pub fn raw(&self, number: usize) -> &RawClient<G::Rules> {
        &self.raw[number].client
    }

    /// A raw client, to make it do something, and the time.
    pub fn raw_mut(&mut self, number: usize) -> (&mut RawClient<G::Rules>, Instant) {
        (&mut self.raw[number].client, self.network.now())
    }

    /// Loses all datagrams of a raw client, until [`Self::restore_raw`].
    pub fn cut_raw(&mut self, number: usize) {
        self.raw[number].set_cut(&self.network, self.server.cores(), self.conditions, true);
    }

    /// Ends an outage.
    pub fn restore_raw(&mut self, number: usize) {
        self.raw[number].set_cut(&self.network, self.server.cores(), self.conditions, false);
    }

    /// Gives a raw client another address, unnoticed by it. Its datagrams reach the next core from now on.
    pub fn move_raw(&mut self, number: usize) {
        self.raw[number].move_address(&self.network, self.server.cores(), self.conditions);
    }

    /// Makes the server end the connection of a raw client.
    pub fn kick_raw(&mut self, number: usize) {
        self.server.kick(self.raw[number].ip());
    }

    /// Lets time pass. Raw clients make their inputs by `input`, which gets a client's number, the client, and the tick.
    pub fn pass_raw(&mut self, time: Duration, mut input: impl FnMut(usize, &RawClient<G::Rules>, u32) -> InputOf<G>) {
        let until = self.network.now() + time;
        while self.network.now() < until {
            self.network.advance(STEP);
            self.server.turn();
            let now = self.network.now();
            for (number, seat) in self.raw.iter_mut().enumerate() {
                if seat.begin_frame(now) {
                    seat.client.frame(now, |client, tick| input(number, client, tick));
                    seat.transmit(now);
                }
            }
        }
    }
}

fn network_conditions(text: &str) -> Conditions {
    match text.parse::<NetworkSpec>() {
        Ok(spec) => spec.conditions,
        Err(error) => panic!("the network `{text}`: {error}"),
    }
}

/// When a client has its first frame: clients do not have their frames at the same time.
fn first_frame(seed: u64, number: usize) -> Duration {
    let draw = u64::from_le_bytes(*crate::seed_of(seed, "frame", number).first_chunk().expect("it has 32 bytes"));
    Duration::from_nanos(draw % FRAME.as_nanos() as u64)
}

/// The address of a core, for conditions of its own.
pub fn core_address(core: usize) -> SocketAddr {
    server::address(core)
}
