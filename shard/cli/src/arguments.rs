//! The command line: all commands and their help.

use crate::{
    accounts, balance, call, capture, config, control, doctor, find, fleet, gateway, histograms, keygen, manual, map,
    path, places, play, relay, report, resources, sessions, tiles, top,
};
use clap::{Parser, Subcommand};
use ringshard::config::Sources;

/// The end of `ringshard --help`.
const FIRST_STEPS: &str = "\
First steps:
  ringshard doctor                     # what slows this host down
  ringshard keygen --out server.key    # prints the public key, which clients pin
  ringshard serve --key server.key     # an echo server on UDP port 3565
  ringshard top                        # in another terminal; or open http://127.0.0.1:3566";

/// A thread-per-core packet engine and world server.
#[derive(Parser)]
#[command(name = "ringshard", version, after_help = FIRST_STEPS)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Run a server.
    ///
    /// Signals: SIGTERM or Ctrl-C drains the server; during the drain, it ends the drain; while the server ends, it disconnects
    /// the clients at once; one more ends the process without notifying clients. SIGHUP reloads the settings that are marked
    /// reloadable, and the script. SIGUSR2 writes histograms and connections to a file.
    Serve(Sources),
    /// Run a gateway: it carries datagrams between servers and clients that cannot send UDP, such as browsers.
    ///
    /// Clients connect over WebSocket, WebTransport, WebRTC or QUIC. Sessions stay encrypted end to end: the gateway has no key
    /// and cannot read them.
    #[command(after_help = gateway::EXAMPLES)]
    Gateway(Box<gateway::Arguments>),
    /// List, show, drain and watch the hosts of a fleet, and keep newcomers away from them.
    #[command(subcommand, after_help = fleet::FIRST_STEPS)]
    Fleet(fleet::Arguments),
    /// Run a balancer: it tells clients on which host of the fleet they play.
    ///
    /// Any number of balancers may run; clients may ask any of them.
    #[command(after_help = balance::EXAMPLES)]
    Balance(Box<balance::Arguments>),
    /// Run a node that carries datagrams between clients and hosts over the best route: an edge near players, or a relay.
    ///
    /// Clients connect to a door of an edge as if it were the host. Nodes measure their links all the time; when one fails,
    /// clients go on over another route within a second. Sessions stay encrypted end to end.
    #[command(after_help = relay::EXAMPLES)]
    Relay(Box<relay::Arguments>),
    /// Check settings, print them, or print their JSON Schema.
    #[command(subcommand)]
    Config(config::Arguments),
    /// Check this host: print what slows a server down, and the command that fixes it.
    ///
    /// Exit code 1 if the host cannot run a server.
    Doctor(doctor::Arguments),
    /// Make a server key, and print its public half, which clients pin.
    Keygen(keygen::Arguments),
    /// Show latency histograms of a running server, by core and stage.
    Histograms(histograms::Arguments),
    /// Capture the datagrams of a running server into a file for Wireshark.
    Capture(capture::Arguments),
    /// Decrypt a capture with the traffic secrets that `ringshard capture --key-log` wrote.
    Decrypt(capture::DecryptArguments),
    /// List the servers that announce themselves in the local network: those with the setting `announce`.
    Find(find::Arguments),
    /// List the connections of a running server.
    Sessions(sessions::Arguments),
    /// Draw the path of a player of a running server: where its steps took it, and where the server has it.
    ///
    /// In a game whose clients say where their characters are, the steps are what the client said. Refusals are marked.
    Path(path::Arguments),
    /// Drain a running server: it admits no new clients, and ends when all have left or drain-ms has passed.
    Drain(control::Arguments),
    /// Reload the settings of a running server.
    ///
    /// Exit code 1 if the new settings are invalid, or if some of them need a restart.
    Reload(control::Arguments),
    /// End connections of a running server. Their clients do not reconnect by themselves.
    Kick(control::KickArguments),
    /// Watch a running server, updated each second: cores, drops and connections.
    Top(top::Arguments),
    /// Play a game in Luau in this terminal.
    ///
    /// Exit code 1 if the server cannot be reached, or refuses the player.
    #[command(after_help = play::EXAMPLES)]
    Play(Box<play::Arguments>),
    /// Call an action of a server, download a resource, or chat: over HTTPS or in the world.
    ///
    /// The server tells the types of its requests, so the command works with each server and each game.
    #[command(after_help = call::EXAMPLES)]
    Call(Box<call::Arguments>),
    /// Collect everything about a running server and its host in one file, to attach to a bug report.
    Report(report::Arguments),
    /// Bake maps from heightmaps and glTF models, look at them, and make a sample map.
    #[command(subcommand, after_help = map::FIRST_STEPS)]
    Map(map::Arguments),
    /// Sign files and add them to what clients download from the server.
    #[command(subcommand, after_help = resources::FIRST_STEPS)]
    Resources(resources::Arguments),
    /// List, show, disable, reset, import, export and back up the accounts of players.
    #[command(subcommand, after_help = accounts::FIRST_STEPS)]
    Accounts(accounts::Arguments),
    /// Import places from CSV or JSON, and search them.
    #[command(subcommand, after_help = places::FIRST_STEPS)]
    Places(places::Arguments),
    /// Show what a PMTiles file has, and take tiles out of it.
    #[command(subcommand, after_help = tiles::FIRST_STEPS)]
    Tiles(tiles::Arguments),
    /// Print completions for a shell: `ringshard completions bash > /etc/bash_completion.d/ringshard`.
    Completions(manual::CompletionsArguments),
    /// Write manual pages, one per command.
    Man(manual::ManArguments),
}

impl Command {
    /// The settings of the command, if it takes any.
    pub fn sources_mut(&mut self) -> Option<&mut Sources> {
        match self {
            Command::Serve(sources) => Some(sources),
            Command::Config(config::Arguments::Check(sources) | config::Arguments::Print(sources)) => Some(sources),
            _ => None,
        }
    }
}
