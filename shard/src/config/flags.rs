//! Every setting as a flag. The environment is read along with them.

use super::settings::keys;
use super::texts::{Sources, VARIABLE_PREFIX};
use super::{Key, Kind};
use clap::{Arg, ArgMatches, Command};
use std::ffi::OsString;
use std::path::PathBuf;

/// The variable, and the flag, that name the file.
pub(super) const FILE_VARIABLE: &str = "RINGSHARD_CONFIG";
const FILE_FLAG: &str = "config";

impl clap::Args for Sources {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new(FILE_FLAG)
            .long(FILE_FLAG)
            .value_name("FILE")
            .env(FILE_VARIABLE)
            .hide_env(true)
            .value_parser(clap::value_parser!(PathBuf))
            .help("File with settings, as of `ringshard config print`. Flags win over the environment, which wins over the file");
        keys().iter().fold(command.arg(file), |command, key| command.arg(flag(key)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn flag(key: &'static Key) -> Arg {
    let default = if key.default.is_empty() { "none" } else { key.default };
    let live = if key.live { "; can change while it runs" } else { "" };
    Arg::new(key.name.as_str())
        .long(key.name.as_str())
        .value_name(key.placeholder.as_str())
        .help_heading(key.group)
        // A negative number is out of every range, which is then what is said of it.
        .allow_negative_numbers(matches!(key.kind, Kind::Whole(..) | Kind::Decimal(..) | Kind::Milliseconds(..)))
        .help(format!("{} It takes {} [default: {default}{live}]", key.help, key.expects))
}

impl clap::FromArgMatches for Sources {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let flags = keys().iter().filter_map(|key| {
            let value = matches.get_one::<String>(&key.name)?;
            Some((key.name.clone(), value.clone()))
        });
        let file = matches.get_one::<PathBuf>(FILE_FLAG).cloned();
        Ok(Sources { file, environment: environment(), flags: flags.collect(), misplaced: Vec::new() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The variables that are meant for us.
fn environment() -> Vec<(String, String)> {
    let text = |(name, value): (OsString, OsString)| {
        // What is no text is no value of any setting, and is told of as it looks.
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    };
    // What Kubernetes tells every container of a service that is called ringshard.
    let of_a_service = |name: &str| name.starts_with("RINGSHARD_SERVICE_") || name.starts_with("RINGSHARD_PORT");
    let ours = |(name, _): &(String, String)| name.starts_with(VARIABLE_PREFIX) && !of_a_service(name);
    std::env::vars_os().filter_map(text).filter(ours).collect()
}
