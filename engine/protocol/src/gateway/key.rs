//! Keys of gateways (PROTOCOL.md#forwarded-datagrams): with one, a gateway vouches for the address of a client.

use crate::crypto::{BadKey, from_hex, hmac_sha256, hmac_sha256_verifies_start};
use core::fmt;
use sha2::{Digest, Sha256};

/// Bytes of a MAC of a gateway.
pub const GATEWAY_MAC_BYTES: usize = 16;

/// A secret that a gateway and its servers share.
#[derive(Clone, PartialEq, Eq)]
pub struct GatewayKey {
    secret: [u8; 32],
    name: u64,
}

impl GatewayKey {
    /// The key with these bytes, which must come from a cryptographic generator.
    pub fn from_bytes(secret: [u8; 32]) -> Self {
        let hash: [u8; 32] = Sha256::digest(secret).into();
        let name = hash.first_chunk().expect("a hash has 32 bytes");
        GatewayKey { secret, name: u64::from_le_bytes(*name) }
    }

    /// Reads 64 hexadecimal digits; white space around them is ignored.
    ///
    /// # Errors
    /// [`BadKey::NotHexadecimal`].
    pub fn from_hex(text: &str) -> Result<Self, BadKey> {
        from_hex(text).map(Self::from_bytes)
    }

    /// Names the key on the wire: the first 8 bytes of its SHA-256, as a little-endian number. Not secret.
    pub const fn name(&self) -> u64 {
        self.name
    }

    /// The MAC of these parts together.
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; GATEWAY_MAC_BYTES] {
        let mac = hmac_sha256(&self.secret, parts);
        *mac.first_chunk().expect("a MAC has 32 bytes")
    }

    /// Whether `mac` is the MAC of these parts, in constant time.
    pub fn verifies(&self, parts: &[&[u8]], mac: &[u8; GATEWAY_MAC_BYTES]) -> bool {
        hmac_sha256_verifies_start(&self.secret, parts, mac)
    }
}

impl fmt::Debug for GatewayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GatewayKey({:016x}, secret)", self.name.swap_bytes())
    }
}
