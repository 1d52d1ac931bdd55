//! Serving a game of one's own: everything that `ringshard serve` does, in a program of a few lines.
//!
//! ```no_run
//! # use ringshard::game::{Admission, AnswerOf, Game, NoJob, PlayerId, Reply, Shard, Visitor};
//! # ringshard_world::wire! {
//! #     pub struct Nothing {}
//! #     pub enum Never { Is }
//! # }
//! # struct Empty;
//! # impl ringshard_world::Rules for Empty {
//! #     type Input = Nothing;
//! #     type Own = Nothing;
//! #     type Shown = Nothing;
//! #     type Ask = Never;
//! #     type Answer = Never;
//! #     type Event = Never;
//! #     fn step(&self, _: &mut Nothing, _: &Nothing) {}
//! #     fn pose(&self, _: &Nothing) -> ringshard_world::Pose { ringshard_world::Pose::default() }
//! # }
//! # struct Arena;
//! # impl Game for Arena {
//! #     type Rules = Empty;
//! #     type Command = Never;
//! #     type Job = NoJob;
//! #     type Done = NoJob;
//! #     fn rules(&self) -> &Empty { &Empty }
//! #     fn join(&mut self, _: &mut Shard<Self>, _: PlayerId, _: Visitor<'_>) -> Admission { Admission::Accepted }
//! #     fn ask(&mut self, shard: &mut Shard<Self>, _: PlayerId, _: Never, reply: Reply) { shard.reply(reply, &Never::Is) }
//! # }
//! fn main() -> std::process::ExitCode {
//!     ringshard::serve(|_start| Arena, ringshard::no_jobs)
//! }
//! ```

mod beside;

pub use beside::{Beside, BesidePorts, ReadMembership, StartedGame};

use crate::config::{GameCommand, GameSection, Prepared, Sources, program_name};
use crate::game::simulation::Simulation;
use crate::game::{Game, GameStart, ShownOf};
use crate::ops::fleet::Fleet;
use crate::ops::report::ServerReport;
use crate::ops::serve::{Started, print_final_table, run};
use crate::ops::services::Services;
use crate::runtime::fleet::{FleetEnd, FleetPort};
use crate::runtime::jobs::{JobPort, JobSettings, JobWorkers, Jobs, NoJob};
use crate::runtime::server::{Server, StartError};
use crate::runtime::services::ServicesPort;
use crate::world::border::{AnyBorder, BorderSettings};
use crate::world::exchange::Exchange;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::any::TypeId;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The settings of a game that has none of its own.
#[derive(Deserialize, Default)]
struct NoSettings {}

/// Serves a game: reads the command line, the settings file and the environment, starts the cores, and ends in order when a
/// signal or a command asks for it. `--help` lists the settings; `config check`, `config print` and `config schema` work as
/// those of the program `ringshard`.
///
/// `game` makes the game of each core from its number and the world's terrain. `work` does a job of the game
/// ([`Shard::give`](crate::game::Shard::give)) on a worker's thread, where it may block. A game without jobs passes
/// [`no_jobs`](crate::no_jobs).
///
/// Call it once, from `main`: it starts the log, handles signals, and ends the process if a thread panics. Returns what `main`
/// is to return.
pub fn serve<G: Game>(
    mut game: impl FnMut(GameStart) -> G,
    work: impl Fn(G::Job) -> G::Done + Send + Sync + 'static,
) -> ExitCode {
    serve_with(|start, _: &NoSettings| game(start), work)
}

/// [`serve_with`], with what runs `beside` the cores: services, from the crate `ringshard-services`, and a place in a fleet, from
/// the crate `ringshard-fleet`.
pub fn serve_beside<S: DeserializeOwned + Default, G: Game>(
    game: impl FnMut(GameStart, &S) -> G,
    work: impl Fn(G::Job) -> G::Done + Send + Sync + 'static,
    beside: Beside<'_>,
) -> ExitCode {
    // `config check` judges the settings as the server does.
    let command = GameCommand::parse(GameSection::of::<S>()).map_sources(|sources| beside.sources(sources));
    carry_out(&command, |sources| run_game_beside(sources, game, work, beside))
}

/// What starting the services gives: none if the settings ask for none.
pub type StartedServices = Result<Option<Arc<dyn Services>>, Box<dyn Error>>;

/// The place in a fleet that the settings describe.
pub trait Membership {
    /// Whether the hosts of the fleet hand players to each other: then the cores have ports to it, and the world has a border.
    fn has_bus(&self) -> bool;

    /// Begins to register the server, which runs. None: the hosts of the fleet do not register.
    ///
    /// # Errors
    /// Why it cannot.
    fn join(
        &self,
        server: &Server,
        ends: Vec<FleetEnd>,
        border: Option<Box<dyn AnyBorder>>,
    ) -> Result<Option<Arc<dyn Fleet>>, Box<dyn Error>>;
}

/// [`serve`], for a game with settings of its own: the table `[game]` of the settings file. A key that `S` does not have, and
/// a value that it does not take, are errors like all others: they name the key, the file and the line.
///
/// Put `#[serde(default)]` on `S`, so that a key that the file leaves out has its default.
pub fn serve_with<S: DeserializeOwned + Default, G: Game>(
    game: impl FnMut(GameStart, &S) -> G,
    work: impl Fn(G::Job) -> G::Done + Send + Sync + 'static,
) -> ExitCode {
    serve_beside(game, work, Beside::none())
}

/// Does what the command line says. `run` serves.
fn carry_out(command: &GameCommand, run: impl FnOnce(Sources) -> Result<ServerReport, Box<dyn Error>>) -> ExitCode {
    let outcome = match command {
        GameCommand::Serve(sources) => run(sources.clone()).map(|report| print_final_table(last_words(&report))),
        command => command.text().map_err(Into::into).and_then(|text| print(&text.unwrap_or_default())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody could be told that standard error is closed.
            let _ = writeln!(io::stderr(), "{}: {error}", program_name());
            ExitCode::FAILURE
        }
    }
}

/// Starts a server whose cores run the games that `game` makes over one world. `ports` has the ports of each core to the
/// workers, `services` those to the services, `fleet` those to the fleet: fewer than cores if there are none.
///
/// # Errors
/// [`StartError`]; nothing runs then.
pub fn start_world<G: Game>(
    prepared: &Prepared,
    ports: Vec<JobPort<G::Job, G::Done>>,
    services: Vec<ServicesPort>,
    fleet: Vec<FleetPort>,
    game: impl FnMut(GameStart) -> G,
) -> Result<Server, StartError> {
    let exchanges = Exchange::between(prepared.server.cpus.len(), prepared.world.entities_max);
    start_cores(prepared, exchanges, ports, services, fleet, game, |_| ())
}

/// A server, and the border of its world.
pub type ServerAndBorder = (Server, Box<dyn AnyBorder>);

/// [`start_world`], for a host of a fleet: its world has a border with the worlds of neighbour hosts. The border owns as many
/// entities as each core. A thread beside the server turns it once per [`TICK`](crate::runtime::tick::TICK), with the time of
/// [`now`](crate::runtime::tick::now).
///
/// # Errors
/// [`StartError`]; nothing runs then.
pub fn start_world_with_border<G: Game>(
    prepared: &Prepared,
    ports: Vec<JobPort<G::Job, G::Done>>,
    services: Vec<ServicesPort>,
    fleet: Vec<FleetPort>,
    settings: BorderSettings,
    game: impl FnMut(GameStart) -> G,
) -> Result<ServerAndBorder, StartError> {
    let cores = prepared.server.cpus.len();
    // The border owns entities as a core does.
    prepared.world.check(cores + 1)?;
    let (exchanges, end) = Exchange::with_border(cores, prepared.world.entities_max);
    let (mut end, mut border) = (Some(end), None::<Box<dyn AnyBorder>>);
    let server = start_cores(prepared, exchanges, ports, services, fleet, game, |simulation| {
        if let Some(end) = end.take() {
            border = Some(Box::new(simulation.border(end, settings)));
        }
    })?;
    Ok((server, border.expect("a server has a core")))
}

/// Starts the cores. `made` sees the simulation of each before it runs.
fn start_cores<G: Game>(
    prepared: &Prepared,
    exchanges: Vec<Exchange<ShownOf<G>>>,
    ports: Vec<JobPort<G::Job, G::Done>>,
    services: Vec<ServicesPort>,
    fleet: Vec<FleetPort>,
    mut game: impl FnMut(GameStart) -> G,
    mut made: impl FnMut(&Simulation<G>),
) -> Result<Server, StartError> {
    let Prepared { server, world, .. } = prepared;
    let services = services.into_iter().chain(std::iter::repeat_with(ServicesPort::closed));
    let fleet = fleet.into_iter().chain(std::iter::repeat_with(FleetPort::closed));
    let mut ends = exchanges.into_iter().zip(ports).zip(services).zip(fleet);
    Server::start(server, |core| {
        let (((exchange, jobs), services), fleet) = ends.next().expect("there is an exchange and a port for each core");
        let start = GameStart { core, terrain: world.terrain.clone() };
        let simulation = Simulation::new(world.clone(), exchange, game(start));
        let simulation = simulation.with_jobs(jobs).with_services(services).with_fleet(fleet);
        made(&simulation);
        simulation
    })
}

/// What [`serve_with`] does, for a program with a command line of its own: serves with the settings of `sources`, and returns
/// the last report.
///
/// # Errors
/// Those of [`run`].
pub fn run_game<S: DeserializeOwned + Default, G: Game>(
    sources: Sources,
    game: impl FnMut(GameStart, &S) -> G,
    work: impl Fn(G::Job) -> G::Done + Send + Sync + 'static,
) -> Result<ServerReport, Box<dyn Error>> {
    run_game_beside(sources, game, work, Beside::none())
}

/// What [`serve_beside`] does, for a program with a command line of its own.
///
/// # Errors
/// Those of [`run`] and of [`Beside::start`].
pub fn run_game_beside<S: DeserializeOwned + Default, G: Game>(
    sources: Sources,
    mut game: impl FnMut(GameStart, &S) -> G,
    work: impl Fn(G::Job) -> G::Done + Send + Sync + 'static,
    beside: Beside<'_>,
) -> Result<ServerReport, Box<dyn Error>> {
    let sources = Sources { game: Some(GameSection::of::<S>()), ..beside.sources(sources) };
    run(sources, |configuration, prepared| {
        let own: S = configuration.game_settings();
        let kinds: Vec<_> = G::KINDS.iter().map(|kind| kind.name).collect();
        configuration.check_kinds(&kinds)?;
        let (jobs, workers) = start_workers(prepared.server.cpus.len(), &prepared.jobs, work)?;
        beside.start(configuration.settings(), |ports| {
            let (server, border) = start_host(prepared, jobs, ports, |start| game(start, &own))?;
            let started = Started { server, workers, what: program_name(), reload: None, services: None, fleet: None };
            Ok((started, border))
        })
    })
}

/// The world of a game, with a border if there are ports to a fleet.
///
/// # Errors
/// [`StartError`]; nothing runs then.
pub fn start_host<G: Game>(
    prepared: &Prepared,
    jobs: Vec<JobPort<G::Job, G::Done>>,
    ports: BesidePorts,
    game: impl FnMut(GameStart) -> G,
) -> Result<(Server, Option<Box<dyn AnyBorder>>), StartError> {
    let BesidePorts { services, fleet } = ports;
    if fleet.is_empty() {
        return Ok((start_world(prepared, jobs, services, fleet, game)?, None));
    }
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let settings = BorderSettings { incarnation: since_1970.as_micros() as u64, ..BorderSettings::default() };
    let (server, border) = start_world_with_border(prepared, jobs, services, fleet, settings, game)?;
    Ok((server, Some(border)))
}

/// The ports of the cores, in order, and the workers.
pub type PortsAndWorkers<J, D> = (Vec<JobPort<J, D>>, Option<JobWorkers>);

/// The ports of the cores, and the workers, unless the game has no jobs or the settings ask for none. `work` does a job.
///
/// # Errors
/// A thread cannot be started.
pub fn start_workers<J: Send + 'static, D: Send + 'static>(
    cores: usize,
    settings: &JobSettings,
    work: impl Fn(J) -> D + Send + Sync + 'static,
) -> io::Result<PortsAndWorkers<J, D>> {
    let has_jobs = TypeId::of::<J>() != TypeId::of::<NoJob>();
    if !has_jobs || settings.workers == 0 {
        if has_jobs {
            tracing::warn!("workers is 0, so every job of the game is refused");
        }
        return Ok((Jobs::none(cores), None));
    }
    let (ports, workers) = Jobs::start(cores, settings, work)?;
    Ok((ports, Some(workers)))
}

/// The latencies of the cores.
#[cfg(feature = "ops")]
fn last_words(report: &ServerReport) -> String {
    report.table() + "\n"
}

/// The log has the sums.
#[cfg(not(feature = "ops"))]
fn last_words(_: &ServerReport) -> String {
    String::new()
}

/// Prints a text. A reader that has left, as in `| head`, is no error.
fn print(text: &str) -> Result<(), Box<dyn Error>> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
