//! The Ringshard server and the commands around it.

#![forbid(unsafe_code)]

mod doctor;
mod histograms;
mod keygen;
mod serve;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Where a server answers questions about itself, unless told otherwise.
const ADMIN_DEFAULT: &str = "127.0.0.1:3566";

/// A thread-per-core packet engine and world server.
#[derive(Parser)]
#[command(
    version,
    after_help = "First steps:\n  ringshard keygen --out server.key\n  ringshard serve --key server.key\n  \
                  ringshard histograms --watch"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a server until Ctrl-C or SIGTERM; a second one ends it at once, without telling its clients.
    Serve(serve::Arguments),
    /// Look at this host: what of it slows a server down, and the command that mends it. Exit code 1 when it cannot serve.
    Doctor(doctor::Arguments),
    /// Make a server key; prints the public half, which clients pin.
    Keygen(keygen::Arguments),
    /// Show the latency histograms of a running server, per core and stage.
    Histograms(histograms::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Keygen(arguments) => keygen::run(&arguments),
        Command::Histograms(arguments) => histograms::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ringshard: {error}");
            ExitCode::FAILURE
        }
    }
}
