//! Reading.

use super::Malformed;

/// Reads what a [`Writer`](super::Writer) wrote, from bytes that may be anything. A read that fails consumes nothing.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    /// What was not read yet.
    rest: &'a [u8],
}

macro_rules! fixed {
    ($($name:ident)*) => {$(
        #[doc = concat!("Reads an `", stringify!($name), "`, little endian.")]
        #[inline]
        pub fn $name(&mut self) -> Result<$name, Malformed> {
            self.array().map($name::from_le_bytes)
        }
    )*};
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// Bytes that were not read yet.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`Malformed::TooLong`] when bytes are left.
    pub fn finish(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::TooLong) }
    }

    fixed! { u8 u16 u32 u64 i8 i16 i32 f32 }

    /// Reads a signed number of 1 to 5 bytes.
    #[inline]
    pub fn varint_i32(&mut self) -> Result<i32, Malformed> {
        self.varint_u32().map(|value| (value >> 1) as i32 ^ -((value & 1) as i32))
    }

    /// Reads a number in as few bytes as it needs: 7 bits each, the lowest first.
    #[inline]
    fn varint_u32(&mut self) -> Result<u32, Malformed> {
        let mut value = 0;
        let mut shift = 0;
        for (at, &byte) in self.rest.iter().enumerate() {
            let part = u32::from(byte & 0x7F);
            let more = byte & 0x80 != 0;
            // The fifth byte has room for 4 bits, and is the last.
            let overflows = shift + 7 > u32::BITS && (part >> (u32::BITS - shift) != 0 || more);
            let overlong = byte == 0 && at > 0;
            if overflows || overlong {
                return Err(Malformed::VarInt);
            }
            value |= part << shift;
            if !more {
                self.rest = &self.rest[at + 1..];
                return Ok(value);
            }
            shift += 7;
        }
        Err(Malformed::TooShort)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed::TooShort)?;
        self.rest = rest;
        Ok(*bytes)
    }
}
