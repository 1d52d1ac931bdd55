//! Writing.

use super::NoRoom;

/// Appends to a buffer of the caller, never past its end. A write that gives [`NoRoom`] has written nothing.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    used: usize,
}

macro_rules! fixed {
    ($($name:ident)*) => {$(
        #[doc = concat!("Appends an `", stringify!($name), "`, little endian.")]
        #[inline]
        pub fn $name(&mut self, value: $name) -> Result<(), NoRoom> {
            self.raw(&value.to_le_bytes())
        }
    )*};
}

impl<'a> Writer<'a> {
    /// Writes from the start of `buffer`, and overwrites what is there.
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Writer { buffer, used: 0 }
    }

    /// Bytes written so far.
    #[inline]
    pub fn used(&self) -> usize {
        self.used
    }

    /// What was written so far.
    pub fn written(&self) -> &[u8] {
        &self.buffer[..self.used]
    }

    /// Keeps everything that `write` writes, or nothing if it fails.
    #[inline]
    pub fn whole<T>(&mut self, write: impl FnOnce(&mut Self) -> Result<T, NoRoom>) -> Result<T, NoRoom> {
        let before = self.used;
        let written = write(self).inspect_err(|_| self.used = before);
        assert!(before <= self.used, "a writer only goes forward");
        written
    }

    fixed! { u8 u16 u32 u64 i8 i16 i32 f32 }

    /// Appends 1 to 5 bytes, fewer for numbers closer to 0: 0, -1, 1, -2 and so on are written as 0, 1, 2, 3.
    #[inline]
    pub fn varint_i32(&mut self, value: i32) -> Result<(), NoRoom> {
        self.varint_u32((value << 1 ^ value >> 31) as u32)
    }

    /// Appends a number in as few bytes as it needs: 7 bits each, the lowest first.
    #[inline]
    fn varint_u32(&mut self, value: u32) -> Result<(), NoRoom> {
        let len = (u32::BITS - (value | 1).leading_zeros()).div_ceil(7) as usize;
        let bytes = self.take(len)?;
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = (value >> (7 * at)) as u8 | 0x80;
        }
        bytes[len - 1] &= 0x7F;
        Ok(())
    }

    /// Appends bytes as they are.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), NoRoom> {
        self.take(bytes.len()).map(|room| room.copy_from_slice(bytes))
    }

    /// The next `len` bytes, to be filled.
    #[inline]
    fn take(&mut self, len: usize) -> Result<&mut [u8], NoRoom> {
        let room = self.buffer[self.used..].get_mut(..len).ok_or(NoRoom)?;
        self.used += len;
        Ok(room)
    }
}
