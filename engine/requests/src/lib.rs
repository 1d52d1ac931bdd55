//! The services protocol for both ends: values that describe themselves, calls with answers, downloads, and tickets.
//!
//! No I/O and no clock: the caller hands in messages and the time.
#![forbid(unsafe_code)]

pub mod caller;
pub mod codec;
pub mod download;
pub mod limits;
pub mod message;
pub mod ticket;
pub mod value;

#[cfg(test)]
mod vectors;
