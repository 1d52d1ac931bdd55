//! Options that several commands share.

use super::values::{Cipher, Datapath, Flows, IdleStrategy, Rate};
use ringshard::config::key_files::load_pre_shared;
use ringshard::open_map;
use ringshard_link::conditions::NetworkSpec;
use ringshard_protocol::client::ClientConfig;
use ringshard_protocol::crypto::PublicKey;
use ringshard_terrain::Terrain;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Options of all load commands.
#[derive(clap::Args, Clone, Debug)]
// Other commands flatten this into an `Arguments` of their own, whose group would have the same name.
#[group(skip)]
pub struct Arguments {
    /// distinct: one socket per client. relay: many clients per socket, as behind an edge or relay server.
    #[arg(long, value_enum, default_value = "relay")]
    pub flows: Flows,
    /// Clients.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub clients: usize,
    /// Messages per second and client. With `max` (echo and floor only) each client keeps messages in flight and sends
    /// when answers arrive. Default: max for echo and floor, 60 for flood and hostile.
    #[arg(long, value_name = "HZ|max")]
    pub rate: Option<Rate>,
    /// Bytes per message.
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    pub size: usize,
    /// Seconds to measure, after one second of warm-up.
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    pub secs: f64,
    #[command(flatten)]
    pub place: Placement,
    /// Write the result to this file as one JSON object.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl Arguments {
    /// The load of a command that runs at full speed by default.
    pub fn load(&self) -> Load {
        let Arguments { flows, clients, rate, size, secs, .. } = *self;
        Load { flows, clients, rate: rate.unwrap_or(Rate::Max), size, secs }
    }

    /// The load of players, who send at a steady rate.
    pub fn players(&self) -> Result<Load, String> {
        match self.rate {
            Some(Rate::Max) => Err("--rate is max; players need a steady rate, such as 60".to_owned()),
            rate => Ok(Load { rate: rate.unwrap_or(Rate::Hz(60.0)), ..self.load() }),
        }
    }
}

/// A simulated network between clients and server.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct NetworkOptions {
    /// Put the clients behind a simulated bad network: `delay=25ms,loss=1%`. --help explains the syntax.
    #[arg(long, value_name = "SPEC", long_help = network_help())]
    pub network: Option<NetworkSpec>,
}

pub fn network_help() -> String {
    format!(
        "Put the clients behind a simulated bad network, for example:\n\
         --network delay=25ms,jitter=5ms,loss=1%,burst=0.2%x8,rate=100mbit,queue=256k,seed=7\n\n\
         It applies to each direction, so a round trip has the delay twice. Each client socket has its own path, with its \
         own random draws and rate; with relay flows all clients of a socket share it. The load \
         generator simulates the network; the server runs as usual. No floor is measured. The targets adapt: time \
         targets grow by the longest possible round trip of that network. The loss that it caused raises the loss \
         target and lowers the rate target. All parts are optional, in any order:\n\n{}",
        NetworkSpec::syntax()
    )
}

/// Where server and clients run.
#[derive(clap::Args, Clone, Debug)]
pub struct Placement {
    /// CPUs of the server; default: the first half.
    #[arg(long, value_name = "N,N,...", value_delimiter = ',')]
    pub server_cpus: Vec<usize>,
    /// CPUs of the load generator; default: the others.
    #[arg(long, value_name = "N,N,...", value_delimiter = ',')]
    pub client_cpus: Vec<usize>,
    /// Sockets of relay flows; default: 64.
    #[arg(long, value_name = "N")]
    pub relays: Option<usize>,
}

/// How a server of our own runs.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ServerOptions {
    /// The server's cipher.
    #[arg(long, value_enum, default_value = "chacha")]
    pub cipher: Cipher,
    /// The server's datapath.
    #[arg(long, value_enum, default_value = "auto")]
    pub datapath: Datapath,
    /// How the server waits for datagrams.
    #[arg(long, value_enum, default_value = "adaptive")]
    pub idle: IdleStrategy,
    /// Do not time-stamp arrivals in the server.
    #[arg(long)]
    pub no_arrival_stamps: bool,
}

/// Settings of a server of our own.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Settings {
    /// A setting of the server, as in `ringshard serve --help`: --set connection-messages-per-second=0.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_setting)]
    pub settings: Vec<Setting>,
}

/// Where a server of our own and its clients run, how it runs, and where the result goes.
#[derive(clap::Args, Clone, Debug)]
pub struct RunOptions {
    #[command(flatten)]
    pub place: Placement,
    #[command(flatten)]
    pub serving: ServerOptions,
    #[command(flatten)]
    pub settings: Settings,
    /// Write the result to this file as one JSON object.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// The map of a world.
#[derive(clap::Args, Clone, Debug)]
pub struct MapOption {
    /// Map file of the world: `ringshard map` makes one. Without it, the world is level ground.
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
}

impl MapOption {
    /// Its terrain.
    pub fn terrain(&self) -> Result<Arc<Terrain>, String> {
        match &self.map {
            Some(path) => open_map(path).map(Arc::new).map_err(|error| error.to_string()),
            None => Ok(Terrain::shared_flat()),
        }
    }
}

/// Name and value of a setting of the server.
pub type Setting = (String, String);

pub fn parse_setting(text: &str) -> Result<Setting, String> {
    let (name, value) = text.split_once('=').ok_or("give it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A running server, on this machine or another.
#[derive(clap::Args, Clone, Debug)]
pub struct RunningServer {
    /// Use a running server, on this machine or another; default: start one.
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        requires = "key",
        conflicts_with_all = ["server_cpus", "cipher", "datapath", "idle", "no_arrival_stamps", "settings"]
    )]
    pub server: Option<SocketAddr>,
    /// Public key of --server, which that server logs when it starts.
    #[arg(long, value_name = "HEX", requires = "server", value_parser = PublicKey::from_hex)]
    pub key: Option<PublicKey>,
    /// The pre-shared-key file of --server, if it has one.
    #[arg(long, value_name = "FILE", requires = "server")]
    pub pre_shared_key: Option<PathBuf>,
}

impl RunningServer {
    /// The configuration of its clients, or of clients of a server of our own with this key.
    pub fn client_config(&self, key: PublicKey) -> Result<ClientConfig, String> {
        let pre_shared = self.pre_shared_key.as_deref().map(load_pre_shared).transpose();
        Ok(ClientConfig { pre_shared: pre_shared.map_err(|error| error.to_string())?, ..ClientConfig::new(key) })
    }

    /// Its address and key; None if a server of our own is to be started.
    pub fn server(&self) -> Option<(SocketAddr, PublicKey)> {
        self.server.zip(self.key)
    }
}

/// The requested load.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub flows: Flows,
    pub clients: usize,
    pub rate: Rate,
    /// Bytes per message.
    pub size: usize,
    /// Seconds to measure.
    pub secs: f64,
}
