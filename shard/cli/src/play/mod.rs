//! `ringshard play`: plays a game in Luau in a terminal.
//!
//! | module | for |
//! |---|---|
//! | `keys` | what the player presses, as inputs |
//! | `line` | what the player types, as messages and asks |
//! | `session` | the connection, and what was heard of the game |
//! | `screen` | what is drawn |
//! | `terminal` | the terminal: draws on it, reads keys, and restores it at the end |
//! | `bot` | a player without a terminal, which walks about and reports |

mod bot;
mod keys;
mod line;
mod screen;
mod session;
mod terminal;

use crate::login::{self, EntryArguments, LoginArguments};
use ringshard_client::PublicKey;
use ringshard_scripts_rules::ScriptRules;
use ringshard_terrain::Terrain;
use session::Session;
use std::error::Error;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The end of `ringshard play --help`.
pub const EXAMPLES: &str = "\
A guest, who needs the server's public key:
  ringshard play 203.0.113.7:3565 --key KEY --name ann

A player with an account. The login tells the key:
  ringshard play 203.0.113.7:3565 --login https://play.example.com:3567 --email ann@example.com";

/// How long the login door may take for an answer.
const LOGIN_TIME: Duration = Duration::from_secs(10);

/// Arguments of `play`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Address of the server, such as 203.0.113.7:3565.
    #[arg(value_name = "ADDRESS", default_value = "127.0.0.1:3565")]
    server: String,
    /// The server's public key: 64 hexadecimal digits, which the server logs when it starts. A login tells it.
    #[arg(long, value_name = "KEY", required_unless_present = "login")]
    key: Option<String>,
    /// The map file, if the server has one. It must be the same file.
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// The name of a guest. A player with a ticket or a login has the name of its account.
    #[arg(long, value_name = "NAME", default_value = "player", conflicts_with_all = ["ticket", "login"])]
    name: String,
    /// Play without a terminal for so many seconds: walk about, press buttons, and report.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    bot: Option<u32>,
    /// Report as JSON.
    #[arg(long, requires = "bot")]
    json: bool,
    /// How the player enters.
    #[command(flatten)]
    entry: EntryArguments,
    /// Who logs in.
    #[command(flatten)]
    account: LoginArguments,
}

/// Runs `ringshard play`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let Arguments { server, key, map, name, bot, json, entry, account } = arguments;
    entry.check(account)?;
    let key = key.as_deref().map(PublicKey::from_hex).transpose().map_err(|error| format!("--key: {error}"))?;
    let terrain = match map {
        Some(path) => ringshard::world::map_file::open_map(path)?,
        None => Terrain::flat(),
    };
    let rules = ScriptRules::new(Arc::new(terrain));
    if bot.is_none() && !std::io::stdout().is_terminal() {
        return Err("standard output is not a terminal: `ringshard play --bot 10` plays without one".into());
    }
    let entrance = login::entrance(entry, account, key, LOGIN_TIME)?;
    let is_guest = entry.ticket.is_none() && entry.login.is_none();
    let ticket = if is_guest { name.as_bytes() } else { &entrance.ticket };
    let session = Session::connect(server, entrance.key, rules, ticket);
    let played = session.and_then(|session| match bot {
        Some(seconds) => bot::run(session, Duration::from_secs((*seconds).into()), *json),
        None => terminal::show(session),
    });
    entrance.end();
    played
}
