//! Numbers in messages, checked.
//!
//! A [`Writer`] appends to a buffer of the caller, a [`Reader`] reads from one. Neither allocates, and neither needs
//! aligned bytes. Each value has one encoding; a reader refuses every other one as [`Malformed`]. After an error, the
//! writer or reader is where it was before the call.
//!
//! ```
//! use ringshard_world::codec::{Reader, Writer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut buffer = [0; 64];
//! let mut writer = Writer::new(&mut buffer);
//! writer.u16(300)?;
//! writer.varint_i32(-5)?;
//!
//! let mut reader = Reader::new(writer.written());
//! assert_eq!((reader.u16()?, reader.varint_i32()?), (300, -5));
//! reader.finish()?;
//! # Ok(())
//! # }
//! ```

mod reader;
mod writer;

pub use reader::Reader;
pub use writer::Writer;

/// The buffer has no room for the value; nothing of it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no room in the buffer")]
pub struct NoRoom;

/// Why bytes are not the value that they were read as.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    /// The bytes end within the value.
    #[error("too short")]
    TooShort,
    /// Bytes follow the message's end.
    #[error("too long")]
    TooLong,
    /// A varint with more bits than its type has, or with more bytes than it needs.
    #[error("a varint that is too large or not minimal")]
    VarInt,
    /// A value that the protocol does not define.
    #[error("unknown value")]
    UnknownValue,
}
