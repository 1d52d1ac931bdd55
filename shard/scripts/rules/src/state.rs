//! The states of players and entities. A script gives its variables their meaning.
//!
//! Their differences are written by hand: each variable is a field of its own, so that one which changes does not send the
//! others.

use ringshard_terrain::movement::Walker;
use ringshard_world::codec::{Malformed, NoRoom, Reader, Writer};
use ringshard_world::contract::{Fields, Text, Wire, mix};

/// Variables of a player, which only it knows.
pub const OWN_VARIABLES: usize = 16;
/// Variables of an entity, which everybody in sight knows.
pub const SHOWN_VARIABLES: usize = 8;
/// Bytes of the name of an entity.
pub const SHOWN_NAME_BYTES_MAX: usize = 24;

/// Most bytes of a variable.
const VARIABLE_BYTES_MAX: usize = 5;

/// The player's own state.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Own {
    /// Its character.
    pub walker: Walker,
    /// How fast it goes, in per cent of what it can: 100 by default, 0 roots it to the spot.
    pub speed: u8,
    /// Variables of the script.
    pub variables: [i32; OWN_VARIABLES],
}

impl Default for Own {
    fn default() -> Self {
        Own { walker: Walker::default(), speed: 100, variables: [0; OWN_VARIABLES] }
    }
}

/// What everybody in sight of an entity knows of it.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Shown {
    /// What it is. The script numbers its kinds.
    pub kind: u8,
    /// Bits of the script.
    pub flags: u8,
    /// Its name.
    pub name: Text<SHOWN_NAME_BYTES_MAX>,
    /// Variables of the script.
    pub variables: [i32; SHOWN_VARIABLES],
}

/// The number of the first variable among the fields of [`Own`].
const OWN_FIRST: usize = 6;
/// The number of the first variable among the fields of [`Shown`].
const SHOWN_FIRST: usize = 3;

impl Fields for Own {
    const BYTES_MAX: usize =
        set_bytes(OWN_FIRST + OWN_VARIABLES) + <Walker as Wire>::BYTES_MAX + 1 + OWN_VARIABLES * VARIABLE_BYTES_MAX;
    const SCHEMA: u32 = mix(<Walker as Wire>::SCHEMA ^ OWN_VARIABLES as u32, "script own");

    fn changed_from(&self, base: &Self) -> u64 {
        let (walker, other) = (&self.walker, &base.walker);
        let differs = [
            walker.point != other.point,
            walker.velocity != other.velocity,
            walker.yaw != other.yaw,
            walker.gait != other.gait,
            walker.leap != other.leap,
            self.speed != base.speed,
        ];
        set_of(&differs) | changed_variables(&self.variables, &base.variables) << OWN_FIRST
    }

    fn all(&self) -> u64 {
        set_of_first(OWN_FIRST + OWN_VARIABLES)
    }

    fn write_fields(&self, changed: u64, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        let has = |field: u32| changed & 1 << field != 0;
        let walker = &self.walker;
        write_if(has(0), &walker.point, writer)?;
        write_if(has(1), &walker.velocity, writer)?;
        write_if(has(2), &walker.yaw, writer)?;
        write_if(has(3), &walker.gait, writer)?;
        write_if(has(4), &walker.leap, writer)?;
        write_if(has(5), &self.speed, writer)?;
        write_variables(&self.variables, changed >> OWN_FIRST, writer)
    }

    fn read_fields(&mut self, changed: u64, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let has = |field: u32| changed & 1 << field != 0;
        let walker = &mut self.walker;
        read_if(has(0), &mut walker.point, reader)?;
        read_if(has(1), &mut walker.velocity, reader)?;
        read_if(has(2), &mut walker.yaw, reader)?;
        read_if(has(3), &mut walker.gait, reader)?;
        read_if(has(4), &mut walker.leap, reader)?;
        read_if(has(5), &mut self.speed, reader)?;
        read_variables(&mut self.variables, changed >> OWN_FIRST, reader)
    }
}

impl Fields for Shown {
    const BYTES_MAX: usize = set_bytes(SHOWN_FIRST + SHOWN_VARIABLES)
        + 2
        + <Text<SHOWN_NAME_BYTES_MAX> as Wire>::BYTES_MAX
        + SHOWN_VARIABLES * VARIABLE_BYTES_MAX;
    const SCHEMA: u32 = mix(<Text<SHOWN_NAME_BYTES_MAX> as Wire>::SCHEMA ^ SHOWN_VARIABLES as u32, "script shown");

    fn changed_from(&self, base: &Self) -> u64 {
        let differs = [self.kind != base.kind, self.flags != base.flags, self.name != base.name];
        set_of(&differs) | changed_variables(&self.variables, &base.variables) << SHOWN_FIRST
    }

    fn all(&self) -> u64 {
        set_of_first(SHOWN_FIRST + SHOWN_VARIABLES)
    }

    fn write_fields(&self, changed: u64, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        write_if(changed & 1 != 0, &self.kind, writer)?;
        write_if(changed & 2 != 0, &self.flags, writer)?;
        write_if(changed & 4 != 0, &self.name, writer)?;
        write_variables(&self.variables, changed >> SHOWN_FIRST, writer)
    }

    fn read_fields(&mut self, changed: u64, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        read_if(changed & 1 != 0, &mut self.kind, reader)?;
        read_if(changed & 2 != 0, &mut self.flags, reader)?;
        read_if(changed & 4 != 0, &mut self.name, reader)?;
        read_variables(&mut self.variables, changed >> SHOWN_FIRST, reader)
    }
}

/// Bytes of the set of changed fields, a varint.
const fn set_bytes(fields: usize) -> usize {
    fields.div_ceil(7)
}

fn set_of_first(count: usize) -> u64 {
    (1 << count) - 1
}

fn set_of(differs: &[bool]) -> u64 {
    differs.iter().rev().fold(0, |set, &one| set << 1 | u64::from(one))
}

fn changed_variables(ours: &[i32], base: &[i32]) -> u64 {
    let pairs = ours.iter().zip(base).enumerate();
    pairs.fold(0, |set, (number, (one, other))| set | u64::from(one != other) << number)
}

fn write_if<T: Wire>(is_changed: bool, value: &T, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
    if is_changed { value.write(writer) } else { Ok(()) }
}

fn read_if<T: Wire>(is_changed: bool, value: &mut T, reader: &mut Reader<'_>) -> Result<(), Malformed> {
    if is_changed {
        *value = T::read(reader)?;
    }
    Ok(())
}

fn write_variables(variables: &[i32], changed: u64, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
    let changed = variables.iter().enumerate().filter(|(number, _)| changed & 1 << number != 0);
    changed.map(|(_, &value)| value).try_for_each(|value| writer.varint_i32(value))
}

fn read_variables(variables: &mut [i32], changed: u64, reader: &mut Reader<'_>) -> Result<(), Malformed> {
    for (number, value) in variables.iter_mut().enumerate() {
        if changed & 1 << number != 0 {
            *value = reader.varint_i32()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ringshard_world::contract::{read_difference, write_difference};

    fn through_the_wire<T: Fields>(state: &T, base: &T) -> (T, usize) {
        let mut bytes = [0; 256];
        let mut writer = Writer::new(&mut bytes);
        write_difference(state, base, &mut writer).expect("there is room");
        let used = writer.used();
        let (mut read, mut reader) = (*base, Reader::new(&bytes[..used]));
        read_difference(&mut read, &mut reader).expect("what was written is read");
        reader.finish().expect("nothing is left");
        (read, used)
    }

    fn own() -> impl Strategy<Value = Own> {
        let point = || prop::array::uniform3(-1e6_f32..1e6);
        let walker = (point(), point(), any::<u16>(), any::<u8>(), any::<u8>());
        (walker, any::<u8>(), prop::array::uniform16(prop_oneof![Just(0), any::<i32>()])).prop_map(
            |((point, velocity, yaw, gait, leap), speed, variables)| Own {
                walker: Walker { point, velocity, yaw, gait, leap },
                speed,
                variables,
            },
        )
    }

    fn shown() -> impl Strategy<Value = Shown> {
        let variables = prop::array::uniform8(prop_oneof![Just(0), any::<i32>()]);
        (any::<u8>(), any::<u8>(), "[a-zA-Z0-9]{0,24}", variables).prop_map(|(kind, flags, name, variables)| Shown {
            kind,
            flags,
            name: Text::new(&name),
            variables,
        })
    }

    proptest! {
        #[test]
        fn a_difference_gives_the_state_back_and_fits(one in own(), other in own()) {
            let (read, used) = through_the_wire(&one, &other);
            prop_assert_eq!(read, one);
            prop_assert!(used <= Own::BYTES_MAX);
            prop_assert_eq!(one.changed_from(&other) & !one.all(), 0);
        }

        #[test]
        fn so_does_a_difference_of_what_is_shown(one in shown(), other in shown()) {
            let (read, used) = through_the_wire(&one, &other);
            prop_assert_eq!(read, one);
            prop_assert!(used <= Shown::BYTES_MAX);
            prop_assert_eq!(one.changed_from(&other) & !one.all(), 0);
        }
    }

    #[test]
    fn a_variable_that_changes_sends_itself_alone() {
        let mut own = Own::default();
        own.variables[15] = 1;
        let (_, used) = through_the_wire(&own, &Own::default());
        assert_eq!(used, 4 + 1, "the set of fields and one byte");
    }
}
