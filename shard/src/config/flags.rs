//! Every setting as a flag. The environment is read along with the flags.

use super::setting_metadata::Setting;
use super::settings::all_settings;
use super::sources::Sources;
use super::value_format::ValueKind;
use super::value_source::{FILE_VARIABLE, VARIABLE_PREFIX};
use clap::{Arg, ArgMatches, Command};
use std::ffi::OsString;
use std::path::PathBuf;

/// The flag that names the file.
const FILE_FLAG: &str = "config";

impl clap::Args for Sources {
    fn augment_args(command: Command) -> Command {
        add_flags(command, all_settings(), "ringshard config print")
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// Adds the flag of the file, and one for each setting. `print` is the command that prints a file with all settings.
pub(super) fn add_flags(command: Command, table: &'static [Setting], print: &str) -> Command {
    let file = Arg::new(FILE_FLAG)
        .long(FILE_FLAG)
        .value_name("FILE")
        .env(FILE_VARIABLE)
        .hide_env(true)
        .value_parser(clap::value_parser!(PathBuf))
        .help(format!(
            "TOML file with settings; `{print}` prints a template. Each setting can also be an environment variable, \
                 such as RINGSHARD_MAX_CONNECTIONS. Flags win over the environment, which wins over the file"
        ));
    assert!(table.iter().all(|setting| setting.name != FILE_FLAG), "a setting has the name of the file flag");
    table.iter().fold(command.arg(file), |command, setting| command.arg(flag(setting)))
}

fn flag(setting: &'static Setting) -> Arg {
    let default = if setting.default.is_empty() { "none" } else { setting.default };
    let live = if setting.live { "; reloadable" } else { "" };
    Arg::new(setting.name.as_str())
        .long(setting.name.as_str())
        .value_name(setting.placeholder.as_str())
        .help_heading(setting.group)
        // A negative number is out of every range. Accepted here, it is reported with the range.
        .allow_negative_numbers(matches!(
            setting.kind,
            ValueKind::Whole(..) | ValueKind::Decimal(..) | ValueKind::Milliseconds(..)
        ))
        .help(format!("{} Must be {} [default: {default}{live}]", setting.help, setting.expects))
}

impl clap::FromArgMatches for Sources {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(read_flags(matches, all_settings()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The file and the flags of the command line, and the environment.
pub(super) fn read_flags(matches: &ArgMatches, table: &'static [Setting]) -> Sources {
    let flags = table.iter().filter_map(|setting| {
        let value = matches.get_one::<String>(&setting.name)?;
        Some((setting.name.clone(), value.clone()))
    });
    let file = matches.get_one::<PathBuf>(FILE_FLAG).cloned();
    Sources { file, environment: environment(), flags: flags.collect(), ..Sources::default() }
}

/// The environment variables that are meant as settings.
fn environment() -> Vec<(String, String)> {
    let text = |(name, value): (OsString, OsString)| {
        // A value that is not UTF-8 is no value of any setting; it is reported as it looks.
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    };
    // Kubernetes sets these in every container if a service is named ringshard.
    let of_a_service = |name: &str| name.starts_with("RINGSHARD_SERVICE_") || name.starts_with("RINGSHARD_PORT");
    // Settings of `ringshard gateway`, all but one with such a name.
    let of_the_gateway = |name: &str| name.starts_with("RINGSHARD_GATEWAY_") && name != "RINGSHARD_GATEWAY_KEYS";
    let is_setting = |(name, _): &(String, String)| {
        name.starts_with(VARIABLE_PREFIX) && !of_a_service(name) && !of_the_gateway(name)
    };
    std::env::vars_os().filter_map(text).filter(is_setting).collect()
}
