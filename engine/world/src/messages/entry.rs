//! An entry of a snapshot: the news of one entity (PROTOCOL.md#snapshots).
//!
//! An entry is a difference from a version that the client has acknowledged, or a full state, or says that the entity is
//! gone.

use crate::codec::{Malformed, NoRoom, Reader, Writer};
use crate::contract::Fields;
use crate::entity::EntityId;
use crate::limits::BASELINE_AGE_MAX;
use crate::state::{DIFFERENCE_BYTES_MAX, FULL_BYTES_USUAL, State, fields};

/// An entity at one version, with everything that an entry may need.
#[derive(Clone, Copy, Debug)]
pub struct Versioned<'a, S> {
    /// The entity.
    pub id: EntityId,
    /// The version.
    pub version: u32,
    /// The state at that version.
    pub state: &'a State<S>,
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

/// Size of most full entries: an estimate.
pub const FULL_ENTRY_BYTES_USUAL: usize = Head::BYTES + 1 + FULL_BYTES_USUAL;
/// Size of the largest entry.
pub const ENTRY_BYTES_MAX: usize = Head::BYTES + 1 + DIFFERENCE_BYTES_MAX;

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

/// Writes the full state of an entity, as the difference from `blank`.
///
/// # Errors
/// [`NoRoom`]; a part may have been written.
pub fn write_full<S: Fields>(
    entity: Versioned<'_, S>,
    blank: &State<S>,
    writer: &mut Writer<'_>,
) -> Result<(), NoRoom> {
    let Versioned { id, version, state } = entity;
    // Always with a position: an entry without fields says that the entity is gone.
    let changed = state.changed_from(blank) | fields::POSITION;
    Head { index: id.index, version: short(version), age: FULL, fields: changed }.write(writer)?;
    writer.u8(id.generation)?;
    state.write_difference(blank, changed, writer)
}

/// Writes what has changed since version `base_version`, whose state was `base`.
///
/// # Errors
/// [`NoRoom`]; a part may have been written.
///
/// # Panics
/// When `base_version` is not 1 to [`BASELINE_AGE_MAX`] versions older.
pub fn write_difference<S: Fields>(
    entity: Versioned<'_, S>,
    base_version: u32,
    base: &State<S>,
    writer: &mut Writer<'_>,
) -> Result<(), NoRoom> {
    let Versioned { id, version, state } = entity;
    let age = version.wrapping_sub(base_version);
    assert!((1..=BASELINE_AGE_MAX).contains(&age), "a baseline is 1 to {BASELINE_AGE_MAX} versions old, not {age}");
    let changed = state.changed_from(base);
    Head { index: id.index, version: short(version), age: age as u8, fields: changed }.write(writer)?;
    state.write_difference(base, changed, writer)
}
