//! The result of one run.

use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub clients: usize,
    pub layout: String,
    /// CPU time per tick: median and 99th percentile.
    pub tick_ms: f64,
    pub tick_p99_ms: f64,
    /// The step of all players, and of one.
    pub step_ms: f64,
    pub ns_per_step: f64,
    /// The other parts of a tick: applying movement and rebuilding the grid, finding visible entities, and writing snapshots.
    pub move_ms: f64,
    pub look_ms: f64,
    pub write_ms: f64,
    pub entries_per_client: f64,
    pub ns_per_client: f64,
    pub ns_per_entry: f64,
    pub encoded_share: f64,
    pub bits_per_entry: f64,
    pub kilobytes_per_client_s: f64,
}
