//! Reading.

use super::{Malformed, Mark};

/// Reads what a [`Writer`](super::Writer) wrote, from bytes that may be anything.
///
/// Strings are lent from where they lie. A read that gives an error has read nothing.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    /// Bytes read, the begun one included.
    read: usize,
    /// Bits of that one that were not read.
    spare: u32,
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
        Reader { bytes, read: 0, spare: 0 }
    }

    /// Whole bytes that were not read yet.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.read
    }

    /// Where it stands.
    #[inline]
    pub fn mark(&self) -> Mark {
        Mark { bytes: self.read, spare: self.spare }
    }

    /// Goes back, or on, to `mark`.
    ///
    /// # Panics
    /// When it lies behind the end: it is another reader's.
    pub fn rewind(&mut self, mark: Mark) {
        assert!(mark.bytes <= self.bytes.len(), "a mark lies inside the bytes");
        (self.read, self.spare) = (mark.bytes, mark.spare);
    }

    /// All that `read` reads, or nothing.
    #[inline]
    pub fn whole<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Malformed>) -> Result<T, Malformed> {
        let mark = self.mark();
        read(self).inspect_err(|_| self.rewind(mark))
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`Malformed::TooLong`] when there are bytes left, [`Malformed::Padding`] when a bit is.
    pub fn finish(self) -> Result<(), Malformed> {
        if self.rest()?.is_empty() { Ok(()) } else { Err(Malformed::TooLong) }
    }

    fixed! { u8 u16 u32 u64 i8 i16 i32 i64 f32 f64 }

    /// Reads a byte that is 1 or 0.
    #[inline]
    pub fn bool(&mut self) -> Result<bool, Malformed> {
        self.whole(|reader| match reader.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed::UnknownValue),
        })
    }

    /// Reads a number of 1 to 5 bytes.
    #[inline]
    pub fn varint_u32(&mut self) -> Result<u32, Malformed> {
        self.varint(u32::BITS).map(|value| value as u32)
    }

    /// Reads a number of 1 to 10 bytes.
    #[inline]
    pub fn varint_u64(&mut self) -> Result<u64, Malformed> {
        self.varint(u64::BITS)
    }

    /// Reads a signed number of 1 to 5 bytes.
    #[inline]
    pub fn varint_i32(&mut self) -> Result<i32, Malformed> {
        self.varint_u32().map(|value| (value >> 1) as i32 ^ -((value & 1) as i32))
    }

    /// Reads a signed number of 1 to 10 bytes.
    #[inline]
    pub fn varint_i64(&mut self) -> Result<i64, Malformed> {
        self.varint_u64().map(|value| (value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A number of so many bits, in as few bytes as it needs.
    #[inline]
    fn varint(&mut self, width: u32) -> Result<u64, Malformed> {
        let mut value = 0;
        let mut shift = 0;
        for (at, &byte) in self.rest()?.iter().enumerate() {
            let part = u64::from(byte & 0x7F);
            // The last byte has room for fewer than 7 bits, and none follows it.
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
    /// When `count` is not in 1..=32.
    #[inline]
    pub fn bits(&mut self, count: u32) -> Result<u32, Malformed> {
        assert!((1..=32).contains(&count), "a field has 1 to 32 bits");
        let fresh = count.saturating_sub(self.spare).div_ceil(8) as usize;
        let Some(fresh) = self.bytes[self.read..].get(..fresh) else { return Err(Malformed::TooShort) };
        let mut have = self.spare;
        let mut value = self.begun();
        for &byte in fresh {
            value |= u64::from(byte) << have;
            have += 8;
        }
        self.read += fresh.len();
        self.spare = have - count;
        Ok((value & ((1 << count) - 1)) as u32)
    }

    /// Reads a number of 0..=`most`.
    ///
    /// # Errors
    /// [`Malformed::UnknownValue`] when it is higher.
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

    /// Reads as many bytes as the array has.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let bytes = *self.rest()?.first_chunk().ok_or(Malformed::TooShort)?;
        self.read += N;
        self.spare = 0;
        Ok(bytes)
    }

    /// Reads bytes with their number in front.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        self.whole(|reader| {
            let len = reader.varint_u64()?;
            reader.raw(usize::try_from(len).map_err(|_| Malformed::TooShort)?)
        })
    }

    /// Reads text with its number of bytes in front.
    #[inline]
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        self.whole(|reader| str::from_utf8(reader.bytes()?).map_err(|_| Malformed::NotUtf8))
    }

    /// The bits of the begun byte that were not read.
    #[inline]
    fn begun(&self) -> u64 {
        if self.spare == 0 { 0 } else { u64::from(self.bytes[self.read - 1] >> (8 - self.spare)) }
    }

    /// What lies behind the begun byte, once that has nothing more to say.
    #[inline]
    fn rest(&self) -> Result<&'a [u8], Malformed> {
        if self.begun() == 0 { Ok(&self.bytes[self.read..]) } else { Err(Malformed::Padding) }
    }
}
