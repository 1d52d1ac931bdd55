//! The messages between hosts, byte for byte. Numbers are little endian; a varint has 7 bits per byte, the lowest first.
//!
//! | part | bytes |
//! |---|---|
//! | version, now 1 | 1 |
//! | number of the contract | 4 |
//! | session of the sender | 8 |
//! | session of the receiver, as the sender knows it; 0: it has not heard it, or not of late | 8 |
//! | number of the message in its session, from 1 | varint |
//! | time of departure by the sender's clock, in microseconds | varint |
//! | newest message that the sender has received and shown in whole, and the 64 before it, a bit each | varint, 8 |
//! | smallest lag of the receiver's messages, in microseconds; the smallest number: unknown | 8 |
//! | number of the command that the sender expects next | varint |
//! | number of the first command in this message, and how many follow | varint, varint |
//! | the commands: see [`Letter`] | |
//! | entries up to the end: see [`Entry`] | |
//!
//! An entity is its index and its generation at the sender: 2 bytes and 1.

use super::contract::Contract;
use super::seen::{Seen, Traits};
use super::window::Window;
use crate::world::store::Rate;
use ringshard_world::codec::{Malformed, NoRoom, Reader, Writer};
use ringshard_world::state::fields;
use ringshard_world::{EntityId, Fields, State};

const VERSION: u8 = 1;
/// An update has the traits, too.
const WITH_TRAITS: u8 = 0x20;
const FULL: u8 = 0x40;
const GONE: u8 = 0x80;

/// What every message begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    /// The session of the sender.
    pub(super) session: u64,
    /// The session of the receiver, as the sender knows it; 0 if it does not hear it.
    pub(super) to: u64,
    /// The number of this message.
    pub(super) number: u64,
    /// When it left, in microseconds.
    pub(super) at: u64,
    /// The messages of the receiver that have arrived at the sender.
    pub(super) arrived: Window,
    /// The smallest lag of these, in microseconds.
    pub(super) lag: Option<i64>,
    /// The command that the sender expects next.
    pub(super) expected: u64,
}

impl Header {
    /// # Errors
    /// [`NoRoom`]; a part may have been written.
    pub(super) fn write(&self, contract: u32, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        writer.u8(VERSION)?;
        writer.u32(contract)?;
        writer.u64(self.session)?;
        writer.u64(self.to)?;
        writer.varint_u64(self.number)?;
        writer.varint_u64(self.at)?;
        writer.varint_u64(self.arrived.newest)?;
        writer.u64(self.arrived.earlier)?;
        writer.i64(self.lag.unwrap_or(i64::MIN))?;
        writer.varint_u64(self.expected)
    }

    /// # Errors
    /// [`Malformed`] when it is of another version or contract, or no header.
    pub(super) fn read(contract: u32, reader: &mut Reader<'_>) -> Result<Header, Malformed> {
        if reader.u8()? != VERSION || reader.u32()? != contract {
            return Err(Malformed::UnknownValue);
        }
        let header = Header {
            session: reader.u64()?,
            to: reader.u64()?,
            number: reader.varint_u64()?,
            at: reader.varint_u64()?,
            arrived: Window { newest: reader.varint_u64()?, earlier: reader.u64()? },
            lag: Some(reader.i64()?).filter(|&lag| lag != i64::MIN),
            expected: reader.varint_u64()?,
        };
        let is_possible = header.session != 0 && header.number != 0;
        is_possible.then_some(header).ok_or(Malformed::UnknownValue)
    }
}

/// An entry about an entity of the sender.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Entry<S> {
    /// `0x40`, entity, number of the state as a base in 2 bytes, traits, and the state as a difference of all fields from the blank one.
    Full {
        /// The entity.
        id: EntityId,
        /// Updates name it by this number.
        base: u16,
        /// What is seen of it.
        seen: Seen<S>,
    },
    /// The [fields](ringshard_world::state::fields) that differ, with `0x20` added if the traits follow; entity, number of the
    /// base, traits, and the difference.
    Update {
        /// The entity.
        id: EntityId,
        /// The number of the full state from which it differs.
        base: u16,
        /// Its traits, if they differ.
        traits: Option<Traits>,
        /// Its state. None: the reader does not have that base.
        state: Option<State<S>>,
    },
    /// `0x80`, entity: it was despawned, or is out of sight.
    Gone {
        /// The entity.
        id: EntityId,
    },
}

/// Writes [`Entry::Full`].
///
/// # Errors
/// [`NoRoom`]; nothing was written.
pub(super) fn write_full<S: Fields>(
    id: EntityId,
    base: u16,
    seen: &Seen<S>,
    blank: &S,
    writer: &mut Writer<'_>,
) -> Result<(), NoRoom> {
    writer.whole(|writer| {
        writer.u8(FULL)?;
        write_id(id, writer)?;
        writer.u16(base)?;
        write_traits(&seen.traits, writer)?;
        seen.state.write_difference(&State::blank(*blank), fields::ALL, writer)
    })
}

/// Writes [`Entry::Update`]: what differs from the base.
///
/// # Errors
/// [`NoRoom`]; nothing was written.
pub(super) fn write_update<S: Fields>(
    id: EntityId,
    (number, base): (u16, &Seen<S>),
    seen: &Seen<S>,
    writer: &mut Writer<'_>,
) -> Result<(), NoRoom> {
    writer.whole(|writer| {
        let changed = seen.state.changed_from(&base.state);
        let has_traits = seen.traits != base.traits;
        writer.u8(changed | if has_traits { WITH_TRAITS } else { 0 })?;
        write_id(id, writer)?;
        writer.u16(number)?;
        if has_traits {
            write_traits(&seen.traits, writer)?;
        }
        seen.state.write_difference(&base.state, changed, writer)
    })
}

/// Writes [`Entry::Gone`].
///
/// # Errors
/// [`NoRoom`]; nothing was written.
pub(super) fn write_gone(id: EntityId, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
    writer.whole(|writer| {
        writer.u8(GONE)?;
        write_id(id, writer)
    })
}

/// Reads an entry. `base_of` gives the full state of an entity that has this number.
///
/// # Errors
/// [`Malformed`] when the bytes are no entry, or name what the game or the map does not have.
pub(super) fn read_entry<S: Fields>(
    contract: &Contract<S>,
    reader: &mut Reader<'_>,
    base_of: impl FnOnce(EntityId, u16) -> Option<State<S>>,
) -> Result<Entry<S>, Malformed> {
    let blank = State::blank(contract.blank);
    let form = reader.u8()?;
    let id = read_id(reader)?;
    if id.generation == 0 {
        return Err(Malformed::UnknownValue);
    }
    let on_map = |state: State<S>| {
        if contract.map.contains(state.position) { Ok(state) } else { Err(Malformed::UnknownValue) }
    };
    match form {
        GONE => Ok(Entry::Gone { id }),
        FULL => {
            let base = reader.u16()?;
            let traits = read_traits(contract, reader)?;
            let state = on_map(blank.read_difference(fields::ALL, reader)?)?;
            Ok(Entry::Full { id, base, seen: Seen { state, traits } })
        }
        _ if form & !(fields::ALL | WITH_TRAITS) == 0 => {
            let number = reader.u16()?;
            let traits = (form & WITH_TRAITS != 0).then(|| read_traits(contract, reader)).transpose()?;
            let base = base_of(id, number);
            // The length of a difference does not depend on its base.
            let state = base.unwrap_or(blank).read_difference(form & fields::ALL, reader)?;
            let state = base.is_some().then(|| on_map(state)).transpose()?;
            Ok(Entry::Update { id, base: number, traits, state })
        }
        _ => Err(Malformed::UnknownValue),
    }
}

pub(super) fn write_id(id: EntityId, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
    writer.u16(id.index)?;
    writer.u8(id.generation)
}

pub(super) fn read_id(reader: &mut Reader<'_>) -> Result<EntityId, Malformed> {
    Ok(EntityId { index: reader.u16()?, generation: reader.u8()? })
}

/// Kind and rate, 4 bits each, and the hitbox.
fn write_traits(traits: &Traits, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
    let rate = match traits.rate {
        Rate::Full => 0,
        Rate::Reduced => 1,
        Rate::Low => 2,
        Rate::Never => 3,
    };
    writer.u8(traits.kind | rate << 4)?;
    writer.u8(traits.hitbox)
}

fn read_traits<S: Fields>(contract: &Contract<S>, reader: &mut Reader<'_>) -> Result<Traits, Malformed> {
    let (both, hitbox) = (reader.u8()?, reader.u8()?);
    let kind = both & 0x0F;
    let rate = match both >> 4 {
        0 => Rate::Full,
        1 => Rate::Reduced,
        2 => Rate::Low,
        3 => Rate::Never,
        _ => return Err(Malformed::UnknownValue),
    };
    let is_known = contract.has_kind(kind) && contract.has_hitbox(hitbox);
    is_known.then_some(Traits { kind, rate, hitbox }).ok_or(Malformed::UnknownValue)
}

const _: () = assert!(crate::world::kind::KINDS_MAX <= 16, "a kind has 4 bits");
