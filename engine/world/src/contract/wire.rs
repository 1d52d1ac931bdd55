//! Types that have bytes.

use super::schema::{BASIS, mix};
use crate::codec::{Malformed, NoRoom, Reader, Writer};
use crate::entity::EntityId;
use std::fmt::Debug;

/// A type with an encoding of bounded size. [`wire!`](crate::wire!) implements it for structs and enums.
pub trait Wire: Copy + Debug + Send + Sized + 'static {
    /// Most bytes of an encoded value.
    const BYTES_MAX: usize;
    /// Stands for the encoding: both ends compare it ([`Schema`](super::Schema)).
    const SCHEMA: u32;

    /// Writes the value.
    ///
    /// # Errors
    /// [`NoRoom`]; a part may have been written.
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom>;

    /// Reads a value.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are no value of this type.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed>;
}

macro_rules! numbers {
    ($($kind:ident)*) => { $(
        impl Wire for $kind {
            const BYTES_MAX: usize = size_of::<$kind>();
            const SCHEMA: u32 = mix(BASIS, stringify!($kind));

            #[inline]
            fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
                writer.$kind(*self)
            }

            #[inline]
            fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
                reader.$kind()
            }
        }
    )* };
}

numbers!(u8 u16 u32 u64 i8 i16 i32 i64 bool);

impl Wire for f32 {
    const BYTES_MAX: usize = 4;
    const SCHEMA: u32 = mix(BASIS, "f32");

    /// Writes 0 for NaN and infinities: no game wants them in its world. Writes 0 for -0 too: they are equal, so differences
    /// do not tell them apart, and digests must not either.
    #[inline]
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        debug_assert!(self.is_finite(), "a float on the wire is finite");
        writer.f32(if self.is_finite() { *self + 0.0 } else { 0.0 })
    }

    /// Refuses NaN and infinities: a game calculates with what clients send.
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let value = reader.f32()?;
        if value.is_finite() { Ok(value) } else { Err(Malformed::UnknownValue) }
    }
}

impl<T: Wire, const N: usize> Wire for [T; N] {
    const BYTES_MAX: usize = N * T::BYTES_MAX;
    const SCHEMA: u32 = mix(T::SCHEMA ^ N as u32, "[]");

    #[inline]
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        self.iter().try_for_each(|item| item.write(writer))
    }

    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut failed = None;
        let items: [Option<T>; N] = std::array::from_fn(|_| match failed {
            None => T::read(reader).map_err(|error| failed = Some(error)).ok(),
            Some(_) => None,
        });
        match failed {
            None => Ok(items.map(|item| item.expect("every item was read"))),
            Some(error) => Err(error),
        }
    }
}

impl<T: Wire> Wire for Option<T> {
    const BYTES_MAX: usize = 1 + T::BYTES_MAX;
    const SCHEMA: u32 = mix(T::SCHEMA, "?");

    #[inline]
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        writer.bool(self.is_some())?;
        self.as_ref().map_or(Ok(()), |value| value.write(writer))
    }

    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        if reader.bool()? { T::read(reader).map(Some) } else { Ok(None) }
    }
}

impl Wire for EntityId {
    const BYTES_MAX: usize = 3;
    const SCHEMA: u32 = mix(BASIS, "entity");

    #[inline]
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        writer.u16(self.index)?;
        writer.u8(self.generation)
    }

    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(EntityId { index: reader.u16()?, generation: reader.u8()? })
    }
}
