//! `ringshard accounts disable`, `enable` and `reset`

use super::{find, named};
use crate::output;
use crate::services_folder::ServicesFolder;
use ringshard_services::accounts::{PasswordCost, Secret};
use std::error::Error;
use std::io::Read;

/// Longest input that is taken as a password, in bytes.
const INPUT_BYTES_MAX: u64 = 4_096;

/// Arguments of `accounts disable` and `enable`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    folder: ServicesFolder,
    /// Id, email or name.
    #[arg(value_name = "ACCOUNT")]
    account: String,
}

/// Arguments of `accounts reset`.
#[derive(clap::Args)]
pub struct ResetArguments {
    #[command(flatten)]
    account: Arguments,
    /// Read the new password from standard input, instead of making one. A line end after it is no part of it.
    #[arg(long)]
    stdin: bool,
    /// Keep the devices: they can log in as before.
    #[arg(long)]
    keep_devices: bool,
}

/// Runs `ringshard accounts disable` and `enable`.
pub fn run(arguments: &Arguments, disable: bool) -> Result<(), Box<dyn Error>> {
    let mut admin = arguments.folder.accounts(false)?;
    let account = find(&admin, &arguments.account)?;
    admin.set_disabled(account.id, disable)?;
    let done = if disable { "disabled, and its sessions ended" } else { "enabled" };
    Ok(output::print_line(format_args!("{} is {done}", named(&account)))?)
}

/// Runs `ringshard accounts reset`.
pub fn reset(arguments: &ResetArguments) -> Result<(), Box<dyn Error>> {
    let mut admin = arguments.account.folder.accounts(false)?;
    let account = find(&admin, &arguments.account.account)?;
    let given = if arguments.stdin { Some(read_password()?) } else { None };
    let is_given = given.is_some();
    // A server with other parameters takes its own at the next login.
    let cost = PasswordCost::default();
    let set = admin.reset(account.id, given, cost, arguments.keep_devices)?;
    let Secret(password) = set.ok_or("the account was removed at this moment")?;
    let devices = if arguments.keep_devices { "" } else { ", its devices are removed" };
    output::remark(format_args!("{} has a new password, its sessions ended{devices}", named(&account)));
    match is_given {
        true => Ok(()),
        false => Ok(output::print_line(password)?),
    }
}

fn read_password() -> Result<Secret, Box<dyn Error>> {
    let mut text = String::new();
    let read = std::io::stdin().take(INPUT_BYTES_MAX).read_to_string(&mut text);
    read.map_err(|error| format!("cannot read a password from standard input: {error}"))?;
    let password = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    Ok(Secret::from(password))
}
