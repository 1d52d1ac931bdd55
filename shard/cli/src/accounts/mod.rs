//! `ringshard accounts`

mod calibrate;
mod lines;
mod list;
mod show;
mod state;

use crate::output;
use clap::Subcommand;
use ringshard_services::accounts::{Administration, Profile};
use std::error::Error;

/// The end of `ringshard accounts --help`.
pub const FIRST_STEPS: &str = "\
All of them work beside a running server. ACCOUNT is an id, an email or a name.

First steps:
  ringshard accounts list --dir /var/lib/ringshard/services
  ringshard accounts show ann@example.com
  ringshard accounts disable ann@example.com    # its player leaves the world within 5 s
  ringshard accounts backup accounts-monday.db";

/// Arguments of `accounts`.
#[derive(Subcommand)]
pub enum Arguments {
    /// List accounts, by id.
    List(list::Arguments),
    /// Show an account: its sessions, devices and accounts elsewhere.
    ///
    /// Exit code 1 if there is no such account.
    Show(show::Arguments),
    /// Disable an account, and end its sessions.
    ///
    /// Its player leaves the world of a running server within 5 s.
    Disable(state::Arguments),
    /// Enable an account that was disabled.
    Enable(state::Arguments),
    /// Give an account a new password, end its sessions, and remove its devices.
    ///
    /// Prints the password if it makes one.
    Reset(state::ResetArguments),
    /// Make accounts from lines of JSON: all of them, or none if a line is wrong.
    ///
    /// A line has `name`, and may have `id`, `email`, `created` (milliseconds since 1970), `disabled`, `password` (an Argon2id
    /// hash, as a PHC string), `devices` and `identities`, as `ringshard accounts export` writes them. Logins to a running
    /// server wait meanwhile, so import many accounts before it opens.
    Import(lines::ImportArguments),
    /// Write all accounts as lines of JSON.
    Export(lines::ExportArguments),
    /// Copy the database to a new file while the server runs, and check the copy.
    ///
    /// To restore it, stop the server, remove accounts.db-wal and accounts.db-shm, and copy it to accounts.db.
    Backup(lines::BackupArguments),
    /// Measure what a password costs on this host, to choose the parameters of Argon2id.
    Calibrate(calibrate::Arguments),
}

/// Runs `ringshard accounts`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    match arguments {
        Arguments::List(arguments) => list::run(arguments),
        Arguments::Show(arguments) => show::run(arguments),
        Arguments::Disable(arguments) => state::run(arguments, true),
        Arguments::Enable(arguments) => state::run(arguments, false),
        Arguments::Reset(arguments) => state::reset(arguments),
        Arguments::Import(arguments) => lines::import(arguments),
        Arguments::Export(arguments) => lines::export(arguments),
        Arguments::Backup(arguments) => lines::backup(arguments),
        Arguments::Calibrate(arguments) => calibrate::run(arguments),
    }
}

/// The account that an operator names.
fn find(admin: &Administration, text: &str) -> Result<Profile, Box<dyn Error>> {
    let found = admin.find(text)?;
    found.ok_or_else(|| {
        format!("no account has the id, email or name {text}: `ringshard accounts list` lists all").into()
    })
}

/// An account in a sentence.
fn named(account: &Profile) -> String {
    match &account.email {
        Some(email) => format!("{} (account {}, {email})", account.name, account.id),
        None => format!("{} (account {})", account.name, account.id),
    }
}

/// A time in milliseconds since 1970, for people.
fn moment(millis: u64) -> String {
    let time = i64::try_from(millis).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    time.map_or_else(|| "-".into(), |time| time.strftime("%Y-%m-%d %H:%M").to_string())
}

/// Prints a fact on a line.
fn fact(name: &str, value: impl std::fmt::Display) -> Result<(), output::PrintError> {
    output::print_line(format_args!("{name:<10} {value}"))
}
