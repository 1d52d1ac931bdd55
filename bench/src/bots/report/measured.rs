//! What was measured.

use crate::report::CpuTime;
use ringshard::ops::report::ServerReport;

/// Inputs a second that must be taken of a player, and updates that it must get of what moves nearby, of 60 each.
pub const RATE_MIN: f64 = 57.0;

/// What was measured.
pub struct Measured {
    pub load: CpuTime,
    /// None of a server that could not be asked.
    pub server: Option<ServerReport>,
    /// 0 of a server that runs elsewhere.
    pub resident_bytes: u64,
    /// Of the last moment.
    pub shed_level: u64,
}
