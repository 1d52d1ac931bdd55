//! The secrets of a connection and what is derived from them (PROTOCOL.md#keys).

use super::kdf::hkdf_sha256;
use super::{AeadKey, Suite};
use crate::limits::RESUME_TOKEN_BYTES;

/// What a client needs to resume a session: a token that names it, and a secret that never travels. Without the secret,
/// an attacker cannot use the keys of the resuming connection.
#[derive(Clone, Copy)]
pub struct ResumeKey {
    /// Names the session in Noise message 1. Useless without the secret.
    pub token: [u8; RESUME_TOKEN_BYTES],
    secret: [u8; 32],
}

impl ResumeKey {
    /// Bytes of [`Self::to_bytes`].
    pub const BYTES: usize = RESUME_TOKEN_BYTES + 32;

    /// The token, then the secret: for another server that the session moves to. Secret.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..RESUME_TOKEN_BYTES].copy_from_slice(&self.token);
        bytes[RESUME_TOKEN_BYTES..].copy_from_slice(&self.secret);
        bytes
    }

    /// The key of [`Self::to_bytes`].
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let (token, secret) = bytes.split_first_chunk().expect("a key begins with its token");
        ResumeKey { token: *token, secret: *secret.first_chunk().expect("a key ends with its secret") }
    }
}

impl core::fmt::Debug for ResumeKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("ResumeKey(secret)")
    }
}

/// The two split keys of a connection. Everything else is derived from them.
pub struct Secrets {
    /// For what the client sends.
    client_to_server: [u8; 32],
    /// For what the server sends.
    server_to_client: [u8; 32],
}

impl core::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secrets(secret)")
    }
}

impl Secrets {
    /// The traffic keys: client to server, then server to client (PROTOCOL.md#traffic-keys).
    ///
    /// The label contains the suite's name, so that no key is ever used with two ciphers.
    pub fn traffic_keys(&self, suite: Suite) -> (AeadKey, AeadKey) {
        let derive = |secret: &[u8; 32]| {
            let mut key = [0; 32];
            let label = [b"ringshard 1 traffic ", suite.name().as_bytes()].concat();
            hkdf_sha256(&[], secret, &label, &mut key[..suite.key_bytes()]);
            AeadKey::new(suite, &key)
        };
        (derive(&self.client_to_server), derive(&self.server_to_client))
    }

    /// The secrets after a rekey with the shared secret `shared`: each split key comes from the one before and from
    /// `shared` (PROTOCOL.md#rekeying).
    pub fn next(&self, shared: &[u8; 32]) -> Secrets {
        self.mix(shared, b"ringshard 1 rekey")
    }

    /// The key that resumes this session.
    pub fn resume_key(&self) -> ResumeKey {
        ResumeKey { token: self.export(b"ringshard 1 resume"), secret: self.export(b"ringshard 1 resume secret") }
    }

    /// The secrets of a handshake that resumes the session of `former` (PROTOCOL.md#resumption-keys). They also come
    /// from that session's secret: an attacker who knows all of the handshake, but not the session, cannot use the
    /// connection.
    pub fn resuming(&self, former: &ResumeKey) -> Secrets {
        self.mix(&former.secret, b"ringshard 1 resumed")
    }

    fn mix(&self, secret: &[u8; 32], label: &[u8]) -> Secrets {
        let derive = |half: &[u8; 32]| {
            let mut next = [0; 32];
            hkdf_sha256(half, secret, label, &mut next);
            next
        };
        Secrets { client_to_server: derive(&self.client_to_server), server_to_client: derive(&self.server_to_client) }
    }

    /// Bytes for the purpose `label`, which only the two endpoints can derive (PROTOCOL.md#derived-secrets).
    pub fn export<const N: usize>(&self, label: &[u8]) -> [u8; N] {
        let mut bytes = [0; N];
        let both = [self.client_to_server, self.server_to_client].concat();
        hkdf_sha256(&[], &both, label, &mut bytes);
        bytes
    }

    /// Secrets from the two keys of Noise's `Split()`.
    pub fn from_split(initiator: [u8; 32], responder: [u8; 32]) -> Self {
        Secrets { client_to_server: initiator, server_to_client: responder }
    }

    /// The split keys: the client's, the server's.
    pub fn split(&self) -> (&[u8; 32], &[u8; 32]) {
        (&self.client_to_server, &self.server_to_client)
    }
}
