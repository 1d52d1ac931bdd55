//! WebSocket: one binary message is one datagram.
//!
//! | file | has |
//! |---|---|
//! | `frames` | frames, as a server reads and writes them |
//! | `messages` | messages, out of the bytes of a connection |
//! | `connection` | moves datagrams between a connection and its port |
//!
//! A thread's connections share one buffer for each direction. A connection holds bytes of its own only between the parts of a
//! frame: what has arrived of one, or what the kernel has not taken of one. Datagrams wait in the client's queue, so that a slow
//! reader gets the newest.

mod connection;
mod frames;
mod messages;

pub(crate) use connection::{Buffers, serve};

/// The subprotocol that clients ask for.
pub(crate) const SUBPROTOCOL: &str = "ringshard.1";
