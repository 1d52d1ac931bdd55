//! Long-lived keys (S2) and the two derivations everything else is built on.

use core::fmt;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use x25519_dalek::StaticSecret;

/// A key that cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadKey {
    /// Not 64 hexadecimal digits.
    #[error("a key is 64 hexadecimal digits")]
    NotHexadecimal,
    /// The public key is a point of small order: every exchange with it gives zero.
    #[error("the public key is a weak point of the curve: make a new one with `ringshard keygen`")]
    Weak,
}

/// An X25519 secret key (RFC 7748).
#[derive(Clone)]
pub struct SecretKey(StaticSecret);

impl SecretKey {
    /// The key with these bytes; they must come from a good source of randomness.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        SecretKey(StaticSecret::from(bytes))
    }

    /// Reads 64 hexadecimal digits; white space around them is ignored.
    ///
    /// # Errors
    /// [`BadKey::NotHexadecimal`].
    pub fn from_hex(text: &str) -> Result<Self, BadKey> {
        from_hex(text).map(Self::from_bytes)
    }

    /// 64 hexadecimal digits, for a file that only the server reads.
    pub fn to_hex(&self) -> String {
        to_hex(self.0.as_bytes())
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(x25519_dalek::PublicKey::from(&self.0).to_bytes())
    }

    /// The Diffie-Hellman function.
    ///
    /// # Errors
    /// [`BadKey::Weak`] when the shared secret is zero.
    pub fn exchange(&self, public: &PublicKey) -> Result<[u8; 32], BadKey> {
        let shared = self.0.diffie_hellman(&x25519_dalek::PublicKey::from(public.0));
        if shared.was_contributory() { Ok(shared.to_bytes()) } else { Err(BadKey::Weak) }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(secret)")
    }
}

/// An X25519 public key. Clients pin the server's.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The key with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        PublicKey(bytes)
    }

    /// The key's bytes, as they stand on the wire.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 hexadecimal digits; white space around them is ignored.
    ///
    /// # Errors
    /// [`BadKey::NotHexadecimal`].
    pub fn from_hex(text: &str) -> Result<Self, BadKey> {
        from_hex(text).map(Self)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// A secret that both ends got over another channel, mixed into the handshake.
#[derive(Clone)]
pub struct PreSharedKey([u8; 32]);

impl PreSharedKey {
    /// The key with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        PreSharedKey(bytes)
    }

    /// Reads 64 hexadecimal digits; white space around them is ignored.
    ///
    /// # Errors
    /// [`BadKey::NotHexadecimal`].
    pub fn from_hex(text: &str) -> Result<Self, BadKey> {
        from_hex(text).map(Self)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for PreSharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PreSharedKey(secret)")
    }
}

fn from_hex(text: &str) -> Result<[u8; 32], BadKey> {
    let digits = text.trim().as_bytes();
    if digits.len() != 64 {
        return Err(BadKey::NotHexadecimal);
    }
    let digit = |byte: u8| (byte as char).to_digit(16).ok_or(BadKey::NotHexadecimal);
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
    }
    Ok(key)
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// HKDF with SHA-256 (RFC 5869): extract from `input` with `salt`, expand with `info` into all of `output`.
///
/// # Panics
/// When `output` is longer than the 8,160 bytes that the RFC allows.
pub fn hkdf_sha256(salt: &[u8], input: &[u8], info: &[u8], output: &mut [u8]) {
    Hkdf::<Sha256>::new(Some(salt), input).expand(info, output).expect("at most 255 blocks are asked for");
}

/// HMAC with SHA-256 (RFC 2104) over `parts`, one after the other.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    mac_sha256(key, parts).finalize().into_bytes().into()
}

/// Whether `tag` is the HMAC of `parts`, in constant time.
pub(crate) fn hmac_sha256_verifies(key: &[u8], parts: &[&[u8]], tag: &[u8]) -> bool {
    mac_sha256(key, parts).verify_slice(tag).is_ok()
}

fn mac_sha256(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac
}
