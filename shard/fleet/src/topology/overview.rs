//! All routes of a fleet, as the records of its nodes give them.

use super::{Graph, PlaceId, routes};
use crate::model::{Name, Node};
use std::collections::BTreeMap;

/// A route from an edge to a host, in names.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct NamedRoute {
    /// The edge.
    pub edge: Name,
    /// The host.
    pub host: Name,
    /// 1 is the best, which clients use unless another one of theirs is nearly as good.
    pub rank: usize,
    /// The nodes: the edge first.
    pub nodes: Vec<Name>,
    /// Milliseconds of round trip and of penalties for loss.
    pub cost_ms: f64,
}

/// The routes of all edges to the hosts behind their doors, best first. An edge without any route to a host has no entry.
pub fn overview(nodes: &BTreeMap<Name, Node>) -> Vec<NamedRoute> {
    let (mut graph, mut names) = (Graph::default(), BTreeMap::new());
    for node in nodes.values() {
        let id = PlaceId::of_node(&node.name);
        names.insert(id, &node.name);
        for (to, quality) in &node.links.nodes {
            graph.add(id, PlaceId::of_node(to), *quality);
        }
        for (host, quality) in &node.links.hosts {
            graph.add_host(id, PlaceId::of_host(host), *quality);
        }
    }
    let pairs = nodes.values().flat_map(|node| node.doors.keys().map(move |host| (&node.name, host)));
    let found = pairs.flat_map(|(edge, host)| {
        let found = routes(&graph, PlaceId::of_node(edge), PlaceId::of_host(host));
        found.into_iter().enumerate().map(move |(at, route)| (edge, host, at, route))
    });
    // A node that has ended since others measured it has no record.
    let named = found.filter_map(|(edge, host, at, route)| {
        let nodes =
            route.nodes.iter().map(|node| names.get(node).map(|name| (*name).clone())).collect::<Option<_>>()?;
        let cost_ms = route.cost_us as f64 / 1e3;
        Some(NamedRoute { edge: edge.clone(), host: host.clone(), rank: at + 1, nodes, cost_ms })
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Links, Quality};

    #[test]
    fn the_routes_of_each_door_are_named_best_first() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        let up = |round_trip_ms| Quality { up: true, round_trip_ms, loss_percent: 0 };
        let node = |text: &str, doors: &[&str], nodes: &[(&str, u16)], hosts: &[(&str, u16)]| {
            let links = |links: &[(&str, u16)]| links.iter().map(|(to, ms)| (name(to), up(*ms))).collect();
            let node = Node {
                name: name(text),
                run: None,
                region: name("eu"),
                address: "a:1".into(),
                doors: doors.iter().map(|host| (name(host), "a:2".to_owned())).collect(),
                gateway: None,
                version: String::new(),
                links: Links { nodes: links(nodes), hosts: links(hosts) },
            };
            (name(text), node)
        };
        let nodes = BTreeMap::from([
            node("e", &["h", "nowhere"], &[("r", 10), ("s", 40), ("gone", 1)], &[("h", 80)]),
            node("r", &[], &[("e", 12)], &[("h", 5)]),
            node("s", &[], &[], &[("h", 5)]),
        ]);
        let found = overview(&nodes);
        let ways: Vec<_> = found.iter().map(|route| (route.rank, route.nodes.len(), route.cost_ms.round())).collect();
        assert_eq!(ways, [(1, 2, 17.0), (2, 2, 45.0), (3, 1, 80.0)]);
        assert!(found.iter().all(|route| route.edge == name("e") && route.host == name("h")));
    }
}
