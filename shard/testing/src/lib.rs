//! Tests of a game.

#![forbid(unsafe_code)]

mod player;
mod raw;
mod seat;
mod server;
mod world;

pub use raw::{OwnSnapshot, RawClient, client_config};
pub use ringshard_client::{Client, Clock, News, Scene};
pub use ringshard_protocol::time::{Duration, Instant};
pub use world::{World, core_address, small};

/// A seed for one of many: each part of a world has its own randomness.
fn seed_of(seed: u64, part: &str, number: usize) -> [u8; 32] {
    let mut text = [0; 32];
    text[..8].copy_from_slice(&seed.to_le_bytes());
    text[8..16].copy_from_slice(&(number as u64).to_le_bytes());
    text[16..16 + part.len()].copy_from_slice(part.as_bytes());
    ringshard_protocol::crypto::hmac_sha256(b"ringshard-testing", &[&text])
}
