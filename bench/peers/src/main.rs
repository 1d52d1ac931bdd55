//! The same echo and the same transfer over Ringshard and other network libraries, on one machine, side by side.
//!
//! | module | for | may use |
//! |---|---|---|
//! | `measure` | one row: a server process, its clients, the search for the maximum | all below, `report` |
//! | `report` | the table, and JSON | `libraries` for names |
//! | `harness` | the clients' sockets and loads, one thread | `libraries` |
//! | `libraries` | a server and a client of each library | `conversation`, `datagrams` |
//! | `server_process` | starts a server, reads its CPU time and memory | `libraries` for names |
//! | `conversation` | what clients and servers say | |
//! | `datagrams` | a list of datagrams | |

mod conversation;
mod datagrams;
mod harness;
mod libraries;
mod measure;
mod report;
mod server_process;

use self::conversation::{TRANSFER_BYTES, Task};
use self::libraries::{Library, ServeOptions};
use self::measure::{Case, Rate, Settings, measure};
use self::report::Row;
use clap::{Parser, Subcommand, ValueEnum};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Messages per second of a client at the low rate.
const LOW_HZ: f64 = 30.0;

/// Measures the same echo and the same transfer over Ringshard and other network libraries.
///
/// Each server is a process of its own on one CPU; all clients share one thread on another. Prints one table.
///
/// Exit codes: 0: every row has figures and at least 99 % of its messages arrived. 1: it did not start. 2: a row failed, or lost
/// more.
#[derive(Parser)]
#[command(name = "peers", args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Measure only these libraries, separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<Library>,
    /// Measure only the echo, or only the transfer
    #[arg(long)]
    task: Option<Task>,
    /// Length of each measurement, in seconds
    #[arg(long, value_name = "N", default_value_t = 3.0, value_parser = seconds)]
    secs: f64,
    /// Also write the rows to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only check that every library works: four clients, a fraction of a second each. Its figures mean nothing
    #[arg(long)]
    smoke: bool,
    /// CPU of the servers
    #[arg(long, value_name = "CPU", default_value_t = 0)]
    server_cpu: usize,
    /// CPU of the clients
    #[arg(long, value_name = "CPU", default_value_t = 1)]
    client_cpu: usize,
}

#[derive(Subcommand)]
enum Command {
    /// The server process of a library.
    #[command(hide = true)]
    Serve(ServeArguments),
}

#[derive(clap::Args)]
struct ServeArguments {
    #[arg(long)]
    library: Library,
    #[arg(long)]
    task: Task,
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    cpu: usize,
    #[arg(long)]
    clients: usize,
    #[arg(long)]
    on_tick: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "a number of seconds is needed, such as 3".to_owned())?;
    if (0.1..=600.0).contains(&value) { Ok(value) } else { Err("0.1 to 600 seconds are possible".into()) }
}

fn main() -> ExitCode {
    let arguments = Arguments::try_parse().unwrap_or_else(|error| {
        let _ = error.print();
        // clap's own code, 2, means a failed row here.
        std::process::exit(if error.use_stderr() { 1 } else { 0 });
    });
    let ended = match &arguments.command {
        Some(Command::Serve(serving)) => serve(serving),
        None => compare(&arguments),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("peers: {error}");
        ExitCode::FAILURE
    })
}

fn serve(arguments: &ServeArguments) -> Result<ExitCode, String> {
    let &ServeArguments { library, task, listen, cpu, clients, on_tick } = arguments;
    server_process::end_with_parent();
    pin(cpu)?;
    match library.serve(&ServeOptions { listen, cpu, task, clients, on_tick })? {}
}

fn compare(arguments: &Arguments) -> Result<ExitCode, String> {
    if arguments.server_cpu == arguments.client_cpu {
        return Err(
            "the servers and the clients need a CPU each: --server-cpu and --client-cpu name the same one".into()
        );
    }
    pin(arguments.client_cpu)?;
    raise_file_limit();
    let settings = match arguments.smoke {
        false => Settings {
            server_cpu: arguments.server_cpu,
            time: Duration::from_secs_f64(arguments.secs),
            probe: Duration::from_millis(500),
            warm_up: Duration::from_millis(300),
        },
        true => Settings {
            server_cpu: arguments.server_cpu,
            time: Duration::from_millis(200),
            probe: Duration::ZERO,
            warm_up: Duration::from_millis(50),
        },
    };
    let mut cases = if arguments.smoke { smoke_cases() } else { all_cases() };
    cases.retain(|case| arguments.task.is_none_or(|task| case.task == task));
    let libraries = if arguments.only.is_empty() { Library::value_variants() } else { &arguments.only };
    let rows = measure_all(&cases, libraries, &settings);
    print!("{}", report::table(&rows));
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?;
        std::fs::write(path, text + "\n").map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(if rows.iter().all(Row::is_met) { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// Libraries take turns at each case, so that a change of the machine's speed meets all of them.
fn measure_all(cases: &[Case], libraries: &[Library], settings: &Settings) -> Vec<Row> {
    let pairs = cases.iter().flat_map(|case| libraries.iter().map(move |&library| (case, library)));
    let pairs: Vec<_> = pairs.filter(|(case, library)| case.task == Task::Echo || library.is_reliable()).collect();
    let mut rows = Vec::new();
    for (at, &(case, library)) in pairs.iter().enumerate() {
        let (name, total) = (library.name(), pairs.len());
        eprintln!("peers: {} of {total}: {name}, {case}", at + 1);
        rows.push(measure(library, *case, settings).unwrap_or_else(|error| {
            eprintln!("peers: {name} failed: {error}");
            Row::failed(library, case, error)
        }));
    }
    rows
}

/// A window of one message keeps every library from putting several messages into a datagram.
fn all_cases() -> Vec<Case> {
    let echo = |clients, bytes, rate, window| Case { task: Task::Echo, clients, bytes, rate, window };
    let mut cases = Vec::new();
    for (rate, window) in [(Rate::Max, None), (Rate::Max, Some(1)), (Rate::Hz(LOW_HZ), None)] {
        for clients in [64, 1_000] {
            cases.extend([64, 200].map(|bytes| echo(clients, bytes, rate, window)));
        }
    }
    cases.push(transfer(64));
    cases
}

fn smoke_cases() -> Vec<Case> {
    let echo = |rate, window| Case { task: Task::Echo, clients: 4, bytes: 64, rate, window };
    vec![echo(Rate::Max, Some(4)), echo(Rate::Hz(LOW_HZ), None), transfer(4)]
}

fn transfer(clients: usize) -> Case {
    Case { task: Task::Transfer, clients, bytes: TRANSFER_BYTES, rate: Rate::Max, window: None }
}

/// Pins this thread, and all that it starts, to a CPU.
fn pin(cpu: usize) -> Result<(), String> {
    let mut set = CpuSet::new();
    set.set(cpu)
        .and_then(|()| sched_setaffinity(Pid::from_raw(0), &set))
        .map_err(|error| format!("cannot run on CPU {cpu}: {error}. Choose others with --server-cpu and --client-cpu"))
}

/// Raises the limit of open files: each client has a socket.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_option_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
