//! Connections: how many there are, how long each may take, and how they end.
//!
//! | file | has |
//! |---|---|
//! | `accept` | the loop that accepts, and the drain |
//! | `connection` | one connection: TLS, then HTTP/1.1 |
//! | `stream` | a connection with or without TLS, whose reader must keep up |

mod accept;
mod connection;
mod stream;

pub(super) use accept::accept;
pub(super) use connection::{Connection, Shared};
