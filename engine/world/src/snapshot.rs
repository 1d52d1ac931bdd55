//! Snapshots: what a server tells a client of the world around it, tick by tick (A4).
//!
//! A snapshot is a list of entries, one per entity of which there is news: its state as a difference from a version that
//! the client has acknowledged, or in full, or that it is gone. Snapshots may be lost, and are not sent again: what they
//! said is said anew, in the words of the day, until an acknowledgment covers it.

use super::entity::{EntityId, EntityKind, FACTIONS_MAX};
use super::map::Map;
use super::state::{self, State, fields};
use crate::codec::Malformed;
use crate::codec::{NoRoom, Reader, Writer};
use crate::limits::{BASELINE_AGE_MAX, VARIABLES};

/// Kinds of world messages: the first byte of each (W5, W6).
pub mod kinds {
    /// Client to server, unreliably: its input, and what it has received.
    pub const SYNC_ENTITY_QUANTIZED: u8 = 1;
    /// Client to server, reliably: it wants to be in the world. The server's answer bears the same number.
    pub const ENTER_TO_WORLD: u8 = 3;
    /// Server to client, unreliably: a snapshot.
    pub const DELTA_SYNC: u8 = 6;
    /// From here on a game's own.
    pub const GAME: u8 = 32;
}

/// How a snapshot begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SnapshotHeader {
    /// Counts the snapshots for this client.
    pub number: u16,
    /// The tick of the world that it shows.
    pub tick: u32,
    /// The last input that had been applied by then.
    pub input: u16,
}

impl SnapshotHeader {
    /// Bytes of it.
    pub const BYTES: usize = 9;

    /// Writes it.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn write(self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        writer.u8(kinds::DELTA_SYNC)?;
        writer.u16(self.number)?;
        writer.u32(self.tick)?;
        writer.u16(self.input)
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`Malformed`] when it is none.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        if reader.u8()? != kinds::DELTA_SYNC {
            return Err(Malformed::UnknownValue);
        }
        Ok(SnapshotHeader { number: reader.u16()?, tick: reader.u32()?, input: reader.u16()? })
    }
}

/// An entity at one version, with what an entry about it may need.
#[derive(Clone, Copy, Debug)]
pub struct Versioned<'a> {
    /// Its name.
    pub id: EntityId,
    /// Which version.
    pub version: u32,
    /// Its state.
    pub state: &'a State,
    /// Its variables.
    pub variables: &'a [i32; VARIABLES],
}

/// What the head of an entry says: 5 bits of version, 5 bits of age, 6 bits of fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub(super) index: u16,
    pub(super) version: u8,
    pub(super) age: u8,
    pub(super) fields: u8,
}

/// Age of what is not a difference.
const FULL: u8 = 0;

impl Head {
    const BYTES: usize = 4;

    fn write(self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        writer.u16(self.index)?;
        writer.u16(u16::from(self.version) | u16::from(self.age) << 5 | u16::from(self.fields) << 10)
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let index = reader.u16()?;
        let bits = reader.u16()?;
        let part = |from: u32, wide: u32| (bits >> from & ((1 << wide) - 1)) as u8;
        Ok(Head { index, version: part(0, 5), age: part(5, 5), fields: part(10, 6) })
    }

    pub(super) fn is_gone(self) -> bool {
        self.age == FULL && self.fields == 0
    }

    pub(super) fn is_full(self) -> bool {
        self.age == FULL
    }
}

/// Bytes of the largest entry that says that an entity is gone, or has no variables in it.
pub const PLAIN_ENTRY_BYTES_MAX: usize = Head::BYTES + 3 + State::DIFFERENCE_BYTES_MAX;
/// Bytes of the largest entry.
pub const ENTRY_BYTES_MAX: usize = PLAIN_ENTRY_BYTES_MAX + 1 + VARIABLES * 6;

/// The number of a version on the wire.
pub(super) fn short(version: u32) -> u8 {
    (version % (BASELINE_AGE_MAX + 1)) as u8
}

/// Writes that an entity is gone, or nothing.
///
/// # Errors
/// [`NoRoom`].
pub fn write_gone(index: u16, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
    writer.whole(|writer| Head { index, version: 0, age: FULL, fields: 0 }.write(writer))
}

/// Writes all of an entity; `variables` are those that are not 0.
///
/// # Errors
/// [`NoRoom`].
pub fn write_full(entity: Versioned<'_>, variables: u64, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
    let Versioned { id, version, state, .. } = entity;
    // With a position, whatever it is: without any field, it would be gone.
    let changed = state.changed_from(&State::NONE) | fields::POSITION;
    write_head(entity, FULL, changed, variables, version, writer)?;
    writer.u8(id.generation)?;
    writer.u8(state.kind as u8)?;
    writer.u8(state.faction)?;
    write_fields(entity, &State::NONE, changed, variables, writer)
}

/// Writes what has changed of an entity since its version `base_version`, which was `base`; `variables` are those that
/// have.
///
/// # Errors
/// [`NoRoom`].
///
/// # Panics
/// When that version is too old to be a baseline, or none that was before this one.
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

/// What stands in a full entry before its fields.
pub(super) fn read_identity(reader: &mut Reader<'_>) -> Result<(u8, EntityKind, u8), Malformed> {
    let generation = reader.u8()?;
    let kind = EntityKind::from_number(reader.u8()?).ok_or(Malformed::UnknownValue)?;
    let faction = reader.u8()?;
    if faction >= FACTIONS_MAX {
        return Err(Malformed::UnknownValue);
    }
    Ok((generation, kind, faction))
}

/// The server's answer to who wants into the world.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Welcome {
    /// The client's own entity.
    pub player: EntityId,
    /// The tick of the world.
    pub tick: u32,
    /// Where the world is.
    pub map: Map,
}

const REFUSED: u8 = 0;
const WELCOME: u8 = 1;

impl Welcome {
    /// Bytes of it.
    pub const BYTES: usize = 2 + 3 + 4 + 8 + 6;

    /// Writes it.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn write(self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        writer.u8(kinds::ENTER_TO_WORLD)?;
        writer.u8(WELCOME)?;
        writer.u16(self.player.index)?;
        writer.u8(self.player.generation)?;
        writer.u32(self.tick)?;
        let (section, sections) = self.map.shape();
        section.into_iter().try_for_each(|edge| writer.f32(edge))?;
        sections.into_iter().try_for_each(|count| writer.u16(count))
    }

    /// Reads one that fills `message`; None is a refusal.
    ///
    /// # Errors
    /// [`Malformed`] when it is none, or its map is no map.
    pub fn read(message: &[u8]) -> Result<Option<Welcome>, Malformed> {
        let mut reader = Reader::new(message);
        if reader.u8()? != kinds::ENTER_TO_WORLD {
            return Err(Malformed::UnknownValue);
        }
        match reader.u8()? {
            REFUSED => return reader.finish().map(|()| None),
            WELCOME => {}
            _ => return Err(Malformed::UnknownValue),
        }
        let player = EntityId { index: reader.u16()?, generation: reader.u8()? };
        let tick = reader.u32()?;
        let section = [reader.f32()?, reader.f32()?];
        let sections = [reader.u16()?, reader.u16()?, reader.u16()?];
        reader.finish()?;
        let map = Map::new(section, sections, [1, 1, 1]).map_err(|_| Malformed::UnknownValue)?;
        Ok(Some(Welcome { player, tick, map }))
    }

    /// The message that refuses.
    pub const REFUSAL: [u8; 2] = [kinds::ENTER_TO_WORLD, REFUSED];
}

/// What a client says every tick: which snapshots it has, and what its player does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Input {
    /// The newest snapshot received, and a bit for each of the 64 before it: the lowest for the one right before.
    pub received: Option<(u16, u64)>,
    /// Digest of the client's view right after the newest snapshot, if it gives one ([`super::View::digest`]).
    pub digest: Option<u32>,
    /// Counts its inputs.
    pub number: u16,
    /// Where the player wants to go: a turn of 65,536, from the x axis towards the y axis.
    pub direction: u16,
    /// How fast, of 255, which is as fast as it may.
    pub pace: u8,
    /// What else it does; what the bits mean is the game's.
    pub actions: u8,
}

const HAS_RECEIVED: u8 = 1;
const HAS_DIGEST: u8 = 2;

impl Input {
    /// Bytes of the largest.
    pub const BYTES_MAX: usize = 2 + 10 + 4 + 6;

    /// Writes it.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn write(self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        let has = |present: bool, flag: u8| if present { flag } else { 0 };
        writer.u8(kinds::SYNC_ENTITY_QUANTIZED)?;
        writer.u8(has(self.received.is_some(), HAS_RECEIVED) | has(self.digest.is_some(), HAS_DIGEST))?;
        if let Some((newest, before)) = self.received {
            writer.u16(newest)?;
            writer.u64(before)?;
        }
        if let Some(digest) = self.digest {
            writer.u32(digest)?;
        }
        writer.u16(self.number)?;
        writer.u16(self.direction)?;
        writer.u8(self.pace)?;
        writer.u8(self.actions)
    }

    /// Reads one that fills `message`.
    ///
    /// # Errors
    /// [`Malformed`] when it does not.
    pub fn read(message: &[u8]) -> Result<Input, Malformed> {
        let mut reader = Reader::new(message);
        if reader.u8()? != kinds::SYNC_ENTITY_QUANTIZED {
            return Err(Malformed::UnknownValue);
        }
        let flags = reader.u8()?;
        if flags & !(HAS_RECEIVED | HAS_DIGEST) != 0 {
            return Err(Malformed::UnknownValue);
        }
        let received = match flags & HAS_RECEIVED {
            0 => None,
            _ => Some((reader.u16()?, reader.u64()?)),
        };
        let digest = match flags & HAS_DIGEST {
            0 => None,
            _ => Some(reader.u32()?),
        };
        let (number, direction, pace, actions) = (reader.u16()?, reader.u16()?, reader.u8()?, reader.u8()?);
        reader.finish()?;
        Ok(Input { received, digest, number, direction, pace, actions })
    }
}
