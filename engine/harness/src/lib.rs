//! What the tests, benchmarks and examples of Ringshard share: a server without a network, a server with clients over a
//! simulated network, and a link that is nothing but memory.
//!
//! - [`World`]: a server, its clients and the [`Network`](ringshard_link::sim::Network) between them, under a virtual
//!   clock. Tests of whole conversations use it.
//! - [`Server`]: a server without a network. The test hands in each datagram and looks at each one that leaves. Tests of
//!   hostile peers and of single datagrams use it.
//! - [`Tamperer`]: one direction of a hostile carrier: it alters, drops, repeats and reorders.
//! - [`MemoryLink`]: the link below [`Server`], for benchmarks and for tests that count allocations.
//!
//! Nothing here reads a clock or opens a socket, and the random numbers come from fixed seeds: each run is the same.

#![forbid(unsafe_code)]

mod config;
mod memory_link;
mod server;
mod tamperer;
mod world;

pub use config::{
    BAD, CLEAN, DEAD, DELAY, ROUND_TRIP, client_address, client_config, random_bytes, server_address, server_config,
    total_drops,
};
pub use memory_link::MemoryLink;
pub use server::{Server, connect};
pub use tamperer::{Tamperer, Tampering};
pub use world::{Answer, STEP, TestClient, World};
