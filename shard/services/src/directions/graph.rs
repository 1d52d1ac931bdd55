//! Roads: nodes with positions, and edges between them, from a JSON file.

use crate::places::Position;
use serde::Deserialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The most nodes and the most edges of a file.
const NODES_MAX: usize = 4_000_000;
const EDGES_MAX: usize = 16_000_000;
/// The speed on an edge that names none, in km/h.
const SPEED_DEFAULT: f64 = 50.0;
const SPEED_MAX: f64 = 1_000.0;
/// How much shorter than the straight line an edge may be: positions are rounded.
const SHORTER: f64 = 0.98;
/// Of a file's bytes.
const FILE_BYTES_MAX: u64 = 2 << 30;

/// A file of roads.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoadsFile {
    nodes: Vec<NodeRow>,
    edges: Vec<EdgeRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeRow {
    id: u64,
    latitude: f64,
    longitude: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EdgeRow {
    from: u64,
    to: u64,
    /// In metres; by default, the straight line.
    length: Option<f64>,
    /// In km/h.
    speed: Option<f64>,
    #[serde(default)]
    one_way: bool,
}

/// Roads that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the roads of {path}: {reason}")]
pub struct RoadsError {
    path: PathBuf,
    reason: String,
}

/// An edge, from the node that has it.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    /// The other node.
    pub to: u32,
    /// In metres.
    pub length: f32,
    /// In seconds.
    pub duration: f32,
}

/// Nodes and edges.
pub struct Roads {
    positions: Vec<Position>,
    /// Where the edges of each node begin; one more than there are nodes.
    firsts: Vec<u32>,
    edges: Vec<Edge>,
    /// Nodes from south to north.
    by_latitude: Vec<u32>,
    /// The greatest speed of an edge as the crow flies, in metres per second.
    speed_max: f64,
    /// The least length of an edge, in relation to the straight line: at most 1.
    shortest: f64,
}

impl Roads {
    /// Reads a file:
    ///
    /// ```json
    /// {"nodes": [{"id": 1, "latitude": 52.52, "longitude": 13.4}, {"id": 2, "latitude": 52.53, "longitude": 13.4}],
    ///  "edges": [{"from": 1, "to": 2, "length": 1200, "speed": 30, "one_way": true}]}
    /// ```
    ///
    /// `length` (metres), `speed` (km/h) and `one_way` may be left out: the straight line, 50, false.
    ///
    /// # Errors
    /// [`RoadsError`] names the entry.
    pub fn open(path: &Path) -> Result<Roads, RoadsError> {
        let failed = |reason: String| RoadsError { path: path.to_owned(), reason };
        let length = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
        if length > FILE_BYTES_MAX {
            return Err(failed(format!("it has more than {FILE_BYTES_MAX} bytes")));
        }
        let text = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
        Roads::parse(&text).map_err(failed)
    }

    /// Reads the content of a file.
    ///
    /// # Errors
    /// A sentence.
    pub fn parse(text: &[u8]) -> Result<Roads, String> {
        let RoadsFile { nodes, edges } = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if nodes.is_empty() || nodes.len() > NODES_MAX || edges.len() > EDGES_MAX {
            return Err(format!("it needs 1 to {NODES_MAX} nodes and at most {EDGES_MAX} edges"));
        }
        let mut positions = Vec::with_capacity(nodes.len());
        let mut by_id = HashMap::with_capacity(nodes.len());
        for NodeRow { id, latitude, longitude } in nodes {
            positions.push(Position::new(latitude, longitude).map_err(|error| format!("node {id}: {error}"))?);
            if by_id.insert(id, positions.len() as u32 - 1).is_some() {
                return Err(format!("node {id} is there twice"));
            }
        }
        let mut directed = Vec::with_capacity(edges.len() * 2);
        let (mut speed_max, mut shortest) = (f64::MIN_POSITIVE, 1.0_f64);
        for (at, row) in edges.iter().enumerate() {
            let node = |id| by_id.get(&id).copied().ok_or_else(|| format!("edge {}: there is no node {id}", at + 1));
            let (from, to) = (node(row.from)?, node(row.to)?);
            let straight = positions[from as usize].distance(positions[to as usize]);
            let (length, speed) = (row.length.unwrap_or(straight), row.speed.unwrap_or(SPEED_DEFAULT));
            if !(length.is_finite() && length >= straight * SHORTER - 1.0) {
                return Err(format!("edge {}: its length is less than the straight line of {straight:.0} m", at + 1));
            }
            if !(speed > 0.0 && speed <= SPEED_MAX) {
                return Err(format!("edge {}: a speed lies above 0 and up to {SPEED_MAX} km/h", at + 1));
            }
            // Rounded positions must not make an edge of no length, which would spoil the estimates.
            let length = length.max(straight * SHORTER);
            let edge = Edge { to, length: length as f32, duration: (length / (speed / 3.6)) as f32 };
            if straight > 0.0 {
                speed_max = speed_max.max(straight / f64::from(edge.duration));
                shortest = shortest.min(f64::from(edge.length) / straight);
            }
            directed.push((from, edge));
            if !row.one_way {
                directed.push((to, Edge { to: from, ..edge }));
            }
        }
        Ok(Roads::of(positions, directed, speed_max, shortest))
    }

    fn of(positions: Vec<Position>, mut directed: Vec<(u32, Edge)>, speed_max: f64, shortest: f64) -> Roads {
        directed.sort_by_key(|(from, edge)| (*from, edge.to));
        let mut firsts = vec![0; positions.len() + 1];
        directed.iter().for_each(|(from, _)| firsts[*from as usize + 1] += 1);
        for at in 1..firsts.len() {
            firsts[at] += firsts[at - 1];
        }
        let mut by_latitude: Vec<u32> = (0..positions.len() as u32).collect();
        let latitude = |node: &u32| positions[*node as usize].latitude;
        by_latitude.sort_by(|a, b| latitude(a).total_cmp(&latitude(b)).then(a.cmp(b)));
        let edges = directed.into_iter().map(|(_, edge)| edge).collect();
        Roads { positions, firsts, edges, by_latitude, speed_max, shortest }
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.positions.len()
    }

    /// Where a node lies.
    pub fn position(&self, node: u32) -> Position {
        self.positions[node as usize]
    }

    /// The edges that leave a node.
    pub fn edges(&self, node: u32) -> &[Edge] {
        &self.edges[self.firsts[node as usize] as usize..self.firsts[node as usize + 1] as usize]
    }

    /// The least length of a way between two positions, in metres.
    pub fn length_min(&self, from: Position, to: Position) -> f64 {
        from.distance(to) * self.shortest
    }

    /// The least duration of a way between two positions, in seconds.
    pub fn duration_min(&self, from: Position, to: Position) -> f64 {
        from.distance(to) / self.speed_max
    }

    /// The node nearest to a position, if one lies within so many metres.
    pub fn nearest(&self, at: Position, within: f64) -> Option<u32> {
        let latitude = |node: u32| self.position(node).latitude;
        let middle = self.by_latitude.partition_point(|node| latitude(*node) < at.latitude);
        let (south, north) = self.by_latitude.split_at(middle);
        let mut best: Option<(f64, u32)> = None;
        let mut look = |node: u32| {
            let position = self.position(node);
            // The difference of latitudes alone is a distance along a meridian: farther nodes follow.
            let meridian = Position { longitude: at.longitude, ..position };
            if at.distance(meridian) > best.map_or(within, |(distance, _)| distance) {
                return false;
            }
            let found = (at.distance(position), node);
            if found.0 <= within && best.is_none_or(|best| found < best) {
                best = Some(found);
            }
            true
        };
        let (mut south, mut north) = (south.iter().rev(), north.iter());
        while south.next().is_some_and(|node| look(*node)) {}
        while north.next().is_some_and(|node| look(*node)) {}
        best.map(|(_, node)| node)
    }
}
