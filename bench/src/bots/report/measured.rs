//! What was measured.

use crate::report::CpuTime;
use ringshard::ops::report::ServerReport;

/// Minimum inputs per second that the server takes from each player, and minimum updates of near moving entities. Both
/// nominally 60.
pub const RATE_MIN: f64 = 57.0;

pub struct Measured {
    pub load: CpuTime,
    /// None if the server could not be queried.
    pub server: Option<ServerReport>,
    /// 0 if the server runs on another machine.
    pub resident_bytes: u64,
    /// At the end of the measured time.
    pub shed_level: u64,
}
