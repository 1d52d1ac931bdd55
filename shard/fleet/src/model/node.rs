//! What an edge or a relay says about itself.

use super::{Name, RunId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A node that carries datagrams between clients and hosts. A node with doors is an edge, another one is a relay.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Node {
    /// Its name, unique among the nodes of the fleet.
    pub name: Name,
    /// The run of its process. None: it is in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The region that it stands in.
    pub region: Name,
    /// Where other nodes reach it: `HOST:PORT`, UDP.
    pub address: String,
    /// Where clients reach hosts through it: `HOST:PORT`, UDP, by the name of the host.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub doors: BTreeMap<Name, String>,
    /// Name of the key with which it vouches for the addresses of clients: [`gateway_name`]. None: it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// Version of its program.
    #[serde(default)]
    pub version: String,
    /// What it measured of its links.
    #[serde(default)]
    pub links: Links,
}

impl Node {
    /// Longest record of a node, in bytes. It has room for links to 63 nodes and to the 334 hosts that SCALE.md plans with, and
    /// for a door to each of these hosts; without doors, for links to 1,000 hosts. All that with the longest names.
    pub const RECORD_BYTES_MAX: usize = 128 * 1024;
}

/// The name of a gateway's key ([`GatewayKey::name`](ringshard_protocol::gateway::GatewayKey::name)) as text: its bytes as
/// hexadecimal digits.
pub fn gateway_name(name: u64) -> String {
    format!("{:016x}", name.swap_bytes())
}

/// The links of a node, as it measured them.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Links {
    /// To other nodes.
    #[serde(default)]
    pub nodes: BTreeMap<Name, Quality>,
    /// To hosts.
    #[serde(default)]
    pub hosts: BTreeMap<Name, Quality>,
}

/// How good a link is, in coarse steps: it changes only when the link has really changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Quality {
    /// Whether probes are answered.
    pub up: bool,
    /// Smoothed round trip, in milliseconds, rounded up.
    pub round_trip_ms: u16,
    /// Probes without an answer, in percent of the last hundred.
    pub loss_percent: u8,
}

impl Quality {
    /// A link over which nothing is answered.
    pub const DOWN: Quality = Quality { up: false, round_trip_ms: 0, loss_percent: 100 };
}
