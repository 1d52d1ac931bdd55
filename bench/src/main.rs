//! Puts load on a real server with real clients, simulates whole systems, and judges the results.

#![deny(unsafe_code)]

mod bots;
mod compute;
mod delivery_check;
mod echo;
mod flood;
mod floor;
mod hostile;
mod load;
mod overload;
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
mod wander;

use self::report::verdict::Verdict;
use self::system::interrupt;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Load generator and verification for Ringshard.
///
/// Each command starts its own server process, drives it over loopback from other CPUs, and stops it. Only `compute` and
/// the simulations start none. `soak` and `bots` can also use a running server, and `wander` needs a fleet of them. Ctrl-C ends a run early and reports what
/// was measured; a second Ctrl-C ends it at once.
///
/// Exit codes: 0: the run finished and met every target. 1: the run did not start, or a simulation found a violation.
/// 2: a target was missed. 3: a target was missed, but the load generator was overloaded or other programs used the
/// server's CPUs, so the result says nothing about the server. 130: the run was interrupted.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Verify 600,000 encrypted packets/s in and out. Then measure one socket per client, and the cost of the
    /// kernel alone.
    Verify(verify::Arguments),
    /// Echo messages through an encrypted server.
    Echo(echo::Arguments),
    /// Run players in a world: they walk, fight and chat, and check what they see.
    Bots(bots::Arguments),
    /// Run more players than a server holds: 1.5, 2 and 3 times as many. Measure the age of inputs, rates, and recovery.
    Overload(overload::Arguments),
    /// Measure what serving a world costs on one core, without a network; with --cores, on 1 to 64 cores.
    Compute(compute::Arguments),
    /// Run the load of `echo` on a plain recvmmsg/sendmmsg echo server: the cost of the kernel alone. With --relay, on a
    /// bare sketch of the encrypted path: the cost of kernel and cipher.
    Floor(floor::Arguments),
    /// Flood a server from unknown addresses while players play and new clients join.
    Flood(flood::Arguments),
    /// Run players beside peers that have valid keys but break the protocol.
    Hostile(hostile::Arguments),
    /// Send reliable messages from a server to its clients as fast as possible, and check each one.
    Transfer(transfer::Arguments),
    /// Echo reliable messages for a long time, check every echo, and watch the server's memory.
    Soak(soak::Arguments),
    /// Simulate servers, clients and bad networks, and check every guarantee. Starts no process.
    Simulate(simulate::Arguments),
    /// Simulate random joins, losses and returns of players. Check after each step that no player is lost, and that none
    /// stays who should be gone.
    SimulateLives(simulate_lives::Arguments),
    /// Simulate a world on several cores behind a bad network, and compare every player's view with the server's world.
    SimulateWorld(simulate_world::Arguments),
    /// Let players of a running fleet walk from zone to zone. Check that no session and no word is lost.
    Wander(wander::Arguments),
    /// The server process that `floor` starts.
    #[command(hide = true)]
    FloorServer(floor::server::Arguments),
    /// The server process that `floor --relay` starts.
    #[command(hide = true)]
    FloorRelayServer(floor::relay::server::Arguments),
    /// The server process that `transfer` starts.
    #[command(hide = true)]
    TransferServer(transfer::server::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::try_parse().unwrap_or_else(|error| {
        let _ = error.print();
        // clap's own code, 2, means a missed target here.
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
    // Server processes keep the default signal handling.
    let serves = matches!(command, Command::FloorServer(_) | Command::FloorRelayServer(_) | Command::TransferServer(_));
    if !serves {
        interrupt::listen()?;
    }
    match command {
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Echo(arguments) => echo::run(&arguments),
        Command::Bots(arguments) => bots::run(&arguments),
        Command::Overload(arguments) => overload::run(&arguments),
        Command::Compute(arguments) => compute::run(&arguments),
        Command::Floor(arguments) => floor::run(&arguments),
        Command::Flood(arguments) => flood::run(&arguments),
        Command::Hostile(arguments) => hostile::run(&arguments),
        Command::Transfer(arguments) => transfer::run(&arguments),
        Command::Soak(arguments) => soak::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::SimulateLives(arguments) => simulate_lives::run(&arguments),
        Command::SimulateWorld(arguments) => simulate_world::run(&arguments),
        Command::Wander(arguments) => wander::run(&arguments),
        Command::FloorServer(arguments) => floor::server::run(&arguments).map(|()| Verdict::Pass),
        Command::FloorRelayServer(arguments) => floor::relay::server::run(&arguments).map(|()| Verdict::Pass),
        Command::TransferServer(arguments) => transfer::server::run(&arguments).map(|()| Verdict::Pass),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_command_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
