//! How a border behaves.

use ringshard_protocol::time::Duration;

/// Most neighbours of a host. The farther ones are left out, and counted.
pub const NEIGHBOURS_MAX: usize = 64;
/// Most bytes of a message.
pub const MESSAGE_BYTES_MAX: usize = 60 * 1_024;
/// Most messages to a neighbour per turn.
pub const MESSAGES_PER_TURN_MAX: usize = 4;

/// How a border behaves.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BorderSettings {
    /// Greater than that of every former process of this host, such as the time since 1970 in microseconds. Neighbours
    /// distinguish the processes by it.
    pub incarnation: u64,
    /// How often neighbours hear of entities.
    pub rates: BorderRates,
    /// How long updates are held after the fastest one would have been shown, so that jitter does not show.
    pub hold: Duration,
    /// A neighbour that was silent for so long is dark: its entities vanish.
    pub dark_after: Duration,
}

/// How often neighbours hear of entities.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BorderRates {
    /// Up to this distance from a neighbour's area, in units, an entity is near.
    pub near: f32,
    /// Time between two updates of a near entity that changes.
    pub near_interval: Duration,
    /// Time between two updates of other entities that change.
    pub far_interval: Duration,
    /// Bytes of entities per second and neighbour. If there are more, the farthest entities wait.
    pub bytes_per_second: u32,
}

impl Default for BorderRates {
    /// 30 updates per second up to 20 m from the border if a unit is a centimetre, then 10; 4 MB/s per neighbour.
    fn default() -> Self {
        BorderRates {
            near: 2_000.0,
            near_interval: Duration::from_micros(33_333),
            far_interval: Duration::from_millis(100),
            bytes_per_second: 4_000_000,
        }
    }
}

impl Default for BorderSettings {
    /// The usual rates; dark after 2 seconds. The incarnation is 1: set it.
    fn default() -> Self {
        BorderSettings {
            incarnation: 1,
            rates: BorderRates::default(),
            hold: Duration::from_micros(16_667),
            dark_after: Duration::from_secs(2),
        }
    }
}
