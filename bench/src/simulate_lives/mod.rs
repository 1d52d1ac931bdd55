//! `simulate-lives`: walks through the lives of players, step by step and at random, and checks after each step that the
//! server and its world are where the lives have led.
//!
//! A run is one seed: a server of one or more cores, its clients, and one virtual clock. A campaign is many runs.
//!
//! | module | for |
//! |---|---|
//! | [`stage`] | the cores, the clients, the clock; what is checked when |
//! | [`actions`] | what clients do, and what must be true right after it |
//! | [`guest`] | one client |
//! | [`knock`], [`frames`] | what a client can do by hand that the client of this project never does |
//! | [`game`] | a game that takes bodies away, and writes down what it is told |
//! | [`books`] | what each session and its player must be, by the events so far |
//! | [`report`] | what came of a campaign |

mod actions;
mod books;
mod frames;
mod game;
mod guest;
mod knock;
mod report;
mod stage;

use self::report::{Outcome, Violation};
use self::stage::Stage;
use crate::echo::bar;
use crate::interrupt;
use crate::process::usage;
use crate::verdict::Verdict;
use std::cell::Cell;
use std::path::PathBuf;
use std::time::Instant;

/// Steps of a run. A campaign of more steps is several runs, each with the next seed.
const RUN_STEPS: u64 = 50_000;
/// Steps between two updates of the progress bar.
const BAR_PERIOD: u64 = 256;
/// Memory may grow by so much from the first quarter of a campaign to its end, in bytes: allocators keep some.
const RESIDENT_GROWTH_MAX: u64 = 16 << 20;
/// Steps of a campaign whose memory is judged: before that, memory is still being warmed up.
const JUDGED_STEPS_MIN: u64 = 1_000_000;

const LONG_HELP: &str = "\
Walks through the lives of players at random: one step is one action of one client, and a few simulated milliseconds for
what comes of it; now and then the clock jumps by seconds or minutes.

What clients do: connect, enter the world, enter again, play, talk; hang up with any of the 256 reasons; fall silent for
shorter and longer than the timeout and the time in which a session can be resumed, and come back; vanish; resume a session
that is suspended, live, or over, with its newest key or a former one, and prove their keys or not; move to another address
with and without saying so; ask for new keys, also with weak keys and many times at once; send nonsense, false
acknowledgments, and the beginnings of large messages. The game refuses some and takes bodies away; the server puts clients
out, is full, is short of memory, drains and ends.

What is checked after every step: the players in the world are those of the sessions that are live or can come back; the
entities are the bodies of those and the game's own; the game is told of joining, suspension, resumption and leaving once
each and in order; a session goes on exactly where its key leads, and never once it is over; who hangs up or is put out
is gone; who keeps to the protocol loses its connection only for a reason; nobody sees anything else than the server has
told. When everybody has left and all timeouts have passed: no connections, sessions, players, entities of players,
message memory or datagrams are left. Over the campaign, the memory of the process does not grow.

Examples:
  ringshard-bench simulate-lives                          a million steps
  ringshard-bench simulate-lives --steps 10000000         a campaign
  ringshard-bench simulate-lives --seed 17 --cores 2      runs from seed 17 on, on two cores each

A run is 50,000 steps; the next run has the next seed and the next number of cores of the list. A violation prints its
seed, its step and the command that replays it.

Exit code: 0 when all that was checked holds. 1 when something does not, or when the server panics. 130 when a signal ended
it early, and what was checked until then holds.";

/// Options of `simulate-lives`.
#[derive(clap::Args, Clone, Debug)]
#[command(after_long_help = LONG_HELP)]
pub struct Arguments {
    /// Steps in all.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Seed of the first run.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Cores of the server, 1 to 8: one number for all runs, or several that the runs take in turn.
    #[arg(
        long, value_name = "N,...", value_delimiter = ',', default_values_t = [1, 2, 4],
        value_parser = clap::value_parser!(u8).range(1..=8)
    )]
    cores: Vec<u8>,
    /// Write the result to this file as one JSON object.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Where a campaign is.
#[derive(Clone, Copy, Debug)]
struct Place {
    seed: u64,
    cores: u8,
    /// Steps of this run so far, the one being done included.
    step: u64,
}

impl Place {
    fn violation(self, what: &str) -> Violation {
        let Place { seed, cores, step } = self;
        let replay = format!("ringshard-bench simulate-lives --seed {seed} --steps {step} --cores {cores}");
        Violation { seed, step, cores, what: what.to_owned(), replay }
    }
}

thread_local! {
    /// Where this thread's campaign is: the panic hook prints it.
    static PLACE: Cell<Option<Place>> = const { Cell::new(None) };
}

/// From now on a panic is a violation: it says where the campaign was, and ends the process with code 1.
fn catch_panics() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        hook(panic);
        if let Some(place) = PLACE.get() {
            eprintln!("ringshard-bench: {}", place.violation("the server or a client panics, see above"));
            std::process::exit(1);
        }
    }));
}

/// Runs the command.
///
/// # Errors
/// The result could not be written.
pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    catch_panics();
    let Arguments { steps, seed, .. } = *arguments;
    let bar = bar("simulate-lives", "living", steps);
    let began = Instant::now();
    let cpu_began = usage(std::process::id()).cpu;
    let mut outcome = Outcome::new(seed, arguments.cores.clone());
    while outcome.steps < steps && outcome.violation.is_none() && !interrupt::is_requested() {
        let number = outcome.runs;
        let cores = arguments.cores[number as usize % arguments.cores.len()];
        let run_steps = RUN_STEPS.min(steps - outcome.steps);
        let before = outcome.steps;
        live(seed + number, cores, run_steps, &mut outcome, |done| bar.set_position(before + done));
        outcome.note_memory(steps, usage(std::process::id()).resident_bytes);
    }
    PLACE.set(None);
    bar.finish_and_clear();
    outcome.took_s = began.elapsed().as_secs_f64();
    outcome.cpu_s = (usage(std::process::id()).cpu - cpu_began).as_secs_f64();
    outcome.judge();
    print!("simulate-lives: the lives of players under one clock\n{}", outcome.page());
    if let Some(path) = &arguments.json {
        crate::report::write_json(path, &outcome)?;
    }
    if let Some(failure) = outcome.failure() {
        eprintln!("ringshard-bench: {failure}");
    }
    Ok(outcome.verdict)
}

/// One run.
fn live(seed: u64, cores: u8, steps: u64, outcome: &mut Outcome, mut progress: impl FnMut(u64)) {
    let mut stage = Stage::new(seed, cores.into(), steps);
    let mut place = Place { seed, cores, step: 0 };
    let mut lived = Ok(());
    while place.step < steps && lived.is_ok() && !interrupt::is_requested() {
        place.step += 1;
        PLACE.set(Some(place));
        lived = stage.step();
        if place.step.is_multiple_of(BAR_PERIOD) {
            progress(place.step);
        }
    }
    let lived = lived.and_then(|()| stage.end());
    outcome.violation = lived.err().map(|what| place.violation(&what));
    outcome.add(place.step, &stage);
}
