//! Writes values into a buffer.

use super::{Mark, NoRoom};

/// Appends values to a buffer of the caller, never past its end.
///
/// A bit field continues in the byte that the previous bit field left partly used, from its lowest free bit up. All other
/// values begin at the next whole byte. A write that fails with [`NoRoom`] writes nothing.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    /// Bytes written, including a partly used last byte.
    used: usize,
    /// Free bits of the last byte. They are 0.
    spare: u32,
}

macro_rules! fixed {
    ($($name:ident)*) => {$(
        #[doc = concat!("Appends `", stringify!($name), "`, little endian.")]
        #[inline]
        pub fn $name(&mut self, value: $name) -> Result<(), NoRoom> {
            self.raw(&value.to_le_bytes())
        }
    )*};
}

impl<'a> Writer<'a> {
    /// Writes from the start of `buffer`. Its old content does not matter.
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Writer { buffer, used: 0, spare: 0 }
    }

    /// Bytes written so far, including a partly used last byte.
    #[inline]
    pub fn used(&self) -> usize {
        self.used
    }

    /// Whole bytes that are still free.
    #[inline]
    pub fn room(&self) -> usize {
        self.buffer.len() - self.used
    }

    /// The bytes written so far.
    pub fn written(&self) -> &[u8] {
        &self.buffer[..self.used]
    }

    /// The current position.
    #[inline]
    pub fn mark(&self) -> Mark {
        Mark { bytes: self.used, spare: self.spare }
    }

    /// Undoes what was written since `mark`.
    ///
    /// # Panics
    /// If the mark lies ahead. Then it comes from another writer, or from writes that were undone.
    pub fn rewind(&mut self, mark: Mark) {
        let ahead = mark.bytes > self.used || mark.bytes == self.used && mark.spare < self.spare;
        assert!(!ahead, "a writer only goes back");
        (self.used, self.spare) = (mark.bytes, mark.spare);
        if self.spare > 0 {
            self.buffer[self.used - 1] &= u8::MAX >> self.spare;
        }
    }

    /// Runs `write`, and undoes what it wrote if it fails.
    #[inline]
    pub fn whole<T>(&mut self, write: impl FnOnce(&mut Self) -> Result<T, NoRoom>) -> Result<T, NoRoom> {
        let mark = self.mark();
        write(self).inspect_err(|_| self.rewind(mark))
    }

    fixed! { u8 u16 u32 u64 i8 i16 i32 i64 f32 f64 }

    /// Appends a byte, 0 or 1.
    #[inline]
    pub fn bool(&mut self, value: bool) -> Result<(), NoRoom> {
        self.u8(value.into())
    }

    /// Appends a varint of 1 to 5 bytes: 7 bits per byte, the lowest first. Small numbers need fewer bytes.
    #[inline]
    pub fn varint_u32(&mut self, value: u32) -> Result<(), NoRoom> {
        self.varint_u64(value.into())
    }

    /// Appends a varint of 1 to 10 bytes: 7 bits per byte, the lowest first. Small numbers need fewer bytes.
    #[inline]
    pub fn varint_u64(&mut self, value: u64) -> Result<(), NoRoom> {
        let len = (u64::BITS - (value | 1).leading_zeros()).div_ceil(7) as usize;
        let bytes = self.take(len)?;
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = (value >> (7 * at)) as u8 | 0x80;
        }
        bytes[len - 1] &= 0x7F;
        Ok(())
    }

    /// Appends a varint of 1 to 5 bytes in zigzag order: 0, -1, 1, -2 are written as 0, 1, 2, 3.
    #[inline]
    pub fn varint_i32(&mut self, value: i32) -> Result<(), NoRoom> {
        self.varint_u32((value << 1 ^ value >> 31) as u32)
    }

    /// Appends a varint of 1 to 10 bytes in zigzag order: 0, -1, 1, -2 are written as 0, 1, 2, 3.
    #[inline]
    pub fn varint_i64(&mut self, value: i64) -> Result<(), NoRoom> {
        self.varint_u64((value << 1 ^ value >> 63) as u64)
    }

    /// Appends one bit.
    #[inline]
    pub fn bit(&mut self, value: bool) -> Result<(), NoRoom> {
        self.bits(value.into(), 1)
    }

    /// Appends a number of `count` bits.
    ///
    /// # Panics
    /// If `count` is not in 1..=32, or the number has more bits.
    #[inline]
    pub fn bits(&mut self, value: u32, count: u32) -> Result<(), NoRoom> {
        assert!((1..=32).contains(&count), "a field has 1 to 32 bits");
        assert!(u64::from(value) >> count == 0, "{value} has more than {count} bits");
        let spare = self.spare;
        let fresh = count.saturating_sub(spare).div_ceil(8);
        let Some(end) = Some(self.used + fresh as usize).filter(|&end| end <= self.buffer.len()) else {
            return Err(NoRoom);
        };
        if spare > 0 {
            self.buffer[self.used - 1] |= (value << (8 - spare)) as u8;
        }
        let mut rest = u64::from(value) >> spare;
        for byte in &mut self.buffer[self.used..end] {
            *byte = rest as u8;
            rest >>= 8;
        }
        self.used = end;
        self.spare = spare + 8 * fresh - count;
        Ok(())
    }

    /// Appends a number in 0..=`most` in as many bits as `most` has. If `most` is 0, that is no bit.
    ///
    /// # Panics
    /// If the number is higher.
    #[inline]
    pub fn up_to(&mut self, most: u32, value: u32) -> Result<(), NoRoom> {
        assert!(value <= most, "{value} is more than {most}");
        if most == 0 { Ok(()) } else { self.bits(value, u32::BITS - most.leading_zeros()) }
    }

    /// Appends bytes without their length: the reader must know it.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), NoRoom> {
        self.take(bytes.len()).map(|room| room.copy_from_slice(bytes))
    }

    /// Appends the first `len` of `bytes`. It copies all of them where there is room, which is faster than to copy a few.
    ///
    /// # Panics
    /// When `len` exceeds `N`.
    #[inline]
    pub fn start_of<const N: usize>(&mut self, bytes: &[u8; N], len: usize) -> Result<(), NoRoom> {
        match self.buffer[self.used..].first_chunk_mut() {
            Some(room) => *room = *bytes,
            None => return self.raw(&bytes[..len]),
        }
        self.take(len).map(|_| ())
    }

    /// Appends a byte string: its length as a varint, then the bytes.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), NoRoom> {
        self.whole(|writer| {
            writer.varint_u64(bytes.len() as u64)?;
            writer.raw(bytes)
        })
    }

    /// Appends text: its length in bytes as a varint, then UTF-8.
    #[inline]
    pub fn text(&mut self, text: &str) -> Result<(), NoRoom> {
        self.bytes(text.as_bytes())
    }

    /// Claims the next `len` whole bytes. The caller fills them.
    #[inline]
    fn take(&mut self, len: usize) -> Result<&mut [u8], NoRoom> {
        let room = self.buffer[self.used..].get_mut(..len).ok_or(NoRoom)?;
        self.used += len;
        self.spare = 0;
        Ok(room)
    }
}
