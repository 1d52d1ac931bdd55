//! What a player steers with, and the state of its character.

use ringshard_world::Pose;

/// Bits of [`Steering::keys`].
pub mod keys {
    /// Runs instead of walking.
    pub const RUN: u8 = 0x01;
    /// Jumps from the ground; in water, swims up.
    pub const JUMP: u8 = 0x02;
    /// In water, swims down.
    pub const DIVE: u8 = 0x04;
}

ringshard_world::wire! {
    /// How a player steers its character in one tick. By default it stands and looks along the x axis. It can be a field of an
    /// [`Input`](ringshard_world::Rules::Input).
    pub struct Steering {
        /// How fast it goes where it looks: 127 is full speed, -127 full speed backwards.
        pub forward: i8,
        /// How fast it goes to its left.
        pub left: i8,
        /// Where it looks, in 65,536ths of a turn from the x axis towards the y axis.
        pub yaw: u16,
        /// Bits of [`keys`].
        pub keys: u8,
    }

    /// The state of a character that moves. It can be a field of an [`Own`](ringshard_world::Rules::Own).
    pub struct Walker {
        /// Where its feet are, in units.
        pub point: [f32; 3],
        /// How it moves, in units per second.
        pub velocity: [f32; 3],
        /// Where it looks, in 65,536ths of a turn.
        pub yaw: u16,
        /// The number of a [`Gait`].
        pub gait: u8,
        /// Counts teleports.
        pub leap: u8,
    }
}

/// What carries a character.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Gait {
    /// It stands or goes on ground that is level enough.
    Ground = 0,
    /// It jumps or falls.
    Air = 1,
    /// It slides down a slope that is too steep to stand on.
    Slide = 2,
    /// It swims.
    Swim = 3,
}

impl Walker {
    /// A character that stands at a point and looks along the x axis.
    pub fn at(point: [f32; 3]) -> Walker {
        Walker { point, ..Walker::default() }
    }

    /// What carries it.
    pub fn gait(&self) -> Gait {
        match self.gait {
            0 => Gait::Ground,
            2 => Gait::Slide,
            3 => Gait::Swim,
            _ => Gait::Air,
        }
    }

    /// Its pose.
    pub fn pose(&self) -> Pose {
        Pose { point: self.point, velocity: self.velocity, rotation: [self.yaw, 0, 0], leap: self.leap }
    }
}
