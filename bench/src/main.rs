//! Drives a real server with real clients, and says what came of it.

#![deny(unsafe_code)]

mod bots;
mod compute;
mod delivery_check;
mod echo;
mod flood;
mod floor;
mod hostile;
mod load;
mod random;
mod report;
mod scenario;
mod server_process;
mod simulate;
mod simulate_lives;
mod simulate_world;
mod soak;
mod system;
mod terminal;
mod transfer;
mod verify;

use self::report::verdict::Verdict;
use self::system::interrupt;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Load generator and verification for Ringshard.
///
/// Every command starts its own server process on its own processors, drives it from the others over loopback, and
/// stops it; soak and bots can also use one that runs already. Ctrl-C ends a run early, with a report of what was
/// measured; once more ends it at once.
///
/// Exit code 0: it ran, and what was to be verified holds. 1: it did not run, or a simulation found a violation. 2: it
/// ran and missed a target. 3: it missed a target, but the load generator was overloaded, or other programs used the
/// server's processors, so that this says nothing about the server. 130: it was cut short.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Verify 600,000 packets/s in and out, through the whole encrypted path, and show what else this machine does.
    Verify(verify::Arguments),
    /// Echo messages through an encrypted server.
    Echo(echo::Arguments),
    /// Players in a world: they walk, fight and workload, and check what they see of each other.
    Bots(bots::Arguments),
    /// What serving a world costs without a network, on one core.
    Compute(compute::Arguments),
    /// The same load on a plain recvmmsg/sendmmsg echo server, without protocol: what the kernel alone costs.
    Floor(scenario::Arguments),
    /// Players at a steady rate while strangers flood the server, and honest newcomers who join meanwhile.
    Flood(flood::Arguments),
    /// Players at a steady rate, alone and beside peers with valid keys that send what no correct client would.
    Hostile(hostile::Arguments),
    /// Send reliable messages from a server to its clients as fast as they go, and check every one.
    Transfer(transfer::Arguments),
    /// Reliable messages to a server and back for a long time, every echo checked, the server's memory watched.
    Soak(soak::Arguments),
    /// Simulate the whole system, with everything that can go wrong, and audit what it guarantees. Starts no process.
    Simulate(simulate::Arguments),
    /// Walk through the lives of players at random, step by step, and check after each that nobody is lost or left over.
    SimulateLives(simulate_lives::Arguments),
    /// Simulate a world of several cores and its players, on a bad network, and hold every view against the server's.
    SimulateWorld(simulate_world::Arguments),
    /// The server that `floor` starts.
    #[command(hide = true)]
    FloorServer(floor::server::Arguments),
    /// The server that `transfer` starts.
    #[command(hide = true)]
    TransferServer(transfer::server::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::try_parse().unwrap_or_else(|error| {
        let _ = error.print();
        // 2 would say that a target was missed.
        std::process::exit(if error.use_stderr() { 1 } else { 0 });
    });
    match run(arguments.command) {
        Ok(verdict) => ExitCode::from(verdict.exit_code()),
        Err(error) => {
            eprintln!("ringshard-bench: {error}");
            if interrupt::is_requested() { ExitCode::from(interrupt::EXIT_CODE) } else { ExitCode::FAILURE }
        }
    }
}

fn run(command: Command) -> Result<Verdict, String> {
    // Servers end when they are told to, as they are.
    if !matches!(command, Command::FloorServer(_) | Command::TransferServer(_)) {
        interrupt::listen()?;
    }
    match command {
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Echo(arguments) => echo::run(&arguments),
        Command::Bots(arguments) => bots::run(&arguments),
        Command::Compute(arguments) => compute::run(&arguments),
        Command::Floor(arguments) => floor::run(&arguments),
        Command::Flood(arguments) => flood::run(&arguments),
        Command::Hostile(arguments) => hostile::run(&arguments),
        Command::Transfer(arguments) => transfer::run(&arguments),
        Command::Soak(arguments) => soak::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::SimulateLives(arguments) => simulate_lives::run(&arguments),
        Command::SimulateWorld(arguments) => simulate_world::run(&arguments),
        Command::FloorServer(arguments) => floor::server::run(&arguments).map(|()| Verdict::Pass),
        Command::TransferServer(arguments) => transfer::server::run(&arguments).map(|()| Verdict::Pass),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_command_can_be_asked_for() {
        Arguments::command().debug_assert();
    }
}
