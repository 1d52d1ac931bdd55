//! Connections of the login door: how many there may be, how long each may take, and how they end.
//!
//! | file | has |
//! |---|---|
//! | `accept` | the loop that accepts, and the drain |
//! | `connection` | one connection: TLS, then HTTP/1.1 or HTTP/2 |
//! | `admission` | who gets a place |
//! | `activity` | whether a connection has a request open, and since when it has none |
//! | `proxy_header` | the address of a client behind a proxy |
//! | `paced` | cuts clients that read too slowly |
//! | `slots` | how many connections there may be |
//!
//! ## HTTP/2
//! A connection has at most [`STREAMS_MAX`](super::settings::STREAMS_MAX) requests open, and a header list has at most
//! [`HEAD_BYTES_MAX`](super::settings::HEAD_BYTES_MAX) bytes. Rapid reset: the connection ends once 20 streams are reset
//! that were not accepted yet, or 64 streams had errors of their client. hyper bounds a header block's continuation frames.

mod accept;
mod activity;
mod admission;
mod connection;
mod paced;
mod proxy_header;
mod slots;

pub use accept::Drained;
pub(super) use accept::accept;
pub(super) use connection::{Peer, Shared};
