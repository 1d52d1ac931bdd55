//! The tick rate, and the time.

pub use ringshard_link::now;
use ringshard_protocol::time::Duration;

/// Ticks per second.
pub const TICKS_PER_SECOND: u32 = 60;
/// Time between two ticks.
pub const TICK: Duration = Duration::from_nanos(1_000_000_000 / TICKS_PER_SECOND as u64);
