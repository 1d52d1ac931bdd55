//! Drives a real server with real clients, and says what came of it.

#![deny(unsafe_code)]

mod bots;
mod compute;
mod echo;
mod fleet;
mod flood;
mod floor;
mod generator;
mod hostile;
mod ledger;
mod peer;
mod process;
mod report;
mod scenario;
mod simulate;
mod simulate_world;
mod soak;
mod transfer;
mod verify;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Load generator and verification for Ringshard.
///
/// Every command starts its own server process on its own processors, drives it from the others over loopback, and
/// stops it. Exit code 0: it ran, and what was to be verified holds. 1: it did not run. 2: it ran and missed its target.
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
    /// Players in a world: they walk, fight and talk, and check what they see of each other.
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
    /// Simulate the whole system, with everything that can go wrong, and audit what it promises. Starts no process.
    Simulate(simulate::Arguments),
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
    let result = match Arguments::parse().command {
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
        Command::SimulateWorld(arguments) => simulate_world::run(&arguments),
        Command::FloorServer(arguments) => floor::server::run(&arguments).map(|()| true),
        Command::TransferServer(arguments) => transfer::server::run(&arguments).map(|()| true),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(2),
        Err(error) => {
            eprintln!("ringshard-bench: {error}");
            ExitCode::FAILURE
        }
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
