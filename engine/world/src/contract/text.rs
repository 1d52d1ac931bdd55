//! Text of bounded length, without an allocation.

use super::schema::mix;
use super::wire::Wire;
use crate::codec::{Malformed, NoRoom, Reader, Writer};
use std::fmt;

/// UTF-8 text of at most `N` bytes; `N` is at most 255.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<const N: usize> {
    len: u8,
    bytes: [u8; N],
}

impl<const N: usize> Text<N> {
    const FITS: () = assert!(N <= u8::MAX as usize, "a text has at most 255 bytes");

    /// The text, or as many of its first characters as fit.
    pub fn new(text: &str) -> Self {
        let () = Self::FITS;
        let mut len = text.len().min(N);
        while !text.is_char_boundary(len) {
            len -= 1;
        }
        let mut bytes = [0; N];
        bytes[..len].copy_from_slice(&text.as_bytes()[..len]);
        Text { len: len as u8, bytes }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).expect("only whole characters are kept")
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Text::new("")
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> Wire for Text<N> {
    // The length is a varint of at most 2 bytes.
    const BYTES_MAX: usize = 2 + N;
    const SCHEMA: u32 = mix(N as u32, "text");

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        writer.text(self.as_str())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let text = reader.text()?;
        if text.len() > N { Err(Malformed::TooLong) } else { Ok(Text::new(text)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_a_longer_one_is_refused() {
        assert_eq!(Text::<4>::new("gräu").as_str(), "grä");
        assert_eq!(Text::<3>::new("grä").as_str(), "gr");
        let mut bytes = [0; 16];
        let mut writer = Writer::new(&mut bytes);
        writer.text("hello").unwrap();
        let written = writer.used();
        assert_eq!(Text::<5>::read(&mut Reader::new(&bytes[..written])).unwrap().as_str(), "hello");
        assert_eq!(Text::<4>::read(&mut Reader::new(&bytes[..written])), Err(Malformed::TooLong));
    }
}
