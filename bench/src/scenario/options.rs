//! Options that several commands share.

use super::values::{Cipher, Datapath, Flows, IdleStrategy, Rate};
use ringshard::config::key_files::load_pre_shared;
use ringshard_link::conditions::NetworkSpec;
use ringshard_protocol::client::ClientConfig;
use ringshard_protocol::crypto::PublicKey;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Options that all load commands share.
#[derive(clap::Args, Clone, Debug)]
// Other commands' arguments, which are called so too, have these within them.
#[group(skip)]
pub struct Arguments {
    /// distinct: a socket per client. relay: many clients behind each socket, as behind an edge or relay server.
    #[arg(long, value_enum, default_value = "relay")]
    pub flows: Flows,
    /// Clients.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub clients: usize,
    /// Messages per second and client; `max`, which echo and floor take, keeps a window of messages in flight instead.
    /// Default: max for echo and floor, 60 for flood and hostile.
    #[arg(long, value_name = "HZ|max")]
    pub rate: Option<Rate>,
    /// Bytes in a message.
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    pub size: usize,
    /// Seconds measured, after a second of warm-up.
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    pub secs: f64,
    #[command(flatten)]
    pub place: Place,
    /// Write the result to this file as one JSON object.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl Arguments {
    /// The load of a command that can go as fast as it goes, and does unless told otherwise.
    pub fn load(&self) -> Load {
        let Arguments { flows, clients, rate, size, secs, .. } = *self;
        Load { flows, clients, rate: rate.unwrap_or(Rate::Max), size, secs }
    }

    /// The load of players, who play at a steady rate.
    pub fn players(&self) -> Result<Load, String> {
        match self.rate {
            Some(Rate::Max) => Err("--rate is max; players play at a steady rate, such as 60".to_owned()),
            rate => Ok(Load { rate: rate.unwrap_or(Rate::Hz(60.0)), ..self.load() }),
        }
    }
}

/// What lies between clients and server, where both speak the protocol.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct Network {
    /// Put the clients behind a bad network: `delay=25ms,loss=1%`; --help explains all.
    #[arg(long, value_name = "SPEC", long_help = network_help())]
    pub network: Option<NetworkSpec>,
}

pub fn network_help() -> String {
    format!(
        "Put the clients behind a bad network, as in\n\
         --network delay=25ms,jitter=5ms,loss=1%,burst=0.2%x8,rate=100mbit,queue=256k,seed=7\n\n\
         It is done to what the clients send and to what they receive, each by itself: a round trip has the delay \
         twice. Each of the clients' sockets is a path of its own, with its own draws and its own line; with relay flows \
         all clients behind a socket share it. The server's side is as it is. Floors are not measured beside it. Verdicts \
         allow for what was asked for: targets of time grow by the longest that a round trip takes in that network, and \
         targets of loss and rate by what it really lost. Parts, \
         in any order; what is left out does not happen:\n\n{}",
        NetworkSpec::syntax()
    )
}

/// Where things run.
#[derive(clap::Args, Clone, Debug)]
pub struct Place {
    /// Processors of the server; default: the first half.
    #[arg(long, value_name = "N,N,...", value_delimiter = ',')]
    pub server_cpus: Vec<usize>,
    /// Processors of the load generator; default: the others.
    #[arg(long, value_name = "N,N,...", value_delimiter = ',')]
    pub client_cpus: Vec<usize>,
    /// Sockets of relay flows; default: 64.
    #[arg(long, value_name = "N")]
    pub relays: Option<usize>,
}

/// How a server of our own serves.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Serving {
    /// The server's cipher.
    #[arg(long, value_enum, default_value = "chacha")]
    pub cipher: Cipher,
    /// The server's datapath.
    #[arg(long, value_enum, default_value = "auto")]
    pub datapath: Datapath,
    /// How the server waits.
    #[arg(long, value_enum, default_value = "adaptive")]
    pub idle: IdleStrategy,
    /// Have the server leave arrivals unstamped.
    #[arg(long)]
    pub no_arrival_stamps: bool,
}

/// Settings of a `ringshard serve` of our own.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Settings {
    /// A setting of the server, as `ringshard serve --help` has them: --set connection-messages-per-second=0.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_setting)]
    pub settings: Vec<Setting>,
}

/// A setting of the server: its name and its value.
pub type Setting = (String, String);

pub fn parse_setting(text: &str) -> Result<Setting, String> {
    let (name, value) = text.split_once('=').ok_or("give it as name=value")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A server that runs already, on this machine or another.
#[derive(clap::Args, Clone, Debug)]
pub struct Running {
    /// Use a server that runs already, on this machine or another; default: start one.
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        requires = "key",
        conflicts_with_all = ["server_cpus", "cipher", "datapath", "idle", "no_arrival_stamps", "settings"]
    )]
    pub server: Option<SocketAddr>,
    /// Its public key, which it logs when it starts.
    #[arg(long, value_name = "HEX", requires = "server", value_parser = PublicKey::from_hex)]
    pub key: Option<PublicKey>,
    /// The pre-shared key that it wants, if it wants one: a file as its own pre-shared-key names.
    #[arg(long, value_name = "FILE", requires = "server")]
    pub pre_shared_key: Option<PathBuf>,
}

impl Running {
    /// What its clients must know, or those of a server of our own with this key.
    pub fn client_config(&self, key: PublicKey) -> Result<ClientConfig, String> {
        let pre_shared = self.pre_shared_key.as_deref().map(load_pre_shared).transpose();
        Ok(ClientConfig { pre_shared: pre_shared.map_err(|error| error.to_string())?, ..ClientConfig::new(key) })
    }

    /// Its address and its key; None when there is to be a server of our own.
    pub fn server(&self) -> Option<(SocketAddr, PublicKey)> {
        self.server.zip(self.key)
    }
}

/// What the clients of a run do, as it was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub flows: Flows,
    pub clients: usize,
    pub rate: Rate,
    /// Bytes in a message.
    pub size: usize,
    /// Seconds measured.
    pub secs: f64,
}
