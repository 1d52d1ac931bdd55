//! Values that describe themselves: a schema ahead of the data, so that programs can read them without compiled types
//! (PROTOCOL.md#values).
//!
//! A [`Value`] knows its type, the [`Schema`]. It comes from bytes, from JSON, from what somebody types, or from a Rust
//! type that is [`Typed`], such as a struct that [`record!`](crate::record) declares; and goes back to each of them.

pub mod base64;
mod bytes;
mod data;
mod json;
mod mismatch;
mod schema;
mod text;
mod typed;

pub use data::{List, Optional, Record, Value};
pub use mismatch::Mismatch;
pub use schema::{Field, Fields, Schema};
pub use typed::{Bytes, Taken, Typed};

#[cfg(test)]
mod tests;
