//! What the history keeps of an entity per tick, and the poses at and between two ticks.

use ringshard_world::state::VELOCITY_STEP;
use ringshard_world::{Map, Pose, Position};

/// The hitbox of an entity that has none. A table has at most this many hitboxes.
pub const NO_HITBOX: u8 = u8::MAX;

/// An entity at one tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sample {
    /// The position.
    pub position: Position,
    /// The velocity along each axis, in counts of [`VELOCITY_STEP`].
    pub velocity: [i16; 3],
    /// Yaw, pitch and roll, in 65,536ths of a turn.
    pub rotation: [u16; 3],
    /// Counts teleports: nothing is interpolated between two samples with different counts.
    pub leap: u8,
    /// The generation of the entity; 0 if there is none.
    pub generation: u8,
    /// Its hitbox in the table of the history, or [`NO_HITBOX`].
    pub hitbox: u8,
}

/// What the history keeps per entity and tick, in bytes.
pub const SAMPLE_BYTES: usize = 28;

// 12 bytes of position, 6 of velocity, 6 of rotation, 3 single bytes, and 1 that is unused.
const _: () = assert!(size_of::<Sample>() == SAMPLE_BYTES && align_of::<Sample>() == 4);

impl Sample {
    /// No entity.
    pub const NONE: Sample = Sample {
        position: Position { x: 0, y: 0, z: 0 },
        velocity: [0; 3],
        rotation: [0; 3],
        leap: 0,
        generation: 0,
        hitbox: NO_HITBOX,
    };

    /// The pose at this tick.
    pub fn pose(&self, map: &Map) -> Pose {
        Pose {
            point: map.point(self.position),
            velocity: self.velocity.map(|counts| f32::from(counts) * VELOCITY_STEP),
            rotation: self.rotation,
            leap: self.leap,
        }
    }

    /// Whether the entity moved continuously from this sample to `later`: same entity, no teleport.
    pub(super) fn leads_to(&self, later: &Sample) -> bool {
        (self.generation, self.leap) == (later.generation, later.leap)
    }

    /// The pose between this sample, at part 0, and `later`, at part 1. Rotations take the short way.
    pub(super) fn pose_towards(&self, later: &Sample, part: f64, map: &Map) -> Pose {
        let line = |from: f64, to: f64| from + (to - from) * part;
        let step = f64::from(map.step());
        let (a, b) = (self.position, later.position);
        let steps = [(a.x, b.x), (a.y, b.y), (a.z, b.z)];
        Pose {
            point: steps.map(|(from, to)| (line(from.into(), to.into()) * step) as f32),
            velocity: std::array::from_fn(|axis| {
                let counts = line(self.velocity[axis].into(), later.velocity[axis].into());
                (counts * f64::from(VELOCITY_STEP)) as f32
            }),
            rotation: std::array::from_fn(|axis| {
                let turn = later.rotation[axis].wrapping_sub(self.rotation[axis]) as i16;
                self.rotation[axis].wrapping_add_signed((f64::from(turn) * part).round() as i16)
            }),
            leap: self.leap,
        }
    }
}
