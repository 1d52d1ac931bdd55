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

use ringshard_client::PublicKey;
use ringshard_scripts_rules::ScriptRules;
use ringshard_terrain::Terrain;
use session::Session;
use std::error::Error;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Arguments of `play`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Address of the server, such as 203.0.113.7:3565.
    #[arg(value_name = "ADDRESS", default_value = "127.0.0.1:3565")]
    server: String,
    /// The server's public key: 64 hexadecimal digits, which the server logs when it starts.
    #[arg(long, value_name = "KEY")]
    key: String,
    /// The map file, if the server has one. It must be the same file.
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// The player's name.
    #[arg(long, value_name = "NAME", default_value = "player")]
    name: String,
    /// Play without a terminal for so many seconds: walk about, press buttons, and report.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    bot: Option<u32>,
    /// Report as JSON.
    #[arg(long, requires = "bot")]
    json: bool,
}

/// Runs `ringshard play`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let key = PublicKey::from_hex(&arguments.key).map_err(|error| format!("--key: {error}"))?;
    let terrain = match &arguments.map {
        Some(path) => ringshard::world::map_file::open_map(path)?,
        None => Terrain::flat(),
    };
    let rules = ScriptRules::new(Arc::new(terrain));
    let is_bot = arguments.bot.is_some();
    if !is_bot && !std::io::stdout().is_terminal() {
        return Err("standard output is not a terminal: `ringshard play --bot 10` plays without one".into());
    }
    let session = Session::connect(&arguments.server, key, rules, &arguments.name)?;
    match arguments.bot {
        Some(seconds) => bot::run(session, Duration::from_secs(seconds.into()), arguments.json),
        None => terminal::show(session),
    }
}
