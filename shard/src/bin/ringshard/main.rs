//! The Ringshard server and the commands around it.

#![forbid(unsafe_code)]

mod admin;
mod bundle;
mod capture;
mod config;
mod doctor;
mod histograms;
mod keygen;
mod output;
mod serve;
mod sessions;
mod sheet;
mod top;
mod units;

use clap::{Parser, Subcommand};
use ringshard::config::Sources;
use std::process::ExitCode;

/// A thread-per-core packet engine and world server.
#[derive(Parser)]
#[command(
    version,
    after_help = "First steps:\n  ringshard keygen --out server.key\n  ringshard serve --key server.key\n  \
                  ringshard histograms --watch          # or open http://127.0.0.1:3566"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a server. Ctrl-C or SIGTERM drain it, a second one ends it now, a third without a word to its clients; SIGHUP
    /// reloads its settings, SIGUSR2 dumps histograms and connections into a file.
    Serve(Sources),
    /// Check settings, print them, or describe their file.
    #[command(subcommand)]
    Config(config::Arguments),
    /// Look at this host: what of it slows a server down, and the command that mends it. Exit code 1 when it cannot serve.
    Doctor(doctor::Arguments),
    /// Make a server key; prints the public half, which clients pin.
    Keygen(keygen::Arguments),
    /// Show the latency histograms of a running server, per core and stage.
    Histograms(histograms::Arguments),
    /// Capture the datagrams of a running server into a file that Wireshark reads.
    Capture(capture::Arguments),
    /// Open the datagrams of a capture, with the secrets that were captured along with it.
    Decrypt(capture::DecryptArguments),
    /// List the connections of a running server.
    Sessions(sessions::Arguments),
    /// Watch a running server: cores, drops and connections, from second to second.
    Top(top::Arguments),
    /// Gather what there is to know of a running server and its host into one file, to hand to somebody else.
    Report(bundle::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Serve(sources) => serve::run(&sources),
        Command::Config(arguments) => config::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Keygen(arguments) => keygen::run(&arguments),
        Command::Histograms(arguments) => histograms::run(&arguments),
        Command::Capture(arguments) => capture::run(&arguments),
        Command::Decrypt(arguments) => capture::run_decrypt(&arguments),
        Command::Sessions(arguments) => sessions::run(&arguments),
        Command::Top(arguments) => top::run(&arguments),
        Command::Report(arguments) => bundle::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if output::is_closed(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            output::remark(format_args!("ringshard: {error}"));
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
