//! A node, as operators see it.

use crate::model::{Links, Name};
use std::time::Duration;

/// A node, as operators see it.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct Shown {
    /// Its links.
    pub links: Links,
    /// Its routes, if it is an edge.
    pub routes: Vec<ShownRoute>,
    /// Clients at its doors.
    pub clients: usize,
    /// Clients for which it is the last node.
    pub exits: usize,
}

/// A route, as operators see it.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct ShownRoute {
    /// The host that it leads to.
    pub host: Name,
    /// Its nodes: the edge first.
    pub nodes: Vec<String>,
    /// What it costs: milliseconds of round trip and of penalties for loss.
    pub cost_ms: f64,
    /// Whether clients use it now.
    pub used: bool,
}

/// What a node measured of one link.
#[derive(Clone, PartialEq, Debug)]
pub struct MeasuredLink {
    /// `node` or `host`.
    pub kind: &'static str,
    /// The node or host at its other end.
    pub to: Name,
    /// Whether probes are answered.
    pub up: bool,
    /// Best round trip of the last one to two minutes.
    pub best: Option<Duration>,
    /// Smoothed round trip.
    pub round_trip: Option<Duration>,
    /// Share of the last hundred probes that were lost.
    pub loss: f64,
}
