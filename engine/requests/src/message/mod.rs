//! The bytes of the messages between a client and services (PROTOCOL.md#services-messages).
//!
//! `read` takes a whole message, kind included; `write` appends one.

mod call;
pub mod download;
mod hello;
pub mod kinds;
mod notice;
mod path;
pub mod status;

pub use call::{Call, Cancel, Outcome};
pub use hello::{Greeting, Hello, Instance};
pub use notice::Notice;
pub use path::is_path;

use crate::codec::{Malformed, Reader};

/// Reads behind the kind of a message, which must be `expected`.
fn kind(message: &[u8], expected: u8) -> Result<Reader<'_>, Malformed> {
    let mut reader = Reader::new(message);
    if reader.u8()? == expected { Ok(reader) } else { Err(Malformed("the message is of another kind")) }
}

#[cfg(test)]
mod tests;
