//! Reads values from bytes that may hold anything.

use super::{Malformed, Mark};

/// Reads what a [`Writer`](super::Writer) wrote, in the same order, and checks everything.
///
/// Byte strings and text are borrowed from the input. A read that fails leaves the reader where it was.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    /// Bytes read, including a partly read last byte.
    read: usize,
    /// Unread bits of the last byte.
    spare: u32,
}

macro_rules! fixed {
    ($($name:ident)*) => {$(
        #[doc = concat!("Reads `", stringify!($name), "`, little endian.")]
        #[inline]
        pub fn $name(&mut self) -> Result<$name, Malformed> {
            self.array().map($name::from_le_bytes)
        }
    )*};
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, read: 0, spare: 0 }
    }

    /// Whole bytes that are still unread.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.read
    }

    /// The current position.
    #[inline]
    pub fn mark(&self) -> Mark {
        Mark { bytes: self.read, spare: self.spare }
    }

    /// Moves back or forward to `mark`.
    ///
    /// # Panics
    /// If the mark lies behind the end of the bytes. Then it comes from another reader.
    pub fn rewind(&mut self, mark: Mark) {
        assert!(mark.bytes <= self.bytes.len(), "the mark lies behind the end of the bytes");
        (self.read, self.spare) = (mark.bytes, mark.spare);
    }

    /// Runs `read`, and undoes what it read if it fails.
    #[inline]
    pub fn whole<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Malformed>) -> Result<T, Malformed> {
        let mark = self.mark();
        read(self).inspect_err(|_| self.rewind(mark))
    }

    /// Checks that nothing is left to read.
    ///
    /// # Errors
    /// [`Malformed::TooLong`] if bytes are left, [`Malformed::Padding`] if an unread bit of the last byte is 1.
    pub fn finish(self) -> Result<(), Malformed> {
        if self.rest()?.is_empty() { Ok(()) } else { Err(Malformed::TooLong) }
    }

    fixed! { u8 u16 u32 u64 i8 i16 i32 i64 f32 f64 }

    /// Reads a byte, 0 or 1.
    #[inline]
    pub fn bool(&mut self) -> Result<bool, Malformed> {
        self.whole(|reader| match reader.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed::UnknownValue),
        })
    }

    /// Reads a varint of 1 to 5 bytes.
    #[inline]
    pub fn varint_u32(&mut self) -> Result<u32, Malformed> {
        self.varint(u32::BITS).map(|value| value as u32)
    }

    /// Reads a varint of 1 to 10 bytes.
    #[inline]
    pub fn varint_u64(&mut self) -> Result<u64, Malformed> {
        self.varint(u64::BITS)
    }

    /// Reads a signed varint of 1 to 5 bytes.
    #[inline]
    pub fn varint_i32(&mut self) -> Result<i32, Malformed> {
        self.varint_u32().map(|value| (value >> 1) as i32 ^ -((value & 1) as i32))
    }

    /// Reads a signed varint of 1 to 10 bytes.
    #[inline]
    pub fn varint_i64(&mut self) -> Result<i64, Malformed> {
        self.varint_u64().map(|value| (value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// Reads a varint of at most `width` bits.
    #[inline]
    fn varint(&mut self, width: u32) -> Result<u64, Malformed> {
        let mut value = 0;
        let mut shift = 0;
        for (at, &byte) in self.rest()?.iter().enumerate() {
            let part = u64::from(byte & 0x7F);
            // The longest encoding: its last byte holds fewer than 7 bits, and no byte may follow.
            let overflows = shift + 7 > width && (part >> (width - shift) != 0 || byte & 0x80 != 0);
            let overlong = byte == 0 && at > 0;
            if overflows || overlong {
                return Err(Malformed::VarInt);
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                self.read += at + 1;
                self.spare = 0;
                return Ok(value);
            }
            shift += 7;
        }
        Err(Malformed::TooShort)
    }

    /// Reads one bit.
    #[inline]
    pub fn bit(&mut self) -> Result<bool, Malformed> {
        self.bits(1).map(|bit| bit == 1)
    }

    /// Reads a number of `count` bits.
    ///
    /// # Panics
    /// If `count` is not in 1..=32.
    #[inline]
    pub fn bits(&mut self, count: u32) -> Result<u32, Malformed> {
        assert!((1..=32).contains(&count), "a field has 1 to 32 bits");
        let fresh = count.saturating_sub(self.spare).div_ceil(8) as usize;
        let Some(fresh) = self.bytes[self.read..].get(..fresh) else { return Err(Malformed::TooShort) };
        let mut have = self.spare;
        let mut value = self.unread_bits();
        for &byte in fresh {
            value |= u64::from(byte) << have;
            have += 8;
        }
        self.read += fresh.len();
        self.spare = have - count;
        Ok((value & ((1 << count) - 1)) as u32)
    }

    /// Reads a number in 0..=`most`.
    ///
    /// # Errors
    /// [`Malformed::UnknownValue`] if the number is higher.
    #[inline]
    pub fn up_to(&mut self, most: u32) -> Result<u32, Malformed> {
        if most == 0 {
            return Ok(0);
        }
        self.whole(|reader| {
            let value = reader.bits(u32::BITS - most.leading_zeros())?;
            if value <= most { Ok(value) } else { Err(Malformed::UnknownValue) }
        })
    }

    /// Reads `len` bytes.
    #[inline]
    pub fn raw(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let bytes = self.rest()?.get(..len).ok_or(Malformed::TooShort)?;
        self.read += len;
        self.spare = 0;
        Ok(bytes)
    }

    /// Reads `N` bytes.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let bytes = *self.rest()?.first_chunk().ok_or(Malformed::TooShort)?;
        self.read += N;
        self.spare = 0;
        Ok(bytes)
    }

    /// Reads a byte string: its length as a varint, then the bytes.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        self.whole(|reader| {
            let len = reader.varint_u64()?;
            reader.raw(usize::try_from(len).map_err(|_| Malformed::TooShort)?)
        })
    }

    /// Reads text: its length in bytes as a varint, then UTF-8.
    #[inline]
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        self.whole(|reader| str::from_utf8(reader.bytes()?).map_err(|_| Malformed::NotUtf8))
    }

    /// The unread bits of the last byte.
    #[inline]
    fn unread_bits(&self) -> u64 {
        if self.spare == 0 { 0 } else { u64::from(self.bytes[self.read - 1] >> (8 - self.spare)) }
    }

    /// The bytes behind the last byte. Refuses a last byte with an unread bit that is 1.
    #[inline]
    fn rest(&self) -> Result<&'a [u8], Malformed> {
        if self.unread_bits() == 0 { Ok(&self.bytes[self.read..]) } else { Err(Malformed::Padding) }
    }
}
