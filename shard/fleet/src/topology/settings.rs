//! What the file of the fleet says about nodes.

use super::PlaceId;
use crate::model::Name;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Most nodes of a fleet: each probes all others.
pub const NODES_MAX: usize = 64;

/// The table `[relays]` of a fleet's file.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RelaySettings {
    /// File with the key that all nodes share: 64 hexadecimal digits. Servers do not need it.
    pub key_file: PathBuf,
    /// Whether an edge may speak to hosts itself. Where it may not, hosts need to be reached by relays alone.
    #[serde(default = "yes")]
    pub direct: bool,
}

fn yes() -> bool {
    true
}

/// A node: an entry `[[nodes]]` in the file of the fleet.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StaticNode {
    /// Its name.
    pub name: Name,
    /// The region that it stands in.
    pub region: Name,
    /// Where other nodes reach it: `HOST:PORT`, UDP.
    pub address: String,
    /// Its admin port, where `ringshard fleet routes` asks for its links. Not needed with etcd.
    pub admin: Option<SocketAddr>,
}

/// What is wrong with the nodes of a file, each with what it must be.
pub fn faults_of_nodes(nodes: &[StaticNode]) -> Vec<String> {
    let (mut faults, mut places) = (Vec::new(), BTreeMap::new());
    for StaticNode { name, address, .. } in nodes {
        let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
        if !matches!(port, Some(Ok(port)) if port != 0) {
            faults.push(format!("nodes: the address of {name} is {address:?}, but must be HOST:PORT"));
        }
        match places.insert(PlaceId::of_node(name), name) {
            Some(other) if other == name => faults.push(format!("nodes: two have the name {name}: each needs its own")),
            Some(other) => faults.push(format!("nodes: {name} and {other} have the same short id: rename one of them")),
            None => {}
        }
    }
    if nodes.len() > NODES_MAX {
        faults.push(format!("nodes: there are {}, but a fleet has at most {NODES_MAX}", nodes.len()));
    }
    faults
}
