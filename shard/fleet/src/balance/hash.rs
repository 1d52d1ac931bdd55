//! Hashes of what clients send.

use ring::digest::{SHA256, digest};

/// A short hash of a secret or a name, the same on all balancers: the first 8 bytes of its SHA-256.
pub(super) fn short_hash(text: &[u8]) -> u64 {
    let digest = digest(&SHA256, text);
    u64::from_be_bytes(digest.as_ref()[..8].try_into().expect("SHA-256 has 32 bytes"))
}
