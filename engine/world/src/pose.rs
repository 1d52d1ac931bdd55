//! Where something is, how it moves and where it looks, as a game calculates with it.

/// A pose.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Pose {
    /// The point, in units of the map.
    pub point: [f32; 3],
    /// The velocity, in units per second.
    pub velocity: [f32; 3],
    /// Yaw, pitch and roll, in 65,536ths of a turn.
    pub rotation: [u16; 3],
    /// Counts teleports. Between two poses that differ in it, nothing is interpolated.
    pub leap: u8,
}

impl Pose {
    /// Standing still at a point.
    pub fn at(point: [f32; 3]) -> Pose {
        Pose { point, ..Pose::default() }
    }
}
