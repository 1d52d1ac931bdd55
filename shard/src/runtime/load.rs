//! The load of a core. A service gets it before each tick, so that it can shed.

use ringshard_protocol::time::Duration;

/// What happened on a core since its last tick.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Load {
    /// The greatest age of a datagram when it was read: the time since the kernel received it. Zero without arrival stamps.
    pub oldest_arrival: Duration,
    /// Datagrams that were dropped unread because they had waited too long.
    pub dropped: u64,
    /// Share of the time that the core worked, 0 to 1.
    pub busy: f32,
    /// How late the tick begins.
    pub late: Duration,
}

impl Load {
    /// A core that has nothing to do.
    pub const NONE: Load = Load { oldest_arrival: Duration::ZERO, dropped: 0, busy: 0.0, late: Duration::ZERO };
}
