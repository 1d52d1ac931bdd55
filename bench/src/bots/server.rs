//! The server whose world the bots are in: one of our own, or one that runs already.

use super::Arguments;
use crate::process::{Server, Usage, usage};
use crate::scenario::{Scenario, option_name};
use ringshard::ops::admin::AdminClient;
use ringshard::ops::report::ServerReport;
use ringshard_protocol::crypto::PublicKey;
use std::net::SocketAddr;

/// A server with a world.
pub struct WorldServer {
    pub address: SocketAddr,
    pub key: PublicKey,
    whose: Whose,
}

enum Whose {
    Own(Server),
    /// Asked where its operator asks, if that is known.
    Running(Option<AdminClient>),
}

/// What was seen of a server at one moment.
pub struct Seen {
    /// None of one that cannot be asked.
    pub report: Option<ServerReport>,
    /// Zeros of one that runs elsewhere.
    pub usage: Usage,
}

impl WorldServer {
    /// Starts one, unless there is one.
    pub fn new(arguments: &Arguments, scenario: &Scenario) -> Result<Self, String> {
        let Some((address, key)) = arguments.running.server() else {
            let own = Server::start_with(scenario, &options(arguments))?;
            return Ok(WorldServer { address: own.address, key: own.key, whose: Whose::Own(own) });
        };
        let asker = |admin| AdminClient::with_token_file(admin, arguments.admin_token_file.as_deref());
        let asker = arguments.admin.map(asker).transpose().map_err(|error| error.to_string())?;
        Ok(WorldServer { address, key, whose: Whose::Running(asker) })
    }

    /// What it says of itself, and the system of it.
    pub fn look(&self) -> Result<Seen, String> {
        match &self.whose {
            Whose::Own(server) => Ok(Seen { report: Some(server.report()?), usage: server.usage() }),
            Whose::Running(None) => Ok(Seen { report: None, usage: Usage::default() }),
            Whose::Running(Some(asker)) => {
                let report: ServerReport = asker.get("/stats").map_err(|error| error.to_string())?;
                // Of a process elsewhere, this system knows nothing.
                let usage = if asker.address().ip().is_loopback() { usage(report.pid) } else { Usage::default() };
                Ok(Seen { report: Some(report), usage })
            }
        }
    }

    /// Stops one of our own; leaves another alone.
    pub fn stop(self) -> Result<(), String> {
        match self.whose {
            Whose::Own(server) => server.stop(),
            Whose::Running(_) => Ok(()),
        }
    }
}

fn options(arguments: &Arguments) -> Vec<String> {
    // Shots take places, too; and players fall on cores by address hash, unevenly.
    let entities = ((arguments.clients + arguments.npcs) * 2 + 1_000).min(65_536);
    let options = [
        ("--game", "demo".to_owned()),
        ("--layout", option_name(arguments.layout)),
        ("--npcs", arguments.npcs.to_string()),
        ("--entities", entities.to_string()),
        ("--visible", arguments.visible.to_string()),
        ("--near", arguments.near.to_string()),
        ("--snapshot-bytes", arguments.snapshot_bytes.to_string()),
    ];
    options.into_iter().flat_map(|(option, value)| [option.to_owned(), value]).collect()
}
