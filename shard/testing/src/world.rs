//! The world of a test: the cores, the clients and the network between them, and their clock.

use crate::player::Player;
use crate::raw::RawClient;
use crate::seat::{FRAME, Seat};
use crate::seed_of;
use crate::server::{self, Ports, Server};
use ringshard::game::simulation::{Simulation, WorldConfig, WorldStats};
use ringshard::game::{Game, GameStart, InputOf, Shard, ShownOf};
use ringshard::runtime::fleet::FleetPort;
use ringshard::runtime::jobs::{JobSettings, JobWorkers, Jobs};
use ringshard::runtime::services::ServicesPort;
use ringshard::world::border::{Border, BorderSettings};
use ringshard_client::{Client, News, Scene};
use ringshard_link::conditions::{Conditions, NetworkSpec};
use ringshard_link::sim::Network;
use ringshard_protocol::Endpoint;
use ringshard_protocol::time::{Duration, Instant};
use std::net::SocketAddr;

/// Time between two turns of the cores.
const STEP: Duration = Duration::from_millis(1);

/// Jobs of a core that may be outstanding.
const JOBS_MAX: usize = 1_024;

/// Server cores that run the game `G`, and clients, under one virtual clock. The crate's documentation shows a test.
pub struct World<G: Game> {
    server: Server<G>,
    /// They end with the world.
    _workers: Option<JobWorkers>,
    network: Network,
    conditions: Conditions,
    seed: u64,
    /// How often clients were started again.
    rejoined: usize,
    clients: Vec<Seat<Player<G::Rules>>>,
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
    pub fn new(cores: usize, network: &str, seed: u64, game: impl FnMut(GameStart) -> G) -> Self {
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
        game: impl FnMut(GameStart) -> G,
    ) -> Self {
        World::with_ports(cores, network, WorldConfig { seed, ..config }, game, Ports::of(Jobs::none(cores)))
    }

    /// A world with services: `services` has the port of each core.
    ///
    /// # Panics
    /// As [`Self::with_config`].
    pub fn with_services(
        cores: usize,
        network: &str,
        seed: u64,
        config: WorldConfig,
        game: impl FnMut(GameStart) -> G,
        services: Vec<ServicesPort>,
    ) -> Self {
        let ports = Ports { services, ..Ports::of(Jobs::none(cores)) };
        World::with_ports(cores, network, WorldConfig { seed, ..config }, game, ports)
    }

    /// A world whose cores move players to each other as if they were the servers of a fleet: `fleet` has the port of each.
    ///
    /// # Panics
    /// As [`Self::with_config`].
    pub fn with_fleet(
        cores: usize,
        network: &str,
        seed: u64,
        config: WorldConfig,
        game: impl FnMut(GameStart) -> G,
        fleet: Vec<FleetPort>,
    ) -> Self {
        let ports = Ports { fleet, ..Ports::of(Jobs::none(cores)) };
        World::with_ports(cores, network, WorldConfig { seed, ..config }, game, ports)
    }

    /// A world on one host of several: [`Self::border`] gives its border, which the test turns.
    ///
    /// # Panics
    /// As [`Self::with_config`].
    pub fn with_border(
        cores: usize,
        network: &str,
        seed: u64,
        config: WorldConfig,
        game: impl FnMut(GameStart) -> G,
        border: BorderSettings,
    ) -> Self {
        let ports = Ports { border: Some(border), ..Ports::of(Jobs::none(cores)) };
        World::with_ports(cores, network, WorldConfig { seed, ..config }, game, ports)
    }

    /// The border of a world that was made [`with_border`](Self::with_border), and the time.
    ///
    /// # Panics
    /// When the world has none.
    pub fn border(&mut self) -> (&mut Border<ShownOf<G>>, Instant) {
        (self.server.border.as_mut().expect("the world was made without a border"), self.network.now())
    }

    /// A world whose game has jobs: `work` does them, on a thread of its own. In which tick a result arrives depends on the
    /// machine, so such a world does not repeat exactly.
    ///
    /// # Panics
    /// As [`Self::with_config`], and when no thread can be started.
    pub fn with_work(
        cores: usize,
        network: &str,
        seed: u64,
        config: WorldConfig,
        game: impl FnMut(GameStart) -> G,
        work: impl Fn(G::Job) -> G::Done + Send + Sync + 'static,
    ) -> Self {
        let settings = JobSettings { workers: 1, per_core: JOBS_MAX, cpus: Vec::new() };
        let (ports, workers) = Jobs::start(cores, &settings, work).expect("the thread of the jobs starts");
        let world = World::with_ports(cores, network, WorldConfig { seed, ..config }, game, Ports::of(ports));
        World { _workers: Some(workers), ..world }
    }

    fn with_ports(
        cores: usize,
        network: &str,
        config: WorldConfig,
        game: impl FnMut(GameStart) -> G,
        ports: Ports<G>,
    ) -> Self {
        let (conditions, seed) = (network_conditions(network), config.seed);
        let network = Network::new(seed, conditions);
        let server = Server::new(&network, cores, seed, config, game, ports);
        World { server, _workers: None, network, conditions, seed, rejoined: 0, clients: Vec::new(), raw: Vec::new() }
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

    /// The game of a core, to change.
    pub fn game_mut(&mut self, core: usize) -> &mut G {
        self.server.game_and_shard_mut(core).0
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
        let (game, shard) = self.server.game_and_shard_mut(core);
        act(game, shard)
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
        for seat in self.clients.iter_mut().filter(|seat| seat.is_cut()) {
            seat.set_cut(&self.network, cores, conditions, true);
        }
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

    /// A client connects to the next core, and enters the world with a ticket. Gives its number: 0 for the first.
    ///
    /// # Panics
    /// When the ticket is too long.
    pub fn join(&mut self, ticket: &[u8]) -> usize
    where
        G::Rules: Clone,
    {
        self.join_with(self.game(0).rules().clone(), ticket)
    }

    /// [`Self::join`], with rules of its own: for a client that differs from the server.
    pub fn join_with(&mut self, rules: G::Rules, ticket: &[u8]) -> usize {
        let number = self.clients.len();
        let player = Player::new(rules, ticket, self.now(), seed_of(self.seed, "client", number));
        let address = SocketAddr::from(([10, 1, (number >> 8) as u8, number as u8], 40_000));
        let seat = self.seat(player, address, number, "frame");
        self.clients.push(seat);
        number
    }

    /// The program of a client is started again at the same address. It knows nothing of its former session, and enters the
    /// world with a ticket. The server is not told that the former program has ended.
    ///
    /// # Panics
    /// When the ticket is too long.
    pub fn rejoin(&mut self, number: usize, ticket: &[u8])
    where
        G::Rules: Clone,
    {
        self.rejoined += 1;
        let rules = self.game(0).rules().clone();
        let seed = seed_of(self.seed, "rejoined", self.rejoined);
        self.clients[number].client = Player::new(rules, ticket, self.now(), seed);
    }

    /// A [`RawClient`] connects to the next core. With a ticket it enters the world by itself. Gives its number: raw clients
    /// have numbers of their own.
    pub fn join_raw(&mut self, ticket: Option<&[u8]>) -> usize {
        let number = self.raw.len();
        let client = RawClient::new(self.game(0).rules(), self.now(), self.seed, number, ticket);
        let address = SocketAddr::from(([10, 2, (number >> 8) as u8, number as u8], 40_000));
        let seat = self.seat(client, address, number, "raw frame");
        self.raw.push(seat);
        number
    }

    /// Clients do not have their frames at the same time.
    fn seat<C: crate::seat::Datagrams>(&self, client: C, address: SocketAddr, number: usize, part: &str) -> Seat<C> {
        let draw = u64::from_le_bytes(*seed_of(self.seed, part, number).first_chunk().expect("it has 32 bytes"));
        let first_frame = self.now() + Duration::from_nanos(draw % FRAME.as_nanos() as u64);
        Seat::new(client, &self.network, address, number % self.server.cores(), first_frame)
    }

    /// A client.
    pub fn client(&self, number: usize) -> &Client<G::Rules> {
        &self.clients[number].client.client
    }

    /// A client, to make it ask or tell something, or leave. What it sends leaves in its next frame. The world takes its
    /// news: [`Self::news`] gives them.
    pub fn client_mut(&mut self, number: usize) -> &mut Client<G::Rules> {
        &mut self.clients[number].client.client
    }

    /// The number of clients that ever joined, without raw ones.
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// The news of a client since the last call, oldest first.
    pub fn news(&mut self, number: usize) -> Vec<News<G::Rules>> {
        std::mem::take(&mut self.clients[number].client.news)
    }

    /// Loses all datagrams of a client from now on, until [`Self::restore`].
    pub fn cut(&mut self, number: usize) {
        self.clients[number].set_cut(&self.network, self.server.cores(), self.conditions, true);
    }

    /// Ends the outage of a client.
    pub fn restore(&mut self, number: usize) {
        self.clients[number].set_cut(&self.network, self.server.cores(), self.conditions, false);
    }

    /// Gives a client another address, as a NAT does: the client does not notice. Its datagrams reach the next core from now
    /// on, which passes them on.
    pub fn move_address(&mut self, number: usize) {
        self.clients[number].move_address(&self.network, self.server.cores(), self.conditions);
    }

    /// A client leaves, and tells the server in its next frame.
    pub fn leave(&mut self, number: usize) {
        self.client_mut(number).close();
    }

    /// Makes the server end the connection of a client, as an operator does.
    pub fn kick(&mut self, number: usize) {
        self.server.kick(self.clients[number].address().ip());
    }

    /// Datagrams that a client has received and sent so far.
    pub fn datagrams(&self, number: usize) -> (u64, u64) {
        (self.clients[number].datagrams_in, self.clients[number].datagrams_out)
    }

    /// A raw client.
    pub fn raw(&self, number: usize) -> &RawClient<G::Rules> {
        &self.raw[number].client
    }

    /// A raw client, to make it do something, and the time.
    pub fn raw_mut(&mut self, number: usize) -> (&mut RawClient<G::Rules>, Instant) {
        (&mut self.raw[number].client, self.network.now())
    }

    /// The present address of a raw client, from which a test can send datagrams by [`Network::send`].
    pub fn raw_address(&self, number: usize) -> SocketAddr {
        self.raw[number].address()
    }

    /// As [`Self::cut`], for a raw client.
    pub fn cut_raw(&mut self, number: usize) {
        self.raw[number].set_cut(&self.network, self.server.cores(), self.conditions, true);
    }

    /// As [`Self::restore`], for a raw client.
    pub fn restore_raw(&mut self, number: usize) {
        self.raw[number].set_cut(&self.network, self.server.cores(), self.conditions, false);
    }

    /// As [`Self::move_address`], for a raw client.
    pub fn move_raw(&mut self, number: usize) {
        self.raw[number].move_address(&self.network, self.server.cores(), self.conditions);
    }

    /// As [`Self::kick`], for a raw client.
    pub fn kick_raw(&mut self, number: usize) {
        self.server.kick(self.raw[number].address().ip());
    }

    /// Lets time pass. Each client has 60 frames a second, in which it asks for the inputs that are due: `input` gets its
    /// number and the scene that it shows. Raw clients make their inputs by themselves.
    pub fn pass(&mut self, time: Duration, mut input: impl FnMut(usize, &Scene<'_, G::Rules>) -> InputOf<G>) {
        let until = self.network.now() + time;
        while self.network.now() < until {
            self.network.advance(STEP);
            self.server.turn();
            let now = self.network.now();
            for (number, seat) in self.clients.iter_mut().enumerate() {
                if seat.begin_frame(now) {
                    seat.client.frame(now, |scene| input(number, scene));
                    seat.transmit(now);
                }
            }
            for seat in &mut self.raw {
                if seat.begin_frame(now) {
                    seat.client.frame(now);
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

/// The address of a core, for conditions of its own.
pub fn core_address(core: usize) -> SocketAddr {
    server::address(core)
}
