//! What both ends of a server's services know: values that describe themselves, calls with answers, and downloads.
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
