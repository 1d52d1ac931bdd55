//! The Ringshard server and the commands around it.

#![forbid(unsafe_code)]

mod accounts;
mod admin;
mod arguments;
mod balance;
mod call;
mod capture;
mod config;
mod control;
mod doctor;
mod duration;
mod failure;
mod find;
mod fleet;
mod gateway;
mod histograms;
mod keygen;
mod login;
mod manual;
mod map;
mod output;
mod path;
mod places;
mod play;
mod relay;
mod report;
mod resources;
mod restored;
#[cfg(feature = "scripts")]
mod script;
mod serve;
mod services_folder;
mod sessions;
mod table;
mod tiles;
mod top;
mod units;

use arguments::{Arguments, Command};
use clap::Parser;
use ringshard::config::parse_command_line;
use std::process::ExitCode;

fn main() -> ExitCode {
    let (mut arguments, misplaced) = parse_command_line(|words| Arguments::try_parse_from(words));
    misplaced.report_with(arguments.command.sources_mut());
    let result = match arguments.command {
        Command::Serve(sources) => serve::run(&sources),
        Command::Gateway(arguments) => gateway::run(&arguments),
        Command::Balance(arguments) => balance::run(&arguments),
        Command::Relay(arguments) => relay::run(&arguments),
        Command::Config(arguments) => config::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Keygen(arguments) => keygen::run(&arguments),
        Command::Histograms(arguments) => histograms::run(&arguments),
        Command::Capture(arguments) => capture::run(&arguments),
        Command::Decrypt(arguments) => capture::run_decrypt(&arguments),
        Command::Path(arguments) => path::run(&arguments),
        Command::Fleet(arguments) => fleet::run(&arguments),
        Command::Find(arguments) => find::run(&arguments),
        Command::Sessions(arguments) => sessions::run(&arguments),
        Command::Drain(arguments) => control::drain(&arguments),
        Command::Reload(arguments) => control::reload(&arguments),
        Command::Kick(arguments) => control::kick(&arguments),
        Command::Top(arguments) => top::run(&arguments),
        Command::Call(arguments) => return call::run(&arguments),
        Command::Play(arguments) => play::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Map(arguments) => map::run(&arguments),
        Command::Resources(arguments) => resources::run(&arguments),
        Command::Accounts(arguments) => accounts::run(&arguments),
        Command::Places(arguments) => places::run(&arguments),
        Command::Tiles(arguments) => tiles::run(&arguments),
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
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
