//! The Ringshard server and the commands around it.

#![forbid(unsafe_code)]

mod admin;
mod bundle;
mod capture;
mod command_line;
mod config;
mod doctor;
mod histograms;
mod keygen;
mod manual;
mod orders;
mod output;
mod serve;
mod sessions;
mod sheet;
mod times;
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
    /// Make a server key; prints the public half, which clients pin. --public prints that of a key there is.
    Keygen(keygen::Arguments),
    /// Show the latency histograms of a running server, per core and stage.
    Histograms(histograms::Arguments),
    /// Capture the datagrams of a running server into a file that Wireshark reads.
    Capture(capture::Arguments),
    /// Open the datagrams of a capture, with the secrets that were captured along with it.
    Decrypt(capture::DecryptArguments),
    /// List the connections of a running server.
    Sessions(sessions::Arguments),
    /// Have a running server let nobody in any more, and end when all have left or have had their time.
    Drain(orders::Arguments),
    /// Have a running server read its settings anew. Exit code 1 when some of what has changed needs a restart.
    Reload(orders::Arguments),
    /// End connections of a running server; a client that was told so does not come back by itself.
    Kick(orders::KickArguments),
    /// Watch a running server: cores, drops and connections, from second to second.
    Top(top::Arguments),
    /// Gather what there is to know of a running server and its host into one file, to hand to somebody else.
    Report(bundle::Arguments),
    /// Print completions for a shell: `ringshard completions bash > /etc/bash_completion.d/ringshard`.
    Completions(manual::CompletionsArguments),
    /// Write manual pages, one a command.
    Man(manual::ManArguments),
}

impl Command {
    /// The settings that it takes, if it takes any.
    fn sources_mut(&mut self) -> Option<&mut Sources> {
        match self {
            Command::Serve(sources) => Some(sources),
            Command::Config(config::Arguments::Check(sources) | config::Arguments::Print(sources)) => Some(sources),
            _ => None,
        }
    }
}

fn main() -> ExitCode {
    let result = match command_line::parse().command {
        Command::Serve(sources) => serve::run(&sources),
        Command::Config(arguments) => config::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Keygen(arguments) => keygen::run(&arguments),
        Command::Histograms(arguments) => histograms::run(&arguments),
        Command::Capture(arguments) => capture::run(&arguments),
        Command::Decrypt(arguments) => capture::run_decrypt(&arguments),
        Command::Sessions(arguments) => sessions::run(&arguments),
        Command::Drain(arguments) => orders::drain(&arguments),
        Command::Reload(arguments) => orders::reload(&arguments),
        Command::Kick(arguments) => orders::kick(&arguments),
        Command::Top(arguments) => top::run(&arguments),
        Command::Report(arguments) => bundle::run(&arguments),
        Command::Completions(arguments) => manual::completions::<Arguments>(&arguments),
        Command::Man(arguments) => manual::man::<Arguments>(&arguments),
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
