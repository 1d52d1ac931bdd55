//! Reads and writes the content of messages: numbers, bits, byte strings and text, all checked.
//!
//! A [`Writer`] fills a buffer of the caller's, a [`Reader`] lends from one. Neither allocates, and neither needs aligned
//! bytes. What does not fit is [`NoRoom`]; bytes that no writer writes are [`Malformed`]. After either error the writer or
//! the reader stands where it stood before. There is one way to write a value, and a reader takes no other.
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

/// It does not fit into the buffer; nothing of it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no room in the buffer")]
pub struct NoRoom;

/// Why bytes are not what they were read as.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    /// They end within it.
    #[error("too short")]
    TooShort,
    /// They go on behind it, or it is longer than it may be.
    #[error("too long")]
    TooLong,
    /// Padding bits are set.
    #[error("padding is not zero")]
    Padding,
    /// A number with bits that its type does not have, or with more bytes than it needs.
    #[error("not how that number is written")]
    VarInt,
    /// Text that is none.
    #[error("not UTF-8")]
    NotUtf8,
    /// A value that there is not.
    #[error("unknown value")]
    UnknownValue,
}

/// Where a [`Writer`] or a [`Reader`] stood, to go back to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// Bytes written or read, the begun one included.
    bytes: usize,
    /// Bits of that one that are left.
    spare: u32,
}
