//! The Ringshard protocol: both ends of a connection, without I/O and without a clock.
//!
//! # How it is driven
//! The protocol never reads a clock and never does I/O. Whoever drives an [`Endpoint`] or a [`Client`] keeps this law:
//!
//! 1. hand in one thing: a datagram ([`Endpoint::receive`]), a message to send ([`Endpoint::send`]), or the passing of
//!    time ([`Endpoint::sweep`]);
//! 2. then drain what it gave: messages, [`Endpoint::poll_event`], [`Endpoint::flush`];
//! 3. come back at the next deadline at the latest.
//!
//! The same code therefore runs as a server, as a client, as ten thousand bots, and inside a seeded simulator a thousand
//! times faster than real time.
//!
//! # The modules
//! | module | for | may use |
//! |---|---|---|
//! | [`wire`] | the layout of datagrams and frames | [`limits`], [`time`] |
//! | [`crypto`] | AEAD, Noise, cookies, the replay window | [`limits`], [`time`] |
//! | [`connection`] | one connection, the same at both ends | [`wire`], [`crypto`], [`pool`] |
//! | [`endpoint`] | all connections of a core, and the answers to unknown addresses | [`connection`], [`link`] |
//! | [`client`] | one connection seen from the client | [`connection`] |
//! | [`link`] | what the protocol asks of whoever carries datagrams | [`limits`], [`time`], [`stats`] |
//! | [`pool`] | memory for messages that are kept | [`limits`] |
//! | [`stats`] | a counter per outcome and per drop reason | |

#![forbid(unsafe_code)]

pub mod client;
pub mod connection;
pub mod crypto;
pub mod endpoint;
pub mod limits;
pub mod link;
pub mod pool;
pub mod stats;
pub mod time;
pub mod wire;

pub use client::{Client, ClientConfig};
pub use endpoint::{Endpoint, EndpointConfig};
