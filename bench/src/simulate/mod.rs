//! `simulate`: simulates servers, clients and bad networks from a seed, and checks every guarantee of the engine.
//!
//! One run is one seed: a server, up to a dozen players, and some minutes under one virtual clock. Traffic, path states
//! and faults are drawn, including kills of either end. The engine is used from outside, unchanged. A model records
//! what was sent; every message, event and datagram is checked against it.
//!
//! | module | purpose |
//! |---|---|
//! | [`draw`] | the plan of a run, its path states and its traffic |
//! | [`nodes`] | the server, the players and their links, which drive the engine |
//! | [`model`] | what was sent and what must hold |
//! | [`simulator`] | the clock, faults, the attacker, and the checks after faults |
//! | [`campaign`], [`report`], [`totals`] | many runs and their result |

#![allow(clippy::match_overlapping_arm, reason = "a number takes the first arm whose bound exceeds it")]

mod campaign;
mod draw;
mod model;
mod nodes;
mod report;
mod simulator;
mod totals;

use self::campaign::{Campaign, Extent};
use crate::report::verdict::Verdict;
use crate::scenario::number_in;
use std::ops::Range;
use std::path::PathBuf;

/// Default number of simulated hours.
const HOURS_DEFAULT: f64 = 1.0;

#[derive(clap::Args, Clone, Debug)]
#[command(after_long_help = LONG_HELP)]
pub struct Arguments {
    /// Seed of the run; with --hours, of the first run.
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Seeds of all runs, as in 1..100, which excludes 100.
    #[arg(long, value_name = "FROM..TO", value_parser = seeds)]
    seeds: Option<Range<u64>>,
    /// Hours of simulated time, after which no new run starts; default, if no seed is given: 1.
    #[arg(long, value_name = "H", conflicts_with = "seeds", value_parser = hours)]
    hours: Option<f64>,
    /// Players in every run; default: drawn, 1 to 12.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=200))]
    clients: Option<u64>,
    /// Minutes of traffic and faults in every run. Recovery phases come on top.
    #[arg(long, value_name = "M", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    minutes: u64,
    /// Runs in parallel; default: one per CPU.
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u64).range(1..=1_024))]
    threads: Option<u64>,
    /// Write the result to this file as one JSON object.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Log every event of the run with its time.
    #[arg(long, requires = "seed", conflicts_with = "hours")]
    log: bool,
    /// Continue after a violation.
    #[arg(long)]
    keep_going: bool,
}

const LONG_HELP: &str = "\
What is simulated: loss up to 30 %, random and in bursts; jitter, reordering, duplicates, bit errors; slow lines with \
queues; paths that drop large datagrams; outages of one or both directions, shorter and longer than the timeout; changed \
addresses, with and without the client's knowledge; clients and servers that die and restart; disconnects by either side; \
rekeying every minute; changing priorities and rates; more messages than can be sent; links that have no room to send; \
low memory; replayed datagrams and garbage from any address.

What is checked:
  - While a session exists, its reliable messages arrive once and unaltered, and in order on ordered channels. This also \
holds after the session resumes over another connection. Sequenced messages never arrive out of order. Unreliable ones \
arrive at most once.
  - No sequence number is used for two datagrams.
  - An endpoint gives up a connection only after the timeout, and never on a clear path.
  - Memory stays within its bound, and is freed once everything has arrived.
  - Unknown addresses never get more bytes than they sent.
  - After each phase of faults, within a stated time: every client is connected again, a message gets through both ways, \
everything missing arrives, and keys can still change.

Examples:
  ringshard-bench simulate                      one simulated hour; it takes seconds
  ringshard-bench simulate --hours 300          a campaign
  ringshard-bench simulate --seed 17 --log      one run with all events

Exit codes: 0: no violation. 1: a violation; its seed and the command that reproduces it are printed. 130: interrupted, \
without a violation until then.";

fn hours(text: &str) -> Result<f64, String> {
    number_in(text, 0.001..=1e6)
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let parse = |part: &str| part.trim().parse::<u64>().map_err(|_| format!("`{part}` is not a number"));
    let (from, to) = text.split_once("..").ok_or("seeds are written FROM..TO, as in 1..100")?;
    let range = parse(from)?..parse(to)?;
    if range.is_empty() { Err("there is no seed in that range".to_owned()) } else { Ok(range) }
}

/// Runs the command.
///
/// # Errors
/// If the result cannot be written.
pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let extent = match (&arguments.seeds, arguments.seed, arguments.hours) {
        (Some(seeds), ..) => Extent::Seeds(seeds.clone()),
        (None, Some(seed), None) => Extent::Seeds(seed..seed + 1),
        (None, seed, hours) => Extent::Hours { from: seed.unwrap_or(1), hours: hours.unwrap_or(HOURS_DEFAULT) },
    };
    let campaign = Campaign {
        extent,
        clients: arguments.clients.map(|clients| clients as usize),
        minutes: arguments.minutes,
        threads: match arguments.threads {
            Some(threads) => threads as usize,
            None => std::thread::available_parallelism().map_or(1, usize::from),
        },
        log: arguments.log,
        keep_going: arguments.keep_going,
    };
    let result = campaign.run();
    print!("{}", report::page(&result));
    if let Some(path) = &arguments.json {
        let text = report::json(&result).map_err(|error| error.to_string())?;
        std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    for failure in &result.failures {
        eprintln!("ringshard-bench: {failure}");
    }
    match result.failures.is_empty() {
        true => Ok(Verdict::of_computed(Vec::new())),
        false => Ok(Verdict::Violated),
    }
}
