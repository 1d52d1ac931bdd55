//! Reads and writes the parts that messages and values consist of (PROTOCOL.md#conventions).

use thiserror::Error;

/// The bytes are not a valid message or value. The text says what is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

/// Reads from untrusted bytes.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

macro_rules! fixed {
    ($($name:ident)*) => {$(
        #[doc = concat!("Reads `", stringify!($name), "`, little endian.")]
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

    fixed! { u8 u16 u32 u64 i8 i16 i32 i64 }

    /// Bytes that are still unread.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Reads the next `count` bytes.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(Malformed("the bytes end too early"))?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Reads a string of `N` bytes, such as a hash.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.bytes(N).map(|bytes| bytes.try_into().expect("it is so many bytes"))
    }

    /// Reads a byte, 0 or 1.
    pub fn bool(&mut self) -> Result<bool, Malformed> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("a bool is neither 0 nor 1")),
        }
    }

    /// Reads an f32, which is finite.
    pub fn f32(&mut self) -> Result<f32, Malformed> {
        let number = self.array().map(f32::from_le_bytes)?;
        if number.is_finite() { Ok(number) } else { Err(Malformed("a number is not finite")) }
    }

    /// Reads an f64, which is finite.
    pub fn f64(&mut self) -> Result<f64, Malformed> {
        let number = self.array().map(f64::from_le_bytes)?;
        if number.is_finite() { Ok(number) } else { Err(Malformed("a number is not finite")) }
    }

    /// Reads a varint, which has as few bytes as it needs.
    pub fn varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7F);
            if bits << shift >> shift != bits {
                return Err(Malformed("a varint does not fit 64 bits"));
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                let shortest = byte != 0 || shift == 0;
                return if shortest { Ok(number) } else { Err(Malformed("a varint has more bytes than it needs")) };
            }
        }
        Err(Malformed("a varint does not fit 64 bits"))
    }

    /// Reads a varint, and as many bytes as it says.
    pub fn counted(&mut self) -> Result<&'a [u8], Malformed> {
        let count = self.varint()?;
        self.bytes(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Reads a text: a varint, the length, and so many bytes of UTF-8.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        str::from_utf8(self.counted()?).map_err(|_| Malformed("a text is not UTF-8"))
    }

    /// Reads everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Checks that nothing is left to read.
    pub fn finish(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed("bytes follow the end")) }
    }
}

/// Appends a varint.
pub fn write_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a varint, the length of `bytes`, and the bytes.
pub fn write_counted(out: &mut Vec<u8>, bytes: &[u8]) {
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a text, as [`Reader::text`] reads it.
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    write_counted(out, text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn varint(bytes: &[u8]) -> Result<u64, Malformed> {
        let mut reader = Reader::new(bytes);
        let number = reader.varint()?;
        reader.finish().map(|()| number)
    }

    #[test]
    fn a_varint_is_read_back() {
        for bit in 0..64 {
            for number in [(1 << bit) - 1, 1 << bit, u64::MAX >> bit] {
                let mut bytes = Vec::new();
                write_varint(&mut bytes, number);
                assert_eq!(varint(&bytes), Ok(number));
            }
        }
    }

    #[test]
    fn a_varint_that_is_long_or_large_is_refused() {
        for bytes in [&[0x80, 0x00][..], &[0xFF; 10], &[0x80; 11], &[0x80], &[]] {
            assert!(varint(bytes).is_err(), "{bytes:?}");
        }
        let mut largest = [0xFF; 10];
        largest[9] = 1;
        assert_eq!(varint(&largest), Ok(u64::MAX));
        largest[9] = 2;
        assert!(varint(&largest).is_err());
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        let mut bytes = Vec::new();
        write_varint(&mut bytes, u64::MAX);
        assert!(Reader::new(&bytes).counted().is_err());
    }
}
