//! The options of `ringshard relay`.

use crate::model::Name;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Most clients, unless an option says otherwise.
const CLIENTS_MAX: u32 = 32_768;

/// The options.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// File of the fleet: its nodes and hosts or its registry, and the table `[relays]`.
    #[arg(long = "fleet", value_name = "FILE", env = "RINGSHARD_FLEET", default_value = "/etc/ringshard/fleet.toml")]
    pub fleet: PathBuf,
    /// Name of this node, unique among the nodes of the fleet.
    #[arg(long)]
    pub name: Name,
    /// Region that it stands in. By default that of its entry `[[nodes]]`, or `default`.
    #[arg(long)]
    pub region: Option<Name>,
    /// Where it listens for other nodes: ADDRESS:PORT, UDP.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Where other nodes reach it: HOST:PORT. By default that of its entry `[[nodes]]`, or `listen`, unless that is a wildcard
    /// such as 0.0.0.0.
    #[arg(long, value_name = "HOST:PORT")]
    pub address: Option<String>,
    /// Where clients reach a host through this node: HOST=ADDRESS:PORT, UDP. May be repeated. With a door, the node is an edge.
    #[arg(long = "door", value_name = "HOST=ADDRESS")]
    pub doors: Vec<Door>,
    /// File with the key with which this edge vouches for the addresses of clients. The hosts list it in `gateway-keys`; without
    /// it, they see the address of the last node.
    #[arg(long, value_name = "FILE")]
    pub gateway_key: Option<PathBuf>,
    /// Where metrics and the state of the node are, over HTTP.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3590")]
    pub admin: SocketAddr,
    /// Most clients: at the doors, and as the last node of their route. Each takes a socket at its last node.
    #[arg(long, value_name = "N", default_value_t = CLIENTS_MAX, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub clients_max: u32,
}

/// A door: where clients reach a host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Door {
    /// The host.
    pub host: Name,
    /// Where clients connect.
    pub listen: SocketAddr,
}

impl FromStr for Door {
    type Err = String;

    fn from_str(text: &str) -> Result<Door, String> {
        let (host, listen) = text.split_once('=').ok_or("it must be HOST=ADDRESS:PORT")?;
        let host = host.parse().map_err(|error| format!("{error}"))?;
        let listen = listen.parse().map_err(|_| format!("{listen:?} must be ADDRESS:PORT, such as 0.0.0.0:3565"))?;
        Ok(Door { host, listen })
    }
}

impl Options {
    /// What is wrong with them together.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (at, door) in self.doors.iter().enumerate() {
            if self.doors[..at].iter().any(|other| other.host == door.host) {
                faults.push(format!("two doors lead to {}: one is enough", door.host));
            }
        }
        for door in self.doors.iter().filter(|door| door.listen.port() == 0) {
            faults.push(format!("the door to {} has port 0, but clients must know its port: give it one", door.host));
        }
        if self.gateway_key.is_some() && self.doors.is_empty() {
            faults.push("--gateway-key is for edges: give it a --door, or leave it away".to_owned());
        }
        faults
    }
}
