//! Serving a game of one's own: everything that `ringshard serve` does, in a program of a few lines.
//!
//! ```no_run
//! # use ringshard::game::{Game, shard::Shard};
//! # use ringshard_world::{EntityId, messages::Input};
//! # struct Arena;
//! # impl Game for Arena {
//! #     fn join(&mut self, _: &mut Shard) -> Option<EntityId> { None }
//! #     fn input(&mut self, _: &mut Shard, _: EntityId, _: &Input) {}
//! #     fn tick(&mut self, _: &mut Shard) {}
//! # }
//! fn main() -> std::process::ExitCode {
//!     ringshard::serve(|_core, _jobs| Arena, ringshard::no_jobs)
//! }
//! ```

use crate::config::{GameCommand, GameSection, Prepared, Sources, program_name};
use crate::game::Game;
use crate::game::simulation::Simulation;
use crate::ops::report::ServerReport;
use crate::ops::serve::{Started, print_final_table, run};
use crate::runtime::jobs::{JobPort, JobSettings, JobWorkers, Jobs, NoJob};
use crate::runtime::server::{Server, StartError};
use crate::world::exchange::Exchange;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::any::TypeId;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

/// The settings of a game that has none of its own.
#[derive(Deserialize, Default)]
struct NoSettings {}

/// Serves a game: reads the command line, the settings file and the environment, starts the cores, and ends in order when a
/// signal or a command asks for it. `--help` lists the settings; `config check`, `config print` and `config schema` work as
/// those of the program `ringshard`.
///
/// `game` makes the game of each core, by its number. The game gives jobs through its port, and takes their results, such as
/// in each tick. `work` does a job on a worker's thread, where it may block. A game without jobs passes
/// [`no_jobs`](crate::no_jobs).
///
/// Call it once, from `main`: it starts the log, handles signals, and ends the process if a thread panics. Returns what `main`
/// is to return.
pub fn serve<G: Game, J: Send + 'static, D: Send + 'static>(
    mut game: impl FnMut(usize, JobPort<J, D>) -> G,
    work: impl Fn(J) -> D + Send + Sync + 'static,
) -> ExitCode {
    serve_with(|core, _: &NoSettings, jobs| game(core, jobs), work)
}

/// [`serve`], for a game with settings of its own: the table `[game]` of the settings file. A key that `S` does not have, and
/// a value that it does not take, are errors like all others: they name the key, the file and the line.
///
/// Put `#[serde(default)]` on `S`, so that a key that the file leaves out has its default.
pub fn serve_with<S: DeserializeOwned + Default, G: Game, J: Send + 'static, D: Send + 'static>(
    game: impl FnMut(usize, &S, JobPort<J, D>) -> G,
    work: impl Fn(J) -> D + Send + Sync + 'static,
) -> ExitCode {
    let command = GameCommand::parse(GameSection::of::<S>());
    let outcome = match command {
        GameCommand::Serve(sources) => {
            run_game(sources, game, work).map(|report| print_final_table(last_words(&report)))
        }
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

/// Starts a server whose cores run the games that `game` makes over one world.
///
/// # Errors
/// [`StartError`]; nothing runs then.
pub fn start_world<G: Game>(prepared: &Prepared, mut game: impl FnMut(usize) -> G) -> Result<Server, StartError> {
    let Prepared { server, world, .. } = prepared;
    let mut exchanges = Exchange::between(server.cpus.len(), world.entities_max).into_iter();
    Server::start(server, |core| {
        let exchange = exchanges.next().expect("there is an exchange for each core");
        Simulation::new(world.clone(), exchange, game(core))
    })
}

/// What [`serve_with`] does, for a program with a command line of its own: serves with the settings of `sources`, and returns
/// the last report.
///
/// # Errors
/// Those of [`run`].
pub fn run_game<S: DeserializeOwned + Default, G: Game, J: Send + 'static, D: Send + 'static>(
    sources: Sources,
    mut game: impl FnMut(usize, &S, JobPort<J, D>) -> G,
    work: impl Fn(J) -> D + Send + Sync + 'static,
) -> Result<ServerReport, Box<dyn Error>> {
    let sources = Sources { game: Some(GameSection::of::<S>()), ..sources };
    run(sources, |configuration, prepared| {
        let own: S = configuration.game_settings();
        let (ports, workers) = start_workers(prepared.server.cpus.len(), &prepared.jobs, work)?;
        let mut ports = ports.into_iter();
        let server = start_world(prepared, |core| game(core, &own, ports.next().expect("a port for each core")))?;
        Ok(Started { server, workers, what: program_name() })
    })
}

/// The ports of the cores, in order, and the workers.
type PortsAndWorkers<J, D> = (Vec<JobPort<J, D>>, Option<JobWorkers>);

/// The ports of the cores, and the workers unless the game has no jobs.
fn start_workers<J: Send + 'static, D: Send + 'static>(
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
