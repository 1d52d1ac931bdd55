//! What a run does: options, and the processors it runs on.

use clap::ValueEnum;
use ringshard::config::key_files::load_pre_shared;
use ringshard_link::conditions::NetworkSpec;
use ringshard_protocol::client::ClientConfig;
use ringshard_protocol::crypto::PublicKey;
use ringshard_protocol::limits::WHOLE_MESSAGE_BYTES_MAX;
use serde::Serialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Smallest payload: time stamp, mark and number of the sender.
pub const PAYLOAD_BYTES_MIN: usize = 16;
/// Sockets of relay flows, unless it is said.
const RELAYS: usize = 64;

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

fn network_help() -> String {
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
    pub idle: IdleArgument,
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

fn parse_setting(text: &str) -> Result<Setting, String> {
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
    server: Option<SocketAddr>,
    /// Its public key, which it logs when it starts.
    #[arg(long, value_name = "HEX", requires = "server", value_parser = PublicKey::from_hex)]
    key: Option<PublicKey>,
    /// The pre-shared key that it wants, if it wants one: a file as its own pre-shared-key names.
    #[arg(long, value_name = "FILE", requires = "server")]
    pre_shared_key: Option<PathBuf>,
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

/// How clients share sockets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Flows {
    /// One socket each.
    Distinct,
    /// Many behind each.
    Relay,
}

/// A cipher to hold the server to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Cipher {
    /// ChaCha20-Poly1305.
    #[default]
    Chacha,
    /// AES-128-GCM.
    Aes,
}

/// A datapath to ask the server for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Datapath {
    /// io_uring where it can be had.
    #[default]
    Auto,
    /// io_uring.
    Uring,
    /// recvmmsg and sendmmsg.
    Mmsg,
}

/// A way to wait to ask the server for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum IdleArgument {
    /// Never.
    Busy,
    /// Gathering under load.
    #[default]
    Adaptive,
    /// Always gathering.
    Park,
}

/// A number of an option that must lie in a range.
pub fn number_in(text: &str, range: std::ops::RangeInclusive<f64>) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("give a number from {} to {}", range.start(), range.end())),
    }
}

/// The name of a choice as its option has it.
pub fn option_name(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// How fast each client sends.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Rate {
    /// So many messages a second, at times fixed in advance.
    Hz(f64),
    /// As fast as answers come back.
    Max,
}

impl std::str::FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<f64>() {
            _ if text == "max" => Ok(Rate::Max),
            Ok(hz) if (0.01..=100_000.0).contains(&hz) => Ok(Rate::Hz(hz)),
            _ => Err("give messages per second, 0.01 to 100000, or `max`".into()),
        }
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

/// A run, validated.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub flows: Flows,
    pub clients: usize,
    pub sockets: usize,
    pub rate: Rate,
    pub payload_bytes: usize,
    pub measure: Duration,
    pub server_cpus: Vec<usize>,
    pub client_cpus: Vec<usize>,
    pub cipher: Cipher,
    pub datapath: Datapath,
    pub idle: IdleArgument,
    pub arrival_stamps: bool,
    /// Further settings of the server.
    pub settings: Vec<Setting>,
    /// Conditions between clients and server.
    pub network: Option<NetworkSpec>,
}

impl Scenario {
    /// Checks the options against each other and against this machine.
    pub fn new(
        load: Load,
        place: &Place,
        serving: &Serving,
        settings: &Settings,
        network: Option<NetworkSpec>,
    ) -> Result<Self, String> {
        let Load { flows, clients, rate, size, secs } = load;
        let (server_cpus, client_cpus) = split_cpus(place)?;
        let most = match flows {
            Flows::Distinct => 15_000,
            Flows::Relay => 65_536,
        };
        if !(1..=most).contains(&clients) {
            return Err(format!("--clients is {clients}; with {} flows it is 1 to {most}", option_name(flows)));
        }
        if !(PAYLOAD_BYTES_MIN..=WHOLE_MESSAGE_BYTES_MAX).contains(&size) {
            return Err(format!("--size is {size}; it is {PAYLOAD_BYTES_MIN} to {WHOLE_MESSAGE_BYTES_MAX}"));
        }
        if !(0.1..=3600.0).contains(&secs) {
            return Err(format!("--secs is {secs}; it is 0.1 to 3600"));
        }
        let relays = place.relays.unwrap_or(RELAYS);
        if !(1..=4096).contains(&relays) {
            return Err(format!("--relays is {relays}; it is 1 to 4096"));
        }
        if place.relays.is_some() && flows == Flows::Distinct {
            return Err("--relays does nothing with distinct flows; use --flows relay, or leave it out".to_owned());
        }
        let sockets = match flows {
            Flows::Distinct => clients,
            Flows::Relay => relays.clamp(client_cpus.len().min(clients), clients),
        };
        Ok(Scenario {
            flows,
            clients,
            sockets,
            rate,
            payload_bytes: size,
            measure: Duration::from_secs_f64(secs),
            server_cpus,
            client_cpus,
            cipher: serving.cipher,
            datapath: serving.datapath,
            idle: serving.idle,
            arrival_stamps: !serving.no_arrival_stamps,
            settings: settings.settings.clone(),
            network,
        })
    }
}

/// The processors of each side: what was asked for, or the first half for the server and the rest for the clients.
fn split_cpus(place: &Place) -> Result<(Vec<usize>, Vec<usize>), String> {
    let all: Vec<usize> = core_affinity::get_core_ids().unwrap_or_default().iter().map(|core| core.id).collect();
    if let Some(cpu) = place.server_cpus.iter().chain(&place.client_cpus).find(|cpu| !all.contains(cpu)) {
        return Err(format!("there is no processor {cpu} here; there are {all:?}"));
    }
    let half = (all.len() / 2).max(1);
    let server = match place.server_cpus.is_empty() {
        true => all.iter().copied().filter(|cpu| !place.client_cpus.contains(cpu)).take(half).collect(),
        false => place.server_cpus.clone(),
    };
    let client: Vec<usize> = match place.client_cpus.is_empty() {
        true => all.iter().copied().filter(|cpu| !server.contains(cpu)).collect(),
        false => place.client_cpus.clone(),
    };
    match (server.is_empty(), client.is_empty()) {
        // One processor for both: figures mean little, but everything runs.
        (false, true) => Ok((server.clone(), server)),
        (true, false) => Ok((client.clone(), client)),
        _ => Ok((server, client)),
    }
}
