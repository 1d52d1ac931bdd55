//! HKDF and HMAC with SHA-256: everything else is derived with them.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// HKDF with SHA-256 (RFC 5869): extract from `input` with `salt`, expand with `info` into all of `output`.
///
/// # Panics
/// If `output` is longer than the 8,160 bytes that the RFC allows.
pub fn hkdf_sha256(salt: &[u8], input: &[u8], info: &[u8], output: &mut [u8]) {
    Hkdf::<Sha256>::new(Some(salt), input).expand(info, output).expect("the output has at most 255 blocks");
}

/// HMAC with SHA-256 (RFC 2104) over the concatenation of `parts`.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    mac_sha256(key, parts).finalize().into_bytes().into()
}

/// Whether `tag` is the HMAC of `parts`, in constant time.
pub(crate) fn hmac_sha256_verifies(key: &[u8], parts: &[&[u8]], tag: &[u8]) -> bool {
    mac_sha256(key, parts).verify_slice(tag).is_ok()
}

/// Whether the HMAC of `parts` begins with `start`, in constant time.
pub(crate) fn hmac_sha256_verifies_start(key: &[u8], parts: &[&[u8]], start: &[u8]) -> bool {
    mac_sha256(key, parts).verify_truncated_left(start).is_ok()
}

fn mac_sha256(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC accepts keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac
}
