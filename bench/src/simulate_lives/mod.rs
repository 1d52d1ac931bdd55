//! `simulate-lives`: random steps in the lives of players. After each step, server and world must be in the state that
//! these lead to.
//!
//! A run is one seed: a server of one or more cores, its clients, and one virtual clock. A campaign is many runs.
//!
//! | module | purpose |
//! |---|---|
//! | [`rules`] | the contract of the simulated game |
//! | [`game`] | a game that does at random what a game may do |
//! | [`ledger`] | what must be true of the server |
//! | [`client`] | what must be true of a client |
//! | [`simulator`] | what clients do, the passing of time, and when to check |
//! | [`report`] | the result of a campaign |

mod client;
mod game;
mod ledger;
mod options;
mod report;
mod rules;
mod services;
mod simulator;

pub use self::options::Arguments;

use self::report::{Outcome, Violation};
use self::simulator::Simulator;
use crate::report::verdict::Verdict;
use crate::system::interrupt;
use crate::system::usage::usage;
use crate::terminal::bar;
use std::cell::Cell;
use std::time::Instant;

/// Steps per run. Longer campaigns are several runs, each with the next seed.
const RUN_STEPS: u64 = 5_000;
/// Steps between two updates of the progress bar.
const BAR_PERIOD: u64 = 16;

/// The position in a campaign.
#[derive(Clone, Copy, Debug)]
struct Position {
    seed: u64,
    cores: u8,
    /// Steps of this run, including the current one.
    step: u64,
}

impl Position {
    fn violation(self, what: &str) -> Violation {
        let Position { seed, cores, step } = self;
        let replay = format!("ringshard-bench simulate-lives --seed {seed} --steps {step} --cores {cores}");
        Violation { seed, step, cores, what: what.to_owned(), replay }
    }
}

thread_local! {
    /// The position of this thread's campaign, for the panic hook.
    static POSITION: Cell<Option<Position>> = const { Cell::new(None) };
}

/// A panic is a violation: the hook prints the position and ends the process with code 1.
fn catch_panics() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        hook(panic);
        if let Some(position) = POSITION.get() {
            eprintln!("ringshard-bench: {}", position.violation("the server or a client panicked, see above"));
            std::process::exit(1);
        }
    }));
}

/// Runs the command.
///
/// # Errors
/// If the result cannot be written.
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
    POSITION.set(None);
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

/// Simulates one run.
fn live(seed: u64, cores: u8, steps: u64, outcome: &mut Outcome, mut progress: impl FnMut(u64)) {
    let mut simulator = Simulator::new(seed, cores.into());
    let mut position = Position { seed, cores, step: 0 };
    let mut lived = Ok(());
    while position.step < steps && lived.is_ok() && !interrupt::is_requested() {
        position.step += 1;
        POSITION.set(Some(position));
        lived = simulator.step();
        if position.step.is_multiple_of(BAR_PERIOD) {
            progress(position.step);
        }
    }
    let lived = lived.and_then(|()| simulator.end());
    outcome.violation = lived.err().map(|what| position.violation(&what));
    outcome.add(position.step, &simulator);
}
