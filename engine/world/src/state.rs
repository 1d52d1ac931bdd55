//! The replicated state of an entity, and the difference of two states (PROTOCOL.md#snapshots).
//!
//! States are quantised once for all clients. So the difference between two versions is the same bytes for every client.

use crate::codec::{Malformed, NoRoom, Reader, Writer};
use crate::entity::EntityKind;
use crate::limits::VARIABLES;
use crate::map::Position;

/// One count of a velocity, in units per second.
pub const VELOCITY_STEP: f32 = 2.0;

/// The fields of a difference, a bit each.
pub mod fields {
    /// The position.
    pub const POSITION: u8 = 0x01;
    /// The rotation.
    pub const ROTATION: u8 = 0x02;
    /// The animation.
    pub const ANIMATION: u8 = 0x04;
    /// States, buffs, health and mana.
    pub const FLAGS: u8 = 0x08;
    /// The velocity.
    pub const VELOCITY: u8 = 0x10;
    /// Variables.
    pub const VARIABLES: u8 = 0x20;
}

/// The replicated state of an entity, without its variables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State {
    /// The position.
    pub position: Position,
    /// The velocity along each axis, in counts of [`VELOCITY_STEP`].
    pub velocity: [i16; 3],
    /// Yaw, pitch and roll, in 65,536ths of a turn.
    pub rotation: [u16; 3],
    /// The animation that plays; the game defines the numbers.
    pub animation: u16,
    /// Bits of [`states`](crate::entity::states).
    pub states: u8,
    /// Bits of [`buffs`](crate::entity::buffs).
    pub buffs: u8,
    /// Health, of 255.
    pub health: u8,
    /// Mana, of 255.
    pub mana: u8,
    /// The kind, which never changes.
    pub kind: EntityKind,
    /// The faction, below [`FACTIONS_MAX`](crate::entity::FACTIONS_MAX), which never changes.
    pub faction: u8,
}

impl State {
    /// The state that a full state is a difference from.
    pub const NONE: State = State {
        position: Position { x: 0, y: 0, z: 0 },
        velocity: [0; 3],
        rotation: [0; 3],
        animation: 0,
        states: 0,
        buffs: 0,
        health: 0,
        mana: 0,
        kind: EntityKind::Player,
        faction: 0,
    };
    /// Size of the largest difference, without variables.
    pub const DIFFERENCE_BYTES_MAX: usize = 13 + 7 + 2 + 5 + 7;

    /// The bytes that go into digests.
    pub fn digest_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let mut writer = Writer::new(&mut bytes);
        let Position { x, y, z } = self.position;
        let mut write = || -> Result<(), NoRoom> {
            [x, y, z].into_iter().try_for_each(|axis| writer.u32(axis))?;
            self.velocity.into_iter().try_for_each(|axis| writer.i16(axis))?;
            self.rotation.into_iter().try_for_each(|axis| writer.u16(axis))?;
            writer.u16(self.animation)?;
            let single = [self.states, self.buffs, self.health, self.mana, self.kind as u8, self.faction];
            single.into_iter().try_for_each(|byte| writer.u8(byte))
        };
        write().expect("32 bytes hold a state");
        bytes
    }

    /// Which fields differ from `base`.
    #[inline]
    pub fn changed_from(&self, base: &State) -> u8 {
        let flag = |differs: bool, field: u8| if differs { field } else { 0 };
        flag(self.position != base.position, fields::POSITION)
            | flag(self.rotation != base.rotation, fields::ROTATION)
            | flag(self.animation != base.animation, fields::ANIMATION)
            | flag(self.status() != base.status(), fields::FLAGS)
            | flag(self.velocity != base.velocity, fields::VELOCITY)
    }

    fn status(&self) -> [u8; 4] {
        [self.states, self.buffs, self.health, self.mana]
    }

    /// Writes the fields `changed` as differences from `base`.
    ///
    /// # Errors
    /// [`NoRoom`]; a part may have been written.
    pub fn write_difference(&self, base: &State, changed: u8, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        if changed & fields::POSITION != 0 {
            let (to, from) = (self.position, base.position);
            let steps = [(to.x, from.x), (to.y, from.y), (to.z, from.z)];
            write_axes(steps.map(|(to, from)| to.wrapping_sub(from) as i32), writer)?;
        }
        if changed & fields::ROTATION != 0 {
            write_axes(turned(self.rotation, base.rotation), writer)?;
        }
        if changed & fields::ANIMATION != 0 {
            writer.u16(self.animation)?;
        }
        if changed & fields::FLAGS != 0 {
            let (to, from) = (self.status(), base.status());
            writer.u8((0..4).map(|at| u8::from(to[at] != from[at]) << at).sum())?;
            (0..4).filter(|&at| to[at] != from[at]).try_for_each(|at| writer.u8(to[at]))?;
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
    /// [`Malformed`] when the bytes end before.
    pub fn read_difference(mut self, changed: u8, reader: &mut Reader<'_>) -> Result<State, Malformed> {
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
        if changed & fields::ANIMATION != 0 {
            self.animation = reader.u16()?;
        }
        if changed & fields::FLAGS != 0 {
            let present = reader.u8()?;
            if present >> 4 != 0 {
                return Err(Malformed::UnknownValue);
            }
            for (at, field) in
                [&mut self.states, &mut self.buffs, &mut self.health, &mut self.mana].into_iter().enumerate()
            {
                if present & 1 << at != 0 {
                    *field = reader.u8()?;
                }
            }
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

/// Writes the variables of `mask`: their count, then number and value of each.
///
/// # Errors
/// [`NoRoom`].
pub fn write_variables(mask: u64, values: &[i32; VARIABLES], writer: &mut Writer<'_>) -> Result<(), NoRoom> {
    writer.u8(mask.count_ones() as u8)?;
    let mut rest = mask;
    while rest != 0 {
        let number = rest.trailing_zeros();
        rest &= rest - 1;
        writer.u8(number as u8)?;
        writer.varint_i32(values[number as usize])?;
    }
    Ok(())
}

/// Reads variables, and calls `set` with number and value of each.
///
/// # Errors
/// [`Malformed`].
pub fn read_variables(reader: &mut Reader<'_>, mut set: impl FnMut(u8, i32)) -> Result<(), Malformed> {
    for _ in 0..reader.u8()? {
        let number = reader.u8()?;
        if usize::from(number) >= VARIABLES {
            return Err(Malformed::UnknownValue);
        }
        set(number, reader.varint_i32()?);
    }
    Ok(())
}
