//! The best way over roads: A* with the straight line as the estimate.

use super::graph::Roads;
use crate::places::Position;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Nodes that a search looks at, at most.
const NODES_MAX: usize = 1_000_000;
/// A position farther than this from every node is not on these roads, in metres.
const SNAP_MAX: f64 = 5_000.0;
/// The most points of an answer. From a longer way, points are left out evenly.
pub const POINTS_MAX: usize = 500;

/// What the best route minimizes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Least {
    /// Seconds.
    Duration,
    /// Metres.
    Length,
}

/// A way.
#[derive(Clone, PartialEq, Debug)]
pub struct Route {
    /// In metres, on roads.
    pub length: f64,
    /// In seconds.
    pub duration: f64,
    /// Metres from the positions asked for to the first and last point.
    pub off_road: f64,
    /// From the first to the last node: 1 to [`POINTS_MAX`].
    pub points: Vec<Position>,
    /// Points that were left out.
    pub left_out: usize,
}

/// Why there is no route.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RouteError {
    /// No road is near a position.
    #[error("no road lies within {km} km of the {0}", km = SNAP_MAX / 1_000.0)]
    OffRoad(&'static str),
    /// The two positions are not connected.
    #[error("no way leads from the start to the destination")]
    NoWay,
    /// The search looked at too many nodes.
    #[error("the destination is too far from the start: the search looked at {NODES_MAX} crossings")]
    TooFar,
    /// There are no roads.
    #[error("this server has no roads")]
    NoRoads,
    /// Too many searches run.
    #[error("too many ways are being searched: try again")]
    Busy,
}

impl RouteError {
    /// The status of HTTP.
    pub fn status(&self) -> u16 {
        match self {
            RouteError::OffRoad(_) | RouteError::NoWay | RouteError::NoRoads => 404,
            RouteError::TooFar => 413,
            RouteError::Busy => 503,
        }
    }
}

/// A cost that a heap can order. Costs are never NaN: they are sums of finite numbers.
#[derive(Clone, Copy, PartialEq)]
struct Cost(f64);

impl Eq for Cost {}

impl PartialOrd for Cost {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Cost {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

struct Reached {
    cost: f64,
    from: u32,
    is_final: bool,
}

impl Roads {
    /// The best way between two positions.
    ///
    /// # Errors
    /// [`RouteError`].
    pub fn route(&self, from: Position, to: Position, least: Least) -> Result<Route, RouteError> {
        let start = self.nearest(from, SNAP_MAX).ok_or(RouteError::OffRoad("start"))?;
        let goal = self.nearest(to, SNAP_MAX).ok_or(RouteError::OffRoad("destination"))?;
        let nodes = self.search(start, goal, least)?;
        let off_road = from.distance(self.position(start)) + to.distance(self.position(goal));
        Ok(self.describe(&nodes, least, off_road))
    }

    /// The nodes of the best way.
    fn search(&self, start: u32, goal: u32, least: Least) -> Result<Vec<u32>, RouteError> {
        let target = self.position(goal);
        let estimate = |node: u32| match least {
            Least::Duration => self.duration_min(self.position(node), target),
            Least::Length => self.length_min(self.position(node), target),
        };
        let mut reached: HashMap<u32, Reached> = HashMap::new();
        let mut open = BinaryHeap::new();
        reached.insert(start, Reached { cost: 0.0, from: start, is_final: false });
        open.push(Reverse((Cost(estimate(start)), start)));
        let mut looked_at = 0;
        while let Some(Reverse((_, node))) = open.pop() {
            if node == goal {
                return Ok(trace(&reached, start, goal));
            }
            let here = reached.get_mut(&node).expect("an open node was reached");
            if std::mem::replace(&mut here.is_final, true) {
                continue;
            }
            let cost = here.cost;
            looked_at += 1;
            if looked_at > NODES_MAX {
                return Err(RouteError::TooFar);
            }
            for edge in self.edges(node) {
                let further = cost + step(edge, least);
                if reached.get(&edge.to).is_none_or(|known| further < known.cost) {
                    reached.insert(edge.to, Reached { cost: further, from: node, is_final: false });
                    open.push(Reverse((Cost(further + estimate(edge.to)), edge.to)));
                }
            }
        }
        Err(RouteError::NoWay)
    }

    fn describe(&self, nodes: &[u32], least: Least, off_road: f64) -> Route {
        let (mut length, mut duration) = (0.0, 0.0);
        for pair in nodes.windows(2) {
            let edges = self.edges(pair[0]).iter().filter(|edge| edge.to == pair[1]);
            let best =
                edges.min_by(|a, b| step(a, least).total_cmp(&step(b, least))).expect("the way is made of edges");
            length += f64::from(best.length);
            duration += f64::from(best.duration);
        }
        let kept = nodes.len().min(POINTS_MAX);
        let at = |point: usize| point * (nodes.len() - 1) / (kept - 1).max(1);
        let points = (0..kept).map(|point| self.position(nodes[at(point)])).collect();
        Route { length, duration, off_road, points, left_out: nodes.len() - kept }
    }
}

fn step(edge: &super::graph::Edge, least: Least) -> f64 {
    f64::from(match least {
        Least::Duration => edge.duration,
        Least::Length => edge.length,
    })
}

fn trace(reached: &HashMap<u32, Reached>, start: u32, goal: u32) -> Vec<u32> {
    let mut nodes = vec![goal];
    let mut at = goal;
    while at != start {
        at = reached[&at].from;
        nodes.push(at);
    }
    nodes.reverse();
    nodes
}
