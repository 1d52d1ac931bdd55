//! X25519 keys and pre-shared keys (PROTOCOL.md#noise).

use core::fmt;
use x25519_dalek::StaticSecret;

/// A key that cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadKey {
    /// Not 64 hexadecimal digits.
    #[error("a key is 64 hexadecimal digits")]
    NotHexadecimal,
    /// The public key is a point of small order: every shared secret with it is zero.
    #[error("the public key is a weak point of the curve: make a new one with `ringshard keygen`")]
    Weak,
}

/// An X25519 secret key (RFC 7748).
#[derive(Clone)]
pub struct SecretKey(StaticSecret);

impl SecretKey {
    /// The key with these bytes, which must come from a cryptographic generator.
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

    /// The key as 64 hexadecimal digits: secret.
    pub fn to_hex(&self) -> String {
        to_hex(self.0.as_bytes())
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(x25519_dalek::PublicKey::from(&self.0).to_bytes())
    }

    /// The X25519 shared secret of this key and `public` (RFC 7748).
    ///
    /// # Errors
    /// [`BadKey::Weak`] when the shared secret is zero.
    pub fn diffie_hellman(&self, public: &PublicKey) -> Result<[u8; 32], BadKey> {
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

    /// The key's bytes on the wire.
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

/// A secret that both endpoints have from elsewhere. The handshake mixes it in.
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

pub(crate) fn from_hex(text: &str) -> Result<[u8; 32], BadKey> {
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
