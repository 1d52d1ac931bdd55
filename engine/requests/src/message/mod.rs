//! The bytes of the messages between a client and services (PROTOCOL.md#services-messages).
//!
//! `read` takes a whole message, kind included; `write` appends one.

pub mod download;
pub mod kinds;
mod path;
pub mod status;

pub use path::is_path;
