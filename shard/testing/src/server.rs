//! The server's half of a world: real cores, which the world turns one after the other on its own thread.

use crate::seed_of;
use ringshard::game::simulation::{Simulation, WorldConfig, WorldStats};
use ringshard::game::{Game, GameStart, Shard, ShownOf};
use ringshard::runtime::control::kick::{Kick, Target};
use ringshard::runtime::control::request::Request;
use ringshard::runtime::control::{ControlEnd, Lifecycle, mailbox};
use ringshard::runtime::core::Core;
use ringshard::runtime::fleet::FleetPort;
use ringshard::runtime::idle::{Idle, Strategy};
use ringshard::runtime::jobs::JobPort;
use ringshard::runtime::mesh::Mesh;
use ringshard::runtime::services::ServicesPort;
use ringshard::world::border::{Border, BorderSettings};
use ringshard::world::exchange::Exchange;
use ringshard_link::sim::{Network, SimLink};
use ringshard_protocol::EndpointConfig;
use ringshard_protocol::connection::{HeartbeatConfig, TransportConfig};
use ringshard_protocol::crypto::{PublicKey, SecretKey, Suites};
use ringshard_protocol::limits::{HEARTBEAT_DEFAULT, MESSAGE_MEMORY_BYTES_DEFAULT, PORT_DEFAULT, TIMEOUT_DEFAULT};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The server's static secret.
const SECRET: [u8; 32] = [0x51; 32];
/// Connections that a core has room for.
const CONNECTIONS_MAX: usize = 1_024;

/// What connects the cores with what runs beside them: a port for each core, or fewer where there is nothing.
pub(crate) struct Ports<G: Game> {
    pub(crate) jobs: Vec<JobPort<G::Job, G::Done>>,
    pub(crate) services: Vec<ServicesPort>,
    pub(crate) fleet: Vec<FleetPort>,
    /// With these, the world has a border.
    pub(crate) border: Option<BorderSettings>,
}

impl<G: Game> Ports<G> {
    /// Only jobs.
    pub(crate) fn of(jobs: Vec<JobPort<G::Job, G::Done>>) -> Self {
        Ports { jobs, services: Vec::new(), fleet: Vec::new(), border: None }
    }
}

/// The cores of a server.
pub(crate) struct Server<G: Game> {
    cores: Vec<Core<SimLink, Simulation<G>>>,
    controls: Vec<ControlEnd>,
    lifecycle: Arc<Lifecycle>,
    pub(crate) border: Option<Border<ShownOf<G>>>,
}

/// The address of a core.
pub(crate) fn address(core: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, core as u8 + 1], PORT_DEFAULT))
}

/// The key that clients pin.
pub(crate) fn public_key() -> PublicKey {
    SecretKey::from_bytes(SECRET).public()
}

/// A server core with the default of every setting.
pub fn endpoint_config(core: usize, cores: usize) -> EndpointConfig {
    EndpointConfig {
        core: core as u8,
        cores,
        connections_max: CONNECTIONS_MAX,
        suites: Suites::native(),
        heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT },
        secret: SecretKey::from_bytes(SECRET),
        pre_shared: None,
        transport: TransportConfig::default(),
        message_bytes_max: MESSAGE_MEMORY_BYTES_DEFAULT,
        integrity: None,
    }
}

impl<G: Game> Server<G> {
    pub(crate) fn new(
        network: &Network,
        cores: usize,
        seed: u64,
        config: WorldConfig,
        mut game: impl FnMut(GameStart) -> G,
        ports: Ports<G>,
    ) -> Self {
        assert!((1..=200).contains(&cores), "a world has 1 to 200 cores");
        let lifecycle = Arc::<Lifecycle>::default();
        let mut server = Server { cores: Vec::new(), controls: Vec::new(), lifecycle, border: None };
        let Ports { jobs, services, fleet, border } = ports;
        let (exchanges, mut border) = match border {
            None => (Exchange::<ShownOf<G>>::between(cores, config.entities_max), None),
            Some(settings) => {
                let (exchanges, end) = Exchange::with_border(cores, config.entities_max);
                (exchanges, Some((end, settings)))
            }
        };
        let ends = exchanges.into_iter().zip(Mesh::between(cores)).zip(jobs);
        let services = services.into_iter().chain(std::iter::repeat_with(ServicesPort::closed));
        let fleet = fleet.into_iter().chain(std::iter::repeat_with(FleetPort::closed));
        let ends = ends.zip(services).zip(fleet);
        for (core, ((((exchange, mesh), jobs), services), fleet)) in ends.enumerate() {
            let start = GameStart { core, terrain: config.terrain.clone() };
            let (control, core_end) = mailbox();
            server.controls.push(control);
            let simulation = Simulation::new(config.clone(), exchange, game(start));
            if let Some((end, settings)) = border.take() {
                server.border = Some(simulation.border(end, settings));
            }
            server.cores.push(Core::new(
                SimLink::new(network.clone(), address(core)),
                ringshard_protocol::Endpoint::new(
                    endpoint_config(core, cores),
                    network.now(),
                    seed_of(seed, "core", core),
                ),
                simulation.with_jobs(jobs).with_services(services).with_fleet(fleet),
                mesh,
                Idle::new(Strategy::Busy),
                core_end,
                server.lifecycle.clone(),
            ));
        }
        server
    }

    /// Turns every core once.
    ///
    /// # Panics
    /// When a core has ended and the server was not stopped.
    pub(crate) fn turn(&mut self) {
        for (number, core) in self.cores.iter_mut().enumerate() {
            let goes_on = core.turn();
            assert!(goes_on || self.lifecycle.is_stopping(), "core {number} has ended, but nobody stopped the server");
        }
    }

    pub(crate) fn cores(&self) -> usize {
        self.cores.len()
    }

    pub(crate) fn core(&self, core: usize) -> &Core<SimLink, Simulation<G>> {
        &self.cores[core]
    }

    pub(crate) fn game_and_shard_mut(&mut self, core: usize) -> (&mut G, &mut Shard<G>) {
        self.cores[core].service_mut().game_and_shard_mut()
    }

    pub(crate) fn total(&self, counter: impl Fn(&WorldStats) -> u64) -> u64 {
        self.cores.iter().map(|core| counter(&core.service().stats())).sum()
    }

    pub(crate) fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    /// Makes every core end the connections from an address. The cores do so in their next turns.
    pub(crate) fn kick(&mut self, address: IpAddr) {
        for control in &mut self.controls {
            control.send(Request::Kick(Box::new(Kick::new(Target::Address(address)))));
        }
    }
}
