//! The gateway key: with it a gateway signs the true addresses of its clients (PROTOCOL.md#forwarded-datagrams).

use crate::private_file;
use ring::{digest, hmac};
use ringshard_protocol::crypto::PublicKey;
use std::fmt;
use std::path::Path;

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// A gateway's key.
#[derive(Clone)]
pub struct GatewayKey {
    bytes: [u8; KEY_BYTES],
    id: [u8; 8],
    signing: hmac::Key,
}

impl GatewayKey {
    /// The key with these bytes.
    pub fn new(bytes: [u8; KEY_BYTES]) -> GatewayKey {
        let hash = digest::digest(&digest::SHA256, &bytes);
        let id = hash.as_ref()[..8].try_into().expect("SHA-256 has 32 bytes");
        GatewayKey { bytes, id, signing: hmac::Key::new(hmac::HMAC_SHA256, &bytes) }
    }

    /// Reads a key file, as `ringshard keygen` writes it: 64 hexadecimal digits.
    ///
    /// # Errors
    /// What is wrong with the file, and what to do.
    pub(super) fn load(path: &Path) -> Result<GatewayKey, String> {
        let text = private_file::read(path)?;
        let bytes = PublicKey::from_hex(text.trim()).map_err(|error| {
            format!("{} holds no key, {error}: make one with `ringshard keygen --out`", path.display())
        })?;
        Ok(GatewayKey::new(*bytes.as_bytes()))
    }

    /// Names the key to the server, without telling it to others: the first 8 bytes of its SHA-256.
    pub fn id(&self) -> [u8; 8] {
        self.id
    }

    /// The key as the relay needs it, whose tickets are made with it (PROTOCOL.md#relays).
    pub(crate) fn for_tickets(&self) -> ringshard_protocol::gateway::GatewayKey {
        ringshard_protocol::gateway::GatewayKey::from_bytes(self.bytes)
    }

    /// The first 16 bytes of the HMAC-SHA256 of `head || inner`.
    pub(crate) fn sign(&self, head: &[u8], inner: &[u8]) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.signing);
        context.update(head);
        context.update(inner);
        context.sign().as_ref()[..16].try_into().expect("HMAC-SHA256 has 32 bytes")
    }
}

impl PartialEq for GatewayKey {
    fn eq(&self, other: &GatewayKey) -> bool {
        self.bytes == other.bytes
    }
}

impl fmt::Debug for GatewayKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("GatewayKey(secret)")
    }
}
