//! The replicated state of an entity, and the difference of two states (PROTOCOL.md#snapshots).
//!
//! States are quantised once for all clients. So the difference between two versions is the same bytes for every client.

use crate::codec::{Malformed, NoRoom, Reader, Writer};
use crate::contract::{Fields, read_difference, write_difference};
use crate::limits::SHOWN_BYTES_MAX;
use crate::map::{Map, Position};
use crate::pose::Pose;

/// One count of a velocity, in units per second.
pub const VELOCITY_STEP: f32 = 2.0;

/// The fields of a difference, a bit each.
pub mod fields {
    /// The position.
    pub const POSITION: u8 = 0x01;
    /// The rotation.
    pub const ROTATION: u8 = 0x02;
    /// The count of teleports.
    pub const LEAP: u8 = 0x04;
    /// What the game shows of the entity.
    pub const SHOWN: u8 = 0x08;
    /// The velocity.
    pub const VELOCITY: u8 = 0x10;
    /// All of them.
    pub const ALL: u8 = 0x1F;
}

/// The replicated state of an entity: its pose, quantised, and what the game shows of it.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct State<S> {
    /// The position.
    pub position: Position,
    /// The velocity along each axis, in counts of [`VELOCITY_STEP`].
    pub velocity: [i16; 3],
    /// Yaw, pitch and roll, in 65,536ths of a turn.
    pub rotation: [u16; 3],
    /// Counts teleports.
    pub leap: u8,
    /// What the game shows.
    pub shown: S,
}

/// Size of the largest difference of two poses.
const POSE_BYTES_MAX: usize = 13 + 7 + 1 + 7;
/// Size of the largest difference of two states.
pub const DIFFERENCE_BYTES_MAX: usize = POSE_BYTES_MAX + SHOWN_BYTES_MAX;
/// Size of most differences of two states that are not replicated from a baseline: an estimate.
pub const FULL_BYTES_USUAL: usize = POSE_BYTES_MAX + 16;

impl<S: Fields> State<S> {
    /// The state that a full state is a difference from.
    pub fn blank(shown: S) -> Self {
        State { position: Position::default(), velocity: [0; 3], rotation: [0; 3], leap: 0, shown }
    }

    /// The state of an entity with this pose. Points outside the map go to its edge, and velocities are clamped.
    #[inline]
    pub fn quantise(map: &Map, pose: &Pose, shown: S) -> Self {
        State {
            position: map.quantise(pose.point),
            // The cast clamps what is out of range.
            velocity: pose.velocity.map(|axis| (axis / VELOCITY_STEP).round() as i16),
            rotation: pose.rotation,
            leap: pose.leap,
            shown,
        }
    }

    /// Its pose, as exactly as it is replicated.
    #[inline]
    pub fn pose(&self, map: &Map) -> Pose {
        Pose {
            point: map.point(self.position),
            velocity: self.velocity.map(|axis| f32::from(axis) * VELOCITY_STEP),
            rotation: self.rotation,
            leap: self.leap,
        }
    }

    /// Appends the bytes that go into digests to a checksum (PROTOCOL.md#digest).
    pub fn digest_on(&self, digest: u32) -> u32 {
        let mut bytes = [0; 25 + SHOWN_BYTES_MAX];
        let mut writer = Writer::new(&mut bytes);
        let Position { x, y, z } = self.position;
        let mut write = || -> Result<(), NoRoom> {
            [x, y, z].into_iter().try_for_each(|axis| writer.u32(axis))?;
            self.velocity.into_iter().try_for_each(|axis| writer.i16(axis))?;
            self.rotation.into_iter().try_for_each(|axis| writer.u16(axis))?;
            writer.u8(self.leap)?;
            self.shown.write_fields(self.shown.all(), &mut writer)
        };
        write().expect("a state has at most so many bytes");
        crc32c::crc32c_append(digest, writer.written())
    }

    /// Which fields differ from `base`.
    #[inline]
    pub fn changed_from(&self, base: &Self) -> u8 {
        let flag = |differs: bool, field: u8| if differs { field } else { 0 };
        flag(self.position != base.position, fields::POSITION)
            | flag(self.rotation != base.rotation, fields::ROTATION)
            | flag(self.leap != base.leap, fields::LEAP)
            | flag(self.shown != base.shown, fields::SHOWN)
            | flag(self.velocity != base.velocity, fields::VELOCITY)
    }

    /// Writes the fields `changed` as differences from `base`.
    ///
    /// # Errors
    /// [`NoRoom`]; a part may have been written.
    pub fn write_difference(&self, base: &Self, changed: u8, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        if changed & fields::POSITION != 0 {
            let (to, from) = (self.position, base.position);
            let steps = [(to.x, from.x), (to.y, from.y), (to.z, from.z)];
            write_axes(steps.map(|(to, from)| to.wrapping_sub(from) as i32), writer)?;
        }
        if changed & fields::ROTATION != 0 {
            write_axes(turned(self.rotation, base.rotation), writer)?;
        }
        if changed & fields::LEAP != 0 {
            writer.u8(self.leap)?;
        }
        if changed & fields::SHOWN != 0 {
            write_difference(&self.shown, &base.shown, writer)?;
        }
        if changed & fields::VELOCITY != 0 {
            let axes = std::array::from_fn(|axis| i32::from(self.velocity[axis].wrapping_sub(base.velocity[axis])));
            write_axes(axes, writer)?;
        }
        Ok(())
    }

    /// Reads `changed` of the fields, as differences from this one.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes end before, or are no values of these fields.
    pub fn read_difference(mut self, changed: u8, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        if changed & !fields::ALL != 0 {
            return Err(Malformed::UnknownValue);
        }
        if changed & fields::POSITION != 0 {
            let [x, y, z] = read_axes(reader)?;
            let Position { x: from_x, y: from_y, z: from_z } = self.position;
            self.position = Position {
                x: from_x.wrapping_add_signed(x),
                y: from_y.wrapping_add_signed(y),
                z: from_z.wrapping_add_signed(z),
            };
        }
        if changed & fields::ROTATION != 0 {
            let axes = read_axes(reader)?;
            self.rotation = std::array::from_fn(|axis| self.rotation[axis].wrapping_add(axes[axis] as u16));
        }
        if changed & fields::LEAP != 0 {
            self.leap = reader.u8()?;
        }
        if changed & fields::SHOWN != 0 {
            read_difference(&mut self.shown, reader)?;
        }
        if changed & fields::VELOCITY != 0 {
            let axes = read_axes(reader)?;
            self.velocity = std::array::from_fn(|axis| self.velocity[axis].wrapping_add(axes[axis] as i16));
        }
        Ok(self)
    }
}

/// The shorter turn on each axis.
fn turned(to: [u16; 3], from: [u16; 3]) -> [i32; 3] {
    std::array::from_fn(|axis| i32::from(to[axis].wrapping_sub(from[axis]) as i16))
}

/// Writes three numbers in 0, 1, 2 or 4 bytes each, behind a byte with their widths, two bits each.
#[inline]
fn write_axes(axes: [i32; 3], writer: &mut Writer<'_>) -> Result<(), NoRoom> {
    let width = |value: i32| match value {
        0 => 0,
        -0x80..=0x7F => 1,
        -0x8000..=0x7FFF => 2,
        _ => 3,
    };
    writer.u8(width(axes[0]) | width(axes[1]) << 2 | width(axes[2]) << 4)?;
    axes.into_iter().try_for_each(|value| match width(value) {
        0 => Ok(()),
        1 => writer.i8(value as i8),
        2 => writer.i16(value as i16),
        _ => writer.i32(value),
    })
}

#[inline]
fn read_axes(reader: &mut Reader<'_>) -> Result<[i32; 3], Malformed> {
    let widths = reader.u8()?;
    if widths >> 6 != 0 {
        return Err(Malformed::UnknownValue);
    }
    let mut axes = [0; 3];
    for (axis, value) in axes.iter_mut().enumerate() {
        *value = match widths >> (2 * axis) & 3 {
            0 => 0,
            1 => reader.i8()?.into(),
            2 => reader.i16()?.into(),
            _ => reader.i32()?,
        };
    }
    Ok(axes)
}
