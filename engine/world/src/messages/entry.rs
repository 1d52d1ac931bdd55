//! An entry of a snapshot: the news of one entity (PROTOCOL.md#snapshots).
//!
//! An entry is a difference from a version that the client has acknowledged, or a full state, or says that the entity is
//! gone.

use crate::codec::{Malformed, NoRoom, Reader, Writer};
use crate::entity::{EntityId, EntityKind, FACTIONS_MAX};
use crate::limits::{BASELINE_AGE_MAX, VARIABLES};
use crate::state::{self, State, fields};

/// An entity at one version, with everything that an entry may need.
#[derive(Clone, Copy, Debug)]
pub struct Versioned<'a> {
    /// The entity.
    pub id: EntityId,
    /// The version.
    pub version: u32,
    /// The state at that version.
    pub state: &'a State,
    /// The variables at that version.
    pub variables: &'a [i32; VARIABLES],
}

/// The head of an entry: 5 bits of version, 5 bits of the baseline's age, 6 bits of fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    pub(crate) index: u16,
    pub(crate) version: u8,
    pub(crate) age: u8,
    pub(crate) fields: u8,
}

/// The age of entries that are no difference.
const FULL: u8 = 0;

impl Head {
    const BYTES: usize = 4;

    fn write(self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        assert!(self.version < 1 << 5 && self.age < 1 << 5 && self.fields < 1 << 6, "each part has its bits");
        writer.u16(self.index)?;
        writer.u16(u16::from(self.version) | u16::from(self.age) << 5 | u16::from(self.fields) << 10)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let index = reader.u16()?;
        let bits = reader.u16()?;
        let part = |from: u32, wide: u32| (bits >> from & ((1 << wide) - 1)) as u8;
        Ok(Head { index, version: part(0, 5), age: part(5, 5), fields: part(10, 6) })
    }

    pub(crate) fn is_gone(self) -> bool {
        self.age == FULL && self.fields == 0
    }

    pub(crate) fn is_full(self) -> bool {
        self.age == FULL
    }
}

/// Size of the largest entry without variables.
pub const PLAIN_ENTRY_BYTES_MAX: usize = Head::BYTES + 3 + State::DIFFERENCE_BYTES_MAX;
/// Size of the largest entry.
pub const ENTRY_BYTES_MAX: usize = PLAIN_ENTRY_BYTES_MAX + 1 + VARIABLES * 6;

/// A version as it stands on the wire.
fn short(version: u32) -> u8 {
    (version % (BASELINE_AGE_MAX + 1)) as u8
}

/// Writes that an entity is gone.
///
/// # Errors
/// [`NoRoom`]; nothing was written.
pub fn write_gone(index: u16, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
    writer.whole(|writer| Head { index, version: 0, age: FULL, fields: 0 }.write(writer))
}

/// Writes the full state of an entity; `variables` has a bit for each variable that is not 0.
///
/// # Errors
/// [`NoRoom`]; a part may have been written.
pub fn write_full(entity: Versioned<'_>, variables: u64, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
    let Versioned { id, version, state, .. } = entity;
    // Always with a position: an entry without fields says that the entity is gone.
    let changed = state.changed_from(&State::NONE) | fields::POSITION;
    write_head(entity, FULL, changed, variables, version, writer)?;
    writer.u8(id.generation)?;
    writer.u8(state.kind as u8)?;
    writer.u8(state.faction)?;
    write_fields(entity, &State::NONE, changed, variables, writer)
}

/// Writes what has changed since version `base_version`, whose state was `base`; `variables` has a bit for each variable
/// that has changed.
///
/// # Errors
/// [`NoRoom`]; a part may have been written.
///
/// # Panics
/// When `base_version` is not 1 to [`BASELINE_AGE_MAX`] versions older.
pub fn write_difference(
    entity: Versioned<'_>,
    base_version: u32,
    base: &State,
    variables: u64,
    writer: &mut Writer<'_>,
) -> Result<(), NoRoom> {
    let age = entity.version.wrapping_sub(base_version);
    assert!((1..=BASELINE_AGE_MAX).contains(&age), "a baseline is 1 to {BASELINE_AGE_MAX} versions old, not {age}");
    let changed = entity.state.changed_from(base);
    write_head(entity, age as u8, changed, variables, entity.version, writer)?;
    write_fields(entity, base, changed, variables, writer)
}

fn write_head(
    entity: Versioned<'_>,
    age: u8,
    changed: u8,
    variables: u64,
    version: u32,
    writer: &mut Writer<'_>,
) -> Result<(), NoRoom> {
    let with_variables = if variables != 0 { fields::VARIABLES } else { 0 };
    Head { index: entity.id.index, version: short(version), age, fields: changed | with_variables }.write(writer)
}

fn write_fields(
    entity: Versioned<'_>,
    base: &State,
    changed: u8,
    variables: u64,
    writer: &mut Writer<'_>,
) -> Result<(), NoRoom> {
    entity.state.write_difference(base, changed, writer)?;
    match variables {
        0 => Ok(()),
        mask => state::write_variables(mask, entity.variables, writer),
    }
}

/// Reads what a full entry has before its fields: generation, kind and faction.
pub(crate) fn read_identity(reader: &mut Reader<'_>) -> Result<(u8, EntityKind, u8), Malformed> {
    let generation = reader.u8()?;
    let kind = EntityKind::from_number(reader.u8()?).ok_or(Malformed::UnknownValue)?;
    let faction = reader.u8()?;
    if faction >= FACTIONS_MAX {
        return Err(Malformed::UnknownValue);
    }
    Ok((generation, kind, faction))
}
