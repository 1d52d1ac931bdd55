//! What a message is written and read with: numbers, bits, strings, and what games send most, all checked (B1, B2,
//! B3, B7).
//!
//! | module | for |
//! |---|---|
//! | [`writer`], [`reader`] | numbers, bits, byte strings and text |
//! | [`symbols`] | text that is sent once and named by a number from then on |
//! | [`positions`] | places, by the section they lie in |
//! | [`quantised`] | rotations and percentages, in few bits |
//! | [`typed`] | values that say themselves what they are |
//!
//! A [`Writer`] fills a buffer of the caller's, a [`Reader`] lends from one; neither allocates, nor cares how the bytes
//! are aligned. What does not fit is [`NoRoom`], what cannot be is [`Malformed`], and after either the writer or the
//! reader stands where it stood. There is one way to write a value, and a reader takes no other: only a symbol may also
//! come as plain text.
//!
//! ```
//! use ringshard_engine::codec::{Reader, Writer};
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

pub mod positions;
pub mod quantised;
pub mod reader;
pub mod symbols;
pub mod typed;
pub mod writer;

pub use positions::Positions;
pub use quantised::{Percent, Rotation, Turn};
pub use reader::Reader;
pub use symbols::{SymbolReader, SymbolWriter};
pub use typed::{Value, Values};
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
    /// Bits that nobody wrote are set.
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
    /// The number of a symbol that is neither known nor the next.
    #[error("a symbol's number is out of order")]
    Symbol,
    /// A place in the section of the last one, where there was none.
    #[error("a place in no section")]
    NoSection,
}

/// Where a [`Writer`] or a [`Reader`] stood, to go back to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// Bytes written or read, the begun one included.
    bytes: usize,
    /// Bits of that one that are left.
    spare: u32,
}
