//! States of which only the fields that changed are sent.

use crate::codec::{Malformed, NoRoom, Reader, Writer};
use std::fmt::Debug;

/// A state with up to 64 fields. [`wire!`](crate::wire!) implements it for structs.
///
/// The fields are numbered from 0 in their order. A set of fields is a `u64` with a bit for each, the lowest for field 0.
pub trait Fields: Copy + PartialEq + Debug + Default + Send + Sync + 'static {
    /// Most bytes of a difference: the set of fields, and every field.
    const BYTES_MAX: usize;
    /// Stands for the fields and their order ([`Schema`](super::Schema)).
    const SCHEMA: u32;

    /// The fields in which this state differs from `base`.
    fn changed_from(&self, base: &Self) -> u64;

    /// All fields of this state.
    fn all(&self) -> u64;

    /// Writes the fields of the set `changed`, in their order.
    ///
    /// # Errors
    /// [`NoRoom`]; a part may have been written.
    fn write_fields(&self, changed: u64, writer: &mut Writer<'_>) -> Result<(), NoRoom>;

    /// Reads the fields of the set `changed`, in their order, into this state.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are no values of these fields. Some fields may have been read.
    fn read_fields(&mut self, changed: u64, reader: &mut Reader<'_>) -> Result<(), Malformed>;
}

/// Writes what distinguishes `state` from `base`: the set of fields as a varint, then these fields (PROTOCOL.md#differences).
///
/// # Errors
/// [`NoRoom`]; a part may have been written.
#[inline]
pub fn write_difference<T: Fields>(state: &T, base: &T, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
    let changed = state.changed_from(base);
    writer.varint_u64(changed)?;
    state.write_fields(changed, writer)
}

/// Reads a difference into `state`, which is its base.
///
/// # Errors
/// [`Malformed`]; `state` may then have some of the fields.
#[inline]
pub fn read_difference<T: Fields>(state: &mut T, reader: &mut Reader<'_>) -> Result<(), Malformed> {
    let changed = reader.varint_u64()?;
    if changed & !state.all() != 0 {
        return Err(Malformed::UnknownValue);
    }
    state.read_fields(changed, reader)
}
