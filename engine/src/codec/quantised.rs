//! Rotations and percentages, in few bits (B3). How far off each may be stands at its type.

use super::{Malformed, NoRoom, Reader, Writer};
use core::f64::consts::TAU;

/// Steps of a full turn.
const FULL_TURN: f64 = 65_536.0;

/// An angle, in 65,536ths of a full turn.
///
/// It is off by less than 4.9e-5 radians, or 0.0028 degrees, from the angle that it was made of: half of 1/65,536 of a
/// turn, and the rounding of what is given back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Turn(pub i16);

impl Turn {
    /// The nearest to an angle in radians, full turns left out. What is no number is 0.
    pub fn from_radians(radians: f32) -> Turn {
        Turn::of(f64::from(radians) / TAU)
    }

    /// The nearest to an angle in degrees, full turns left out. What is no number is 0.
    pub fn from_degrees(degrees: f32) -> Turn {
        Turn::of(f64::from(degrees) / 360.0)
    }

    /// In radians, from -pi to below pi.
    pub fn radians(self) -> f32 {
        (f64::from(self.0) * (TAU / FULL_TURN)) as f32
    }

    /// In degrees, from -180 to below 180.
    pub fn degrees(self) -> f32 {
        (f64::from(self.0) * (360.0 / FULL_TURN)) as f32
    }

    fn of(turns: f64) -> Turn {
        // The second cast leaves out a full turn. Infinity less itself is no number, which the first takes to 0.
        Turn(((turns - turns.trunc()) * FULL_TURN).round() as i32 as i16)
    }
}

/// Which way something faces. Upright things are cheaper: 17 bits, to 49.
///
/// ```text
/// | 0 | yaw i16 |
/// | 1 | yaw i16 | pitch i16 | roll i16 |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Rotation {
    /// About the axis that points upwards.
    pub yaw: Turn,
    /// Nose up or down.
    pub pitch: Turn,
    /// To the side.
    pub roll: Turn,
}

impl Rotation {
    /// Facing `yaw`, and upright.
    pub fn upright(yaw: Turn) -> Rotation {
        Rotation { yaw, ..Rotation::default() }
    }

    /// Appends it.
    pub fn write(self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        let tilted = self != Rotation::upright(self.yaw);
        let turns = [self.yaw, self.pitch, self.roll];
        writer.whole(|writer| {
            writer.bit(tilted)?;
            let turns = if tilted { &turns[..] } else { &turns[..1] };
            turns.iter().try_for_each(|turn| writer.bits(u32::from(turn.0 as u16), 16))
        })
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`Malformed::UnknownValue`] when it could have been written as upright and was not.
    pub fn read(reader: &mut Reader<'_>) -> Result<Rotation, Malformed> {
        reader.whole(|reader| {
            let tilted = reader.bit()?;
            let mut turn = || reader.bits(16).map(|bits| Turn(bits as u16 as i16));
            let upright = Rotation::upright(turn()?);
            if !tilted {
                return Ok(upright);
            }
            let rotation = Rotation { pitch: turn()?, roll: turn()?, ..upright };
            if rotation == upright { Err(Malformed::UnknownValue) } else { Ok(rotation) }
        })
    }
}

/// How much of something is left, in 255ths.
///
/// It is off by at most 0.00197 (1/510, and the rounding of what is given back). What is not quite nothing may so
/// become nothing: whether someone is alive is not to be told from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Percent(pub u8);

impl Percent {
    /// The nearest to `share`, which is taken to 0..=1; what is no number, to 0.
    pub fn new(share: f32) -> Percent {
        // The cast takes what is out of range to its ends, and what is no number to 0.
        Percent((share * 255.0).round() as u8)
    }

    /// From 0 to 1.
    pub fn share(self) -> f32 {
        f32::from(self.0) / 255.0
    }
}
