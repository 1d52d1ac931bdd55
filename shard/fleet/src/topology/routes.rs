//! The best routes from an edge to a host.
//!
//! A route is a list of nodes: it begins with the edge, and its last node speaks to the host. Routes to one host have no node in
//! common but the edge, so that no single node cuts two of them.

use super::PlaceId;
use crate::model::Quality;
use petgraph::algo::astar;
use petgraph::graphmap::DiGraphMap;
use std::collections::{BTreeMap, BTreeSet};

/// Most nodes of a route, the edge and the last one included.
pub const NODES_OF_ROUTE_MAX: usize = 4;
/// Most routes from an edge to a host.
pub const ROUTES_MAX: usize = 3;

/// What one link costs beside its round trip, in microseconds: of two routes alike, the shorter one is better.
const LINK_COST_US: u64 = 200;
/// What a percent of loss costs, in microseconds: a lost datagram is usually repeated after a round trip.
const LOSS_PERCENT_COST_US: u64 = 10_000;
/// A host stands behind all layers of the graph that is searched.
const LAYER_OF_HOSTS: u8 = u8::MAX;

/// The links between nodes, and from nodes to hosts.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Graph {
    links: BTreeMap<PlaceId, BTreeMap<PlaceId, Quality>>,
    hosts: BTreeSet<PlaceId>,
}

/// A route.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// From the edge to the last node.
    pub nodes: Vec<PlaceId>,
    /// What it costs, in microseconds.
    pub cost_us: u64,
}

impl Graph {
    /// Adds what a node says about its link to another one. If both say something, the worse counts.
    pub fn add(&mut self, from: PlaceId, to: PlaceId, quality: Quality) {
        for (from, to) in [(from, to), (to, from)] {
            let known = self.links.entry(from).or_default().entry(to).or_insert(quality);
            *known = worse(*known, quality);
        }
    }

    /// Adds what a node says about its link to a host.
    pub fn add_host(&mut self, node: PlaceId, host: PlaceId, quality: Quality) {
        self.hosts.insert(host);
        self.links.entry(node).or_default().insert(host, quality);
    }

    /// What this route to a host costs now, in microseconds. None: a link of it is down.
    pub fn cost_us(&self, nodes: &[PlaceId], host: PlaceId) -> Option<u64> {
        let ends = nodes.iter().skip(1).chain([&host]);
        nodes.iter().zip(ends).map(|(from, to)| self.link_cost_us(*from, *to)).sum()
    }

    fn link_cost_us(&self, from: PlaceId, to: PlaceId) -> Option<u64> {
        cost_us(self.links.get(&from)?.get(&to)?)
    }

    /// The best route that avoids these nodes, and, if `is_indirect`, has more than one node. Each vertex is a node at its
    /// place on the route, which bounds the length.
    fn best(&self, edge: PlaceId, host: PlaceId, avoided: &BTreeSet<PlaceId>, is_indirect: bool) -> Option<Route> {
        let mut layers = DiGraphMap::<(u32, u8), u64>::new();
        for layer in 0..NODES_OF_ROUTE_MAX as u8 {
            let starts = self.links.keys().filter(|node| (layer == 0) == (**node == edge) && !avoided.contains(*node));
            for from in starts {
                let is_end = |to: &PlaceId| *to == host && !(is_indirect && layer == 0);
                let is_next = |to: &PlaceId| {
                    !self.hosts.contains(to)
                        && *to != edge
                        && !avoided.contains(to)
                        && usize::from(layer) + 1 < NODES_OF_ROUTE_MAX
                };
                for (to, quality) in &self.links[from] {
                    let Some(cost) = cost_us(quality) else { continue };
                    if is_end(to) {
                        layers.add_edge((from.0, layer), (to.0, LAYER_OF_HOSTS), cost);
                    } else if is_next(to) {
                        layers.add_edge((from.0, layer), (to.0, layer + 1), cost);
                    }
                }
            }
        }
        let goal = (host.0, LAYER_OF_HOSTS);
        let start = (edge.0, 0);
        if !layers.contains_node(start) || !layers.contains_node(goal) {
            return None;
        }
        let (cost_us, path) = astar(&layers, start, |vertex| vertex == goal, |(_, _, cost)| *cost, |_| 0)?;
        let nodes = path[..path.len() - 1].iter().map(|(node, _)| PlaceId(*node)).collect();
        Some(Route { nodes, cost_us })
    }
}

/// The best routes from an edge to a host, best first. They have no node in common but the edge.
pub fn routes(graph: &Graph, edge: PlaceId, host: PlaceId) -> Vec<Route> {
    let (mut avoided, mut has_direct, mut found) = (BTreeSet::new(), false, Vec::new());
    while found.len() < ROUTES_MAX {
        let Some(route) = graph.best(edge, host, &avoided, has_direct) else { break };
        has_direct |= route.nodes.len() == 1;
        avoided.extend(route.nodes.iter().skip(1));
        found.push(route);
    }
    found
}

/// What a link costs. None: it is down.
fn cost_us(quality: &Quality) -> Option<u64> {
    let cost = u64::from(quality.round_trip_ms) * 1_000 + u64::from(quality.loss_percent) * LOSS_PERCENT_COST_US;
    quality.up.then_some(cost + LINK_COST_US)
}

fn worse(one: Quality, other: Quality) -> Quality {
    match (cost_us(&one), cost_us(&other)) {
        (None, _) => one,
        (_, None) => other,
        (Some(first), Some(second)) => {
            if first >= second {
                one
            } else {
                other
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn up(round_trip_ms: u16) -> Quality {
        Quality { up: true, round_trip_ms, loss_percent: 0 }
    }

    const EDGE: PlaceId = PlaceId(1);
    const HOST: PlaceId = PlaceId(100);

    #[test]
    fn loss_makes_a_short_way_worse_than_a_long_one() {
        let mut graph = Graph::default();
        graph.add(EDGE, PlaceId(2), up(10));
        graph.add(EDGE, PlaceId(3), up(30));
        graph.add_host(PlaceId(2), HOST, Quality { loss_percent: 5, ..up(1) });
        graph.add_host(PlaceId(3), HOST, up(1));
        let found = routes(&graph, EDGE, HOST);
        assert_eq!(found.iter().map(|route| route.nodes[1].0).collect::<Vec<_>>(), [3, 2]);
    }

    #[test]
    fn a_link_counts_as_its_worse_end_says() {
        let mut graph = Graph::default();
        graph.add(EDGE, PlaceId(2), up(10));
        graph.add_host(PlaceId(2), HOST, up(1));
        assert_eq!(routes(&graph, EDGE, HOST).len(), 1);
        graph.add(PlaceId(2), EDGE, Quality::DOWN);
        assert!(routes(&graph, EDGE, HOST).is_empty());
        assert_eq!(graph.cost_us(&[EDGE, PlaceId(2)], HOST), None);
    }

    /// All routes from the edge to the host, by trying everything.
    fn all(graph: &Graph, nodes: &[PlaceId], so_far: &mut Vec<PlaceId>, found: &mut Vec<(u64, Vec<PlaceId>)>) {
        if let Some(cost) = graph.cost_us(so_far, HOST) {
            found.push((cost, so_far.clone()));
        }
        if so_far.len() == NODES_OF_ROUTE_MAX {
            return;
        }
        for node in nodes {
            if !so_far.contains(node) {
                so_far.push(*node);
                all(graph, nodes, so_far, found);
                so_far.pop();
            }
        }
    }

    proptest! {
        /// Against a search that tries everything: each route is the best of those that avoid the nodes of the better ones.
        #[test]
        fn each_route_is_the_best_that_is_left(
            links in prop::collection::vec((1_u32..8, 1_u32..8, 0_u16..100, 0_u8..4, any::<bool>()), 0..40),
            ends in prop::collection::vec((1_u32..8, 0_u16..50, prop::bool::weighted(0.8)), 0..8),
        ) {
            let mut graph = Graph::default();
            for (from, to, round_trip_ms, loss_percent, up) in links {
                if from != to {
                    graph.add(PlaceId(from), PlaceId(to), Quality { up: up || loss_percent > 0, round_trip_ms, loss_percent });
                }
            }
            for (node, round_trip_ms, up) in ends {
                graph.add_host(PlaceId(node), HOST, Quality { up, round_trip_ms, loss_percent: 0 });
            }
            let nodes: Vec<_> = (2..8).map(PlaceId).collect();
            let mut left = Vec::new();
            all(&graph, &nodes, &mut vec![EDGE], &mut left);
            let found = routes(&graph, EDGE, HOST);
            for route in &found {
                let best = left.iter().map(|(cost, _)| *cost).min();
                prop_assert_eq!(Some(route.cost_us), best);
                prop_assert_eq!(graph.cost_us(&route.nodes, HOST), best);
                prop_assert!(left.iter().any(|(_, nodes)| *nodes == route.nodes), "it visits no node twice");
                let is_direct = route.nodes.len() == 1;
                left.retain(|(_, nodes)| {
                    let is_cut = route.nodes[1..].iter().any(|node| nodes.contains(node));
                    !(is_cut || is_direct && nodes.len() == 1)
                });
            }
            prop_assert!(found.len() == ROUTES_MAX || left.is_empty(), "none is forgotten");
            prop_assert_eq!(routes(&graph, EDGE, HOST), found, "the same links give the same routes");
        }
    }
}
