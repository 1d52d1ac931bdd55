//! What the file of the fleet says about nodes.

use super::PlaceId;
use crate::model::Name;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
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

/// Whether others can send to this address: it is `HOST:PORT`, and no wildcard such as `0.0.0.0`, which says where to listen.
pub fn is_reachable(address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else { return false };
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_wildcard = ip.is_ok_and(|ip| ip.to_canonical().is_unspecified());
    !host.is_empty() && !is_wildcard && port.parse::<u16>().is_ok_and(|port| port != 0)
}

/// What is wrong with the nodes of a file, each with what it must be.
pub fn faults_of_nodes(nodes: &[StaticNode]) -> Vec<String> {
    let (mut faults, mut places) = (Vec::new(), BTreeMap::new());
    for StaticNode { name, address, .. } in nodes {
        if !is_reachable(address) {
            faults.push(format!(
                "nodes: the address of {name} is {address:?}, but must be HOST:PORT, as others reach it"
            ));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_no_address_that_others_reach() {
        for address in ["a.example:1", "192.0.2.1:3600", "127.0.0.1:3600", "[2001:db8::1]:65535"] {
            assert!(is_reachable(address), "{address}");
        }
        for address in
            ["0.0.0.0:3600", "[::]:3600", ":::3600", "[::ffff:0.0.0.0]:3600", "a:0", "a", "a:", ":1", "a:65536", ""]
        {
            assert!(!is_reachable(address), "{address}");
        }
        let node = |address: &str| StaticNode {
            name: "n".parse().unwrap(),
            region: "eu".parse().unwrap(),
            address: address.to_owned(),
            admin: None,
        };
        assert!(faults_of_nodes(&[node("192.0.2.1:3600")]).is_empty());
        let faults = faults_of_nodes(&[node("0.0.0.0:3600")]);
        assert!(faults[0].contains("\"0.0.0.0:3600\", but must be HOST:PORT, as others reach it"), "{faults:?}");
    }
}
