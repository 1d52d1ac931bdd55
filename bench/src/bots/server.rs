//! The server whose world the bots are in: one of our own, or a running one.

use super::options::Arguments;
use crate::scenario::{Scenario, option_name};
use crate::server_process::Server;
use crate::system::usage::{Usage, usage};
use ringshard::ops::admin::AdminClient;
use ringshard::ops::report::ServerReport;
use ringshard_protocol::crypto::PublicKey;
use std::net::SocketAddr;

pub struct WorldServer {
    pub address: SocketAddr,
    pub key: PublicKey,
    source: ServerSource,
}

enum ServerSource {
    Own(Server),
    /// Its admin client, if its admin address is known.
    RunningServer(Option<AdminClient>),
}

/// What was seen of a server at one moment.
pub struct Observation {
    /// None if its admin address is unknown.
    pub report: Option<ServerReport>,
    /// Zeros if it runs on another machine.
    pub usage: Usage,
}

impl WorldServer {
    /// Starts a server, unless the arguments name a running one.
    pub fn new(arguments: &Arguments, scenario: &Scenario) -> Result<Self, String> {
        let Some((address, key)) = arguments.running.server() else {
            let own = Server::start_with(scenario, &options(arguments))?;
            return Ok(WorldServer { address: own.address, key: own.key, source: ServerSource::Own(own) });
        };
        let admin_client = |admin| AdminClient::with_token_file(admin, arguments.admin_token_file.as_deref());
        let admin_client = arguments.admin.map(admin_client).transpose().map_err(|error| error.to_string())?;
        Ok(WorldServer { address, key, source: ServerSource::RunningServer(admin_client) })
    }

    /// Its own report, and its usage according to the kernel.
    pub fn look(&self) -> Result<Observation, String> {
        match &self.source {
            ServerSource::Own(server) => Ok(Observation { report: Some(server.report()?), usage: server.usage() }),
            ServerSource::RunningServer(None) => Ok(Observation { report: None, usage: Usage::default() }),
            ServerSource::RunningServer(Some(admin_client)) => {
                let report: ServerReport = admin_client.get("/stats").map_err(|error| error.to_string())?;
                // This kernel knows nothing about processes elsewhere.
                let usage =
                    if admin_client.address().ip().is_loopback() { usage(report.pid) } else { Usage::default() };
                Ok(Observation { report: Some(report), usage })
            }
        }
    }

    /// Stops a server of our own; leaves a running one alone.
    pub fn stop(self) -> Result<(), String> {
        match self.source {
            ServerSource::Own(server) => server.stop(),
            ServerSource::RunningServer(_) => Ok(()),
        }
    }
}

fn options(arguments: &Arguments) -> Vec<String> {
    // Shots are entities, too, and the address hash spreads players unevenly over the cores.
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
    let map = arguments.map.map.iter().map(|path| ("--map", path.display().to_string()));
    options.into_iter().chain(map).flat_map(|(option, value)| [option.to_owned(), value]).collect()
}
