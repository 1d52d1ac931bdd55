//! The Ringshard protocol: both ends of a connection, without I/O and without a clock.
//!
//! # How it is driven
//! The protocol never reads a clock and never does I/O. The caller of an [`Endpoint`] or a [`Client`] keeps this law:
//!
//! 1. Hand in one thing: a datagram ([`Endpoint::receive`]), a message to send ([`Endpoint::send`]), or the passing of time
//!    ([`Endpoint::sweep`]).
//! 2. Drain what it produced: messages, [`Endpoint::poll_event`], [`Endpoint::flush`].
//! 3. Return at the next deadline ([`Endpoint::deadline`]) at the latest.
//!
//! So the same code runs as a server, as a client, as ten thousand bots, and in a seeded simulator a thousand times
//! faster than real time.
//!
//! # The modules
//! | module | for | may use |
//! |---|---|---|
//! | [`wire`] | the layout of datagrams and frames | [`limits`], [`time`] |
//! | [`crypto`] | AEAD, Noise, cookies, the replay window | [`limits`], [`time`] |
//! | [`connection`] | one connection, the same at both ends | [`wire`], [`crypto`], [`pool`] |
//! | [`gateway`] | how a gateway vouches for the address of a client | [`wire`], [`crypto`] |
//! | [`endpoint`] | all connections of a core, and the admission of unknown addresses | [`connection`], [`gateway`], [`link`] |
//! | [`client`] | one connection, from the client's side | [`connection`] |
//! | [`link`] | the trait of whatever carries datagrams | [`limits`], [`time`], [`stats`] |
//! | [`pool`] | memory for messages that are kept | [`limits`] |
//! | [`stats`] | a counter per outcome and per drop reason | |
//! | [`limits`], [`time`] | every bound; time that the caller passes in | |

#![forbid(unsafe_code)]

pub mod client;
pub mod connection;
pub mod crypto;
pub mod endpoint;
pub mod gateway;
pub mod limits;
pub mod link;
pub mod pool;
pub mod stats;
pub mod time;
pub mod wire;

pub use client::{Client, ClientConfig};
pub use endpoint::{Endpoint, EndpointConfig};
