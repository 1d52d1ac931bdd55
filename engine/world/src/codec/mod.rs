//! Reads and writes the content of messages: numbers, bit fields, byte strings and text, with every access checked.
//!
//! The crate's own messages use it, and game authors use it for theirs. So it is public and complete: fixed-width numbers,
//! varints, bit fields, byte strings, text, and marks to go back to, whether or not this crate needs each of them.
//!
//! A [`Writer`] fills a buffer of the caller. A [`Reader`] borrows from received bytes. Neither allocates, and neither needs
//! aligned bytes. A value that does not fit gives [`NoRoom`]. Bytes that no writer produces give [`Malformed`]. An error
//! leaves the writer or the reader where it was. Each value has exactly one encoding, and the reader refuses all others.
//!
//! ```
//! use ringshard_world::codec::{Reader, Writer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut buffer = [0; 64];
//! let mut writer = Writer::new(&mut buffer);
//! writer.varint_u32(300)?;
//! writer.bits(5, 3)?;
//! writer.text("Amsel")?;
//!
//! let mut reader = Reader::new(writer.written());
//! assert_eq!((reader.varint_u32()?, reader.bits(3)?, reader.text()?), (300, 5, "Amsel"));
//! reader.finish()?;
//! # Ok(())
//! # }
//! ```

pub mod reader;
pub mod writer;

pub use reader::Reader;
pub use writer::Writer;

/// The value does not fit into the buffer. Nothing was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no room in the buffer")]
pub struct NoRoom;

/// Why bytes do not decode as the requested value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    /// The bytes end inside the value.
    #[error("too short")]
    TooShort,
    /// Bytes follow the last value, or a value is longer than its limit.
    #[error("too long")]
    TooLong,
    /// A padding bit is 1.
    #[error("padding is not zero")]
    Padding,
    /// A varint with more bits than its type has, or with more bytes than its value needs.
    #[error("invalid varint")]
    VarInt,
    /// Text that is not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// A value that its type does not have.
    #[error("unknown value")]
    UnknownValue,
}

/// A position of a [`Writer`] or a [`Reader`], to go back to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// Bytes written or read, including a partly used last byte.
    bytes: usize,
    /// Unused bits of the last byte.
    spare: u32,
}
