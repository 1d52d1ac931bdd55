//! Decoders take any bytes: they never panic, and they accept only what an encoder writes.

mod connections;
mod frames;
mod packets;

use proptest::collection::vec;
use proptest::prelude::*;
use ringshard_protocol::limits::*;

pub fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..64), vec(any::<u8>(), 0..DATAGRAM_BYTES_MAX + 200)]
}

pub fn any_array<const N: usize>() -> impl Strategy<Value = [u8; N]> {
    vec(any::<u8>(), N).prop_map(|bytes| bytes.try_into().unwrap())
}

/// Writes a correct checksum to the end, so that a decoder looks at the rest.
pub fn with_checksum(mut datagram: Vec<u8>) -> Vec<u8> {
    if let Some((covered, checksum)) = datagram.split_last_chunk_mut::<4>() {
        *checksum = crc32c::crc32c(covered).to_le_bytes();
    }
    datagram
}

/// A failing input is printed. Write a test for it; no file beside this one keeps it.
pub fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}
