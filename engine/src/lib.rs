//! The Ringshard protocol, and the datapath under it.
//!
//! # How it is driven
//! The protocol never reads a clock and never does I/O. Whoever drives an [`Endpoint`] or a [`Client`] keeps this law:
//!
//! 1. hand in one thing: a datagram ([`Endpoint::receive`]), a message to send ([`Endpoint::send`]), or the passing of
//!    time ([`Endpoint::sweep`]);
//! 2. then drain what it gave: messages, [`Endpoint::poll_event`], [`Endpoint::flush`];
//! 3. and come back at the next deadline at the latest.
//!
//! The same code therefore runs as a server over [`link::uring`], over [`link::mmsg`], and a thousand times faster than
//! time inside [`link::sim`].
//!
//! # The rooms
//! | module | for | may touch |
//! |---|---|---|
//! | [`wire`] | what stands where in a datagram | [`limits`] |
//! | [`crypto`] | AEAD, Noise, cookie, replay window | [`limits`], [`time`] |
//! | [`session`] | one connection, the same at both ends | `wire`, `crypto` |
//! | [`endpoint`] | all connections of a core, and the answers to strangers | `session` |
//! | [`client`] | one connection seen from the other end | `session` |
//! | [`link`] | the only I/O: who carries datagrams | [`limits`], [`time`] |
//! | [`pool`] | memory for messages that are kept | [`limits`] |
//! | [`stats`] | a counter per outcome and per drop reason | |
//! | [`codec`] | numbers, bits and strings in messages, checked | [`limits`], `world::map` |
//! | [`world`] | entities as they are replicated, and a client's view of them | [`limits`], [`time`] |
//!
//! Without default features there is no socket, no I/O and no unsafe code in this crate.

#![cfg_attr(not(feature = "net"), forbid(unsafe_code))]
#![cfg_attr(feature = "net", deny(unsafe_code))]

pub mod client;
pub mod codec;
pub mod crypto;
pub mod endpoint;
pub mod limits;
pub mod link;
pub mod pool;
pub mod prefetch;
pub mod session;
pub mod stats;
pub mod time;
pub mod wire;
pub mod world;

pub use client::{Client, ClientConfig};
pub use endpoint::{Endpoint, EndpointConfig};
