//! All hosts of a fleet, at one moment.

use super::{Host, Name, Node, Orders, Zones, gateway_name};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// All hosts of a fleet, at one moment. It is immutable: a change makes a new one, so readers need no lock.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Directory {
    /// The revision of the registry that it shows. A later one is higher.
    pub revision: u64,
    /// The hosts that are alive, by name. The state of each includes its orders: a host in maintenance shows
    /// [`Maintenance`](super::HostState::Maintenance) even before it has obeyed.
    pub hosts: BTreeMap<Name, Host>,
    /// What operators have ordered, by the name of the host. The host need not be alive.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub orders: BTreeMap<Name, Orders>,
    /// The edges and relays that are alive, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub nodes: BTreeMap<Name, Node>,
    /// The zones. Without any, no host hands players over.
    #[serde(default, skip_serializing_if = "Zones::is_empty")]
    pub zones: Zones,
}

impl Directory {
    /// Where a client that an edge vouches for with the key of this name
    /// ([`GatewayKey::name`](ringshard_protocol::gateway::GatewayKey::name)) reaches a host through that edge. None if no such edge has a
    /// door to the host whose address is an IP address: a server cannot send a client to a name.
    pub fn door(&self, gateway: u64, host: &Name) -> Option<SocketAddr> {
        let gateway = gateway_name(gateway);
        let edges = self.nodes.values().filter(|node| node.gateway.as_ref() == Some(&gateway));
        let mut addresses = edges.filter_map(|edge| edge.doors.get(host)?.parse::<SocketAddr>().ok());
        addresses.find(|address| !address.ip().is_unspecified())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringshard_protocol::gateway::GatewayKey;

    #[test]
    fn a_client_of_an_edge_goes_on_through_its_doors() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        let keys = [1, 2].map(|byte| GatewayKey::from_bytes([byte; 32]).name());
        let edge = |at: &str, gateway: Option<u64>, doors: &[(&str, &str)]| Node {
            name: name(at),
            run: None,
            region: name("eu"),
            address: String::new(),
            doors: doors.iter().map(|(host, address)| (name(host), (*address).to_owned())).collect(),
            gateway: gateway.map(gateway_name),
            version: String::new(),
            links: Default::default(),
        };
        let mut directory = Directory::default();
        for node in [
            edge("0", Some(keys[0]), &[("west", "0.0.0.0:1")]),
            edge("a", None, &[("west", "192.0.2.1:1"), ("east", "192.0.2.1:2")]),
            edge("b", Some(keys[0]), &[("west", "192.0.2.2:1"), ("east", "edge.example:2")]),
            edge("c", Some(keys[1]), &[("west", "192.0.2.3:1"), ("east", "[2001:db8::3]:2")]),
        ] {
            directory.nodes.insert(node.name.clone(), node);
        }
        let door = |gateway: u64, host: &str| directory.door(gateway, &name(host)).map(|door| door.to_string());
        assert_eq!(door(keys[0], "west").as_deref(), Some("192.0.2.2:1"));
        assert_eq!(door(keys[1], "east").as_deref(), Some("[2001:db8::3]:2"));
        assert_eq!(door(keys[0], "east"), None, "its address is a name");
        assert_eq!(door(keys[0], "north"), None, "it has no door to that host");
        assert_eq!(door(3, "west"), None, "a gateway that is no edge");
    }
}
