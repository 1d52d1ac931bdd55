//! The datagrams of the sketch, and their keys.
//!
//! ```text
//! | client u32 | sequence u64 | sealed payload | tag 16 |     the first 12 bytes are nonce and associated data
//! ```

use ringshard_protocol::crypto::{AeadKey, Suite};
use ringshard_protocol::limits::TAG_BYTES;

/// Client and sequence: the nonce.
pub const HEAD_BYTES: usize = 12;

/// Bytes of a datagram with a payload of this size.
pub fn datagram_bytes(payload: usize) -> usize {
    HEAD_BYTES + payload + TAG_BYTES
}

/// Who seals under a key.
#[derive(Clone, Copy)]
pub enum Sealer {
    Client,
    Server,
}

/// The key of one direction of a client's traffic. Both processes derive it from the client's number.
pub fn key(suite: Suite, client: usize, sealer: Sealer) -> AeadKey {
    let mut secret = [0x5A; 32];
    secret[..8].copy_from_slice(&(client as u64).to_le_bytes());
    secret[8] = sealer as u8;
    AeadKey::new(suite, &secret)
}

/// The client that a datagram belongs to.
#[inline]
pub fn client_of(datagram: &[u8]) -> Option<usize> {
    datagram.first_chunk().map(|client| u32::from_le_bytes(*client) as usize)
}

/// Writes the head of a datagram.
#[inline]
pub fn write_head(head: &mut [u8; HEAD_BYTES], client: usize, sequence: u64) {
    head[..4].copy_from_slice(&(client as u32).to_le_bytes());
    head[4..].copy_from_slice(&sequence.to_le_bytes());
}

/// Splits a datagram into its head and what is sealed; None if it is too short.
#[inline]
pub fn split(datagram: &mut [u8]) -> Option<(&mut [u8; HEAD_BYTES], &mut [u8])> {
    datagram.split_first_chunk_mut().filter(|(_, sealed)| sealed.len() >= TAG_BYTES)
}
