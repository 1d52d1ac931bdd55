//! The handshake: `Noise_NK_25519_ChaChaPoly_SHA256`, and `NKpsk2` when the endpoints share a key
//! (PROTOCOL.md#noise).
//!
//! ```text
//! NK:  <- s            the client pins the server's static key
//!      -> e, es        message 1: 48 bytes and the payload
//!      <- e, ee        message 2: 48 bytes and the payload     (NKpsk2: e, ee, psk)
//! ```
//! Names and steps are those of the Noise Protocol Framework, revision 34.

use super::kdf::hkdf_sha256;
use super::keys::{PreSharedKey, PublicKey, SecretKey};
use super::{AeadKey, NotAuthentic, Suite};
use crate::limits::{RESUME_TOKEN_BYTES, TAG_BYTES};
use sha2::{Digest, Sha256};

pub use super::secrets::{ResumeKey, Secrets};

/// Payload of message 1: the token of the session to resume, or zeros.
pub const MESSAGE_1_PAYLOAD_BYTES: usize = RESUME_TOKEN_BYTES;
/// Length of message 1.
pub const MESSAGE_1_BYTES: usize = 32 + MESSAGE_1_PAYLOAD_BYTES + TAG_BYTES;
/// What message 2 adds to its payload.
pub const MESSAGE_2_OVERHEAD_BYTES: usize = 32 + TAG_BYTES;

/// The client's state between the two messages of a handshake.
#[derive(Debug)]
pub struct Initiator {
    symmetric: Symmetric,
    ephemeral: SecretKey,
    pre_shared: Option<PreSharedKey>,
}

impl Initiator {
    /// Begins a handshake. Returns the state, and message 1 with `payload`.
    ///
    /// `ephemeral` must be fresh for every handshake. The handshake fails unless both endpoints have the same
    /// `prologue`. The payload has no forward secrecy: an attacker who later learns the server's static key can read
    /// it.
    ///
    /// # Errors
    /// [`NotAuthentic`] if the server's key is a weak point.
    pub fn begin(
        server: &PublicKey,
        ephemeral: SecretKey,
        prologue: &[u8],
        pre_shared: Option<PreSharedKey>,
        payload: &[u8; MESSAGE_1_PAYLOAD_BYTES],
    ) -> Result<(Self, [u8; MESSAGE_1_BYTES]), NotAuthentic> {
        let mut symmetric = Symmetric::new(prologue, server, pre_shared.is_some());
        let public = ephemeral.public();
        symmetric.mix_public_ephemeral(&public, pre_shared.is_some());
        symmetric.mix_key(&ephemeral.diffie_hellman(server).map_err(|_| NotAuthentic)?);
        let mut message = [0; MESSAGE_1_BYTES];
        message[..32].copy_from_slice(public.as_bytes());
        message[32..32 + payload.len()].copy_from_slice(payload);
        symmetric.seal_and_hash(&mut message[32..]);
        Ok((Initiator { symmetric, ephemeral, pre_shared }, message))
    }

    /// Reads message 2. Returns the secrets and the payload.
    ///
    /// The state does not change, so that a forged message 2 does not end the attempt.
    ///
    /// # Errors
    /// [`NotAuthentic`] if the message is not the answer to this message 1 by the holder of the pinned key.
    ///
    /// # Panics
    /// If `message` does not have `N` + [`MESSAGE_2_OVERHEAD_BYTES`] bytes.
    pub fn finish<const N: usize>(&self, message: &[u8]) -> Result<(Secrets, [u8; N]), NotAuthentic> {
        assert!(message.len() == N + MESSAGE_2_OVERHEAD_BYTES, "the wire layer checks lengths");
        let mut symmetric = self.symmetric.clone();
        let (server_ephemeral, sealed) = message.split_first_chunk::<32>().ok_or(NotAuthentic)?;
        let server_ephemeral = PublicKey::from_bytes(*server_ephemeral);
        symmetric.mix_public_ephemeral(&server_ephemeral, self.pre_shared.is_some());
        symmetric.mix_key(&self.ephemeral.diffie_hellman(&server_ephemeral).map_err(|_| NotAuthentic)?);
        if let Some(key) = &self.pre_shared {
            symmetric.mix_key_and_hash(key.as_bytes());
        }
        let mut buffer = [0; 64];
        let buffer = buffer.get_mut(..sealed.len()).ok_or(NotAuthentic)?;
        buffer.copy_from_slice(sealed);
        let payload = *symmetric.open_and_hash(buffer)?.first_chunk().ok_or(NotAuthentic)?;
        Ok((symmetric.split(), payload))
    }
}

/// The server's state after message 1.
#[derive(Debug)]
pub struct Responder {
    symmetric: Symmetric,
    client_ephemeral: PublicKey,
    pre_shared: Option<PreSharedKey>,
}

impl Responder {
    /// Reads message 1. Returns the state and the payload.
    ///
    /// # Errors
    /// [`NotAuthentic`] if the client pins another key, or has another prologue.
    pub fn read(
        secret: &SecretKey,
        public: &PublicKey,
        prologue: &[u8],
        pre_shared: Option<PreSharedKey>,
        message: &[u8; MESSAGE_1_BYTES],
    ) -> Result<(Self, [u8; MESSAGE_1_PAYLOAD_BYTES]), NotAuthentic> {
        let mut symmetric = Symmetric::new(prologue, public, pre_shared.is_some());
        let (client_ephemeral, sealed) = message.split_first_chunk::<32>().ok_or(NotAuthentic)?;
        let client_ephemeral = PublicKey::from_bytes(*client_ephemeral);
        symmetric.mix_public_ephemeral(&client_ephemeral, pre_shared.is_some());
        symmetric.mix_key(&secret.diffie_hellman(&client_ephemeral).map_err(|_| NotAuthentic)?);
        let mut sealed: [u8; MESSAGE_1_BYTES - 32] = sealed.try_into().map_err(|_| NotAuthentic)?;
        let payload = *symmetric.open_and_hash(&mut sealed)?.first_chunk().ok_or(NotAuthentic)?;
        Ok((Responder { symmetric, client_ephemeral, pre_shared }, payload))
    }

    /// Writes message 2 with `payload` into `message`, which is [`MESSAGE_2_OVERHEAD_BYTES`] longer.
    ///
    /// # Errors
    /// [`NotAuthentic`] if the client's key is a weak point.
    ///
    /// # Panics
    /// If `message` has another length.
    pub fn write(mut self, ephemeral: &SecretKey, payload: &[u8], message: &mut [u8]) -> Result<Secrets, NotAuthentic> {
        assert!(message.len() == payload.len() + MESSAGE_2_OVERHEAD_BYTES, "message 2 is its payload and 48 bytes");
        let public = ephemeral.public();
        message[..32].copy_from_slice(public.as_bytes());
        self.symmetric.mix_public_ephemeral(&public, self.pre_shared.is_some());
        self.symmetric.mix_key(&ephemeral.diffie_hellman(&self.client_ephemeral).map_err(|_| NotAuthentic)?);
        if let Some(key) = &self.pre_shared {
            self.symmetric.mix_key_and_hash(key.as_bytes());
        }
        message[32..32 + payload.len()].copy_from_slice(payload);
        self.symmetric.seal_and_hash(&mut message[32..]);
        Ok(self.symmetric.split())
    }
}

/// Noise's SymmetricState. Every key seals at most one message, so the nonce is always 0.
#[derive(Clone)]
struct Symmetric {
    chaining_key: [u8; 32],
    hash: [u8; 32],
    key: [u8; 32],
}

impl core::fmt::Debug for Symmetric {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Symmetric(secret)")
    }
}

const NONCE_ZERO: [u8; 12] = [0; 12];

impl Symmetric {
    fn new(prologue: &[u8], server: &PublicKey, pre_shared: bool) -> Self {
        let hash: [u8; 32] = match pre_shared {
            // A name as long as the hash is used as the hash.
            false => *b"Noise_NK_25519_ChaChaPoly_SHA256",
            true => Sha256::digest(b"Noise_NKpsk2_25519_ChaChaPoly_SHA256").into(),
        };
        let mut symmetric = Symmetric { chaining_key: hash, hash, key: [0; 32] };
        symmetric.mix_hash(prologue);
        symmetric.mix_hash(server.as_bytes());
        symmetric
    }

    fn mix_hash(&mut self, data: &[u8]) {
        self.hash = Sha256::new().chain_update(self.hash).chain_update(data).finalize().into();
    }

    /// An `e` token. With a psk in the pattern, the ephemeral key is mixed into the chaining key too (section 9.2).
    fn mix_public_ephemeral(&mut self, public: &PublicKey, pre_shared: bool) {
        self.mix_hash(public.as_bytes());
        if pre_shared {
            self.mix_key(public.as_bytes());
        }
    }

    fn mix_key(&mut self, input: &[u8]) {
        [self.chaining_key, self.key] = self.derive(input);
    }

    fn mix_key_and_hash(&mut self, input: &[u8]) {
        let [chaining_key, hash, key] = self.derive(input);
        self.chaining_key = chaining_key;
        self.mix_hash(&hash);
        self.key = key;
    }

    /// Noise's HKDF is RFC 5869 with the chaining key as salt and no info.
    fn derive<const N: usize>(&self, input: &[u8]) -> [[u8; 32]; N] {
        let mut output = [[0; 32]; N];
        hkdf_sha256(&self.chaining_key, input, &[], output.as_flattened_mut());
        output
    }

    fn seal_and_hash(&mut self, buffer: &mut [u8]) {
        AeadKey::new(Suite::ChaCha20Poly1305, &self.key).seal(NONCE_ZERO, &self.hash, buffer);
        self.mix_hash(buffer);
    }

    fn open_and_hash<'a>(&mut self, sealed: &'a mut [u8]) -> Result<&'a mut [u8], NotAuthentic> {
        let associated = self.hash;
        self.mix_hash(sealed);
        AeadKey::new(Suite::ChaCha20Poly1305, &self.key).open(NONCE_ZERO, &associated, sealed)
    }

    fn split(&self) -> Secrets {
        let [client_to_server, server_to_client] = self.derive(&[]);
        Secrets::from_split(client_to_server, server_to_client)
    }
}
