//! The handshake: `Noise_NK_25519_ChaChaPoly_SHA256`, and `NKpsk2` when the ends share a key (S2).
//!
//! ```text
//! NK:  <- s            the client pins the server's static key
//!      -> e, es        message 1: 48 bytes and the payload
//!      <- e, ee        message 2: 48 bytes and the payload     (NKpsk2: e, ee, psk)
//! ```
//! Names and steps are those of the Noise Protocol Framework, revision 34.

use super::keys::{PreSharedKey, PublicKey, SecretKey, hkdf_sha256};
use super::{AeadKey, NotAuthentic, Suite};
use crate::limits::{RESUME_TOKEN_BYTES, TAG_BYTES};
use sha2::{Digest, Sha256};

/// Payload of message 1: the token of the session to resume, or zeros.
pub const MESSAGE_1_PAYLOAD_BYTES: usize = RESUME_TOKEN_BYTES;
/// Length of message 1.
pub const MESSAGE_1_BYTES: usize = 32 + MESSAGE_1_PAYLOAD_BYTES + TAG_BYTES;
/// What message 2 adds to its payload.
pub const MESSAGE_2_OVERHEAD_BYTES: usize = 32 + TAG_BYTES;

/// What a later handshake needs to go on with a session: the token, which travels and only names it, and a secret of the
/// session, which never travels and without which nobody can use the keys of that handshake.
#[derive(Clone, Copy)]
pub struct ResumeKey {
    /// Names the session in Noise message 1. Whoever learns it can do nothing with it.
    pub token: [u8; RESUME_TOKEN_BYTES],
    secret: [u8; 32],
}

impl core::fmt::Debug for ResumeKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("ResumeKey(secret)")
    }
}

/// What both ends hold after the handshake.
pub struct Secrets {
    /// Seals what the client sends.
    client_to_server: [u8; 32],
    /// Seals what the server sends.
    server_to_client: [u8; 32],
}

impl core::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secrets(secret)")
    }
}

impl Secrets {
    /// The traffic keys: client to server, then server to client.
    ///
    /// Each comes by HKDF from its half of the Noise split, with the suite in the label, so that no key is ever used
    /// with two ciphers.
    pub fn traffic_keys(&self, suite: Suite) -> (AeadKey, AeadKey) {
        let derive = |secret: &[u8; 32]| {
            let mut key = [0; 32];
            let label = [b"ringshard 1 traffic ", suite.name().as_bytes()].concat();
            hkdf_sha256(&[], secret, &label, &mut key[..suite.key_bytes()]);
            AeadKey::new(suite, &key)
        };
        (derive(&self.client_to_server), derive(&self.server_to_client))
    }

    /// The secrets that follow these when the ends have exchanged keys anew: each half comes from the one before and from
    /// `shared`.
    pub fn next(&self, shared: &[u8; 32]) -> Secrets {
        self.followed_by(shared, b"ringshard 1 rekey")
    }

    /// What a later handshake goes on with this session by.
    pub fn resume_key(&self) -> ResumeKey {
        ResumeKey { token: self.export(b"ringshard 1 resume"), secret: self.export(b"ringshard 1 resume secret") }
    }

    /// The secrets of a handshake that goes on with the session of `former`: each half also comes from that session's
    /// secret. So whoever knows all of the handshake, but not the session, cannot use the connection.
    pub fn resuming(&self, former: &ResumeKey) -> Secrets {
        self.followed_by(&former.secret, b"ringshard 1 resumed")
    }

    fn followed_by(&self, secret: &[u8; 32], label: &[u8]) -> Secrets {
        let derive = |half: &[u8; 32]| {
            let mut next = [0; 32];
            hkdf_sha256(half, secret, label, &mut next);
            next
        };
        Secrets { client_to_server: derive(&self.client_to_server), server_to_client: derive(&self.server_to_client) }
    }

    /// Bytes that both ends can derive and nobody else, for the purpose that `label` names.
    pub fn export<const N: usize>(&self, label: &[u8]) -> [u8; N] {
        let mut bytes = [0; N];
        let both = [self.client_to_server, self.server_to_client].concat();
        hkdf_sha256(&[], &both, label, &mut bytes);
        bytes
    }

    /// Secrets from the two keys of a `Split()` that was done elsewhere.
    pub fn from_split(initiator: [u8; 32], responder: [u8; 32]) -> Self {
        Secrets { client_to_server: initiator, server_to_client: responder }
    }

    /// The two keys of Noise's `Split()`: initiator's, responder's.
    pub fn split(&self) -> (&[u8; 32], &[u8; 32]) {
        (&self.client_to_server, &self.server_to_client)
    }
}

/// The client's half of a handshake, between its two messages.
#[derive(Debug)]
pub struct Initiator {
    symmetric: Symmetric,
    ephemeral: SecretKey,
    pre_shared: Option<PreSharedKey>,
}

impl Initiator {
    /// Begins: gives the state and message 1, which carries `payload`.
    ///
    /// `ephemeral` must be fresh for every handshake. `prologue` is what both ends must agree on. The payload has no
    /// forward secrecy: whoever learns the server's static key later can read it.
    ///
    /// # Errors
    /// [`NotAuthentic`] when the server's key is a weak point.
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
        symmetric.mix_key(&ephemeral.exchange(server).map_err(|_| NotAuthentic)?);
        let mut message = [0; MESSAGE_1_BYTES];
        message[..32].copy_from_slice(public.as_bytes());
        message[32..32 + payload.len()].copy_from_slice(payload);
        symmetric.seal_and_hash(&mut message[32..]);
        Ok((Initiator { symmetric, ephemeral, pre_shared }, message))
    }

    /// Ends: reads message 2. Gives the secrets and the payload.
    ///
    /// The state is left as it was, so that a forged message 2 does not end the attempt.
    ///
    /// # Errors
    /// [`NotAuthentic`] when it was not made by the holder of the pinned key in answer to this message 1.
    pub fn finish<const N: usize>(&self, message: &[u8]) -> Result<(Secrets, [u8; N]), NotAuthentic> {
        assert!(message.len() == N + MESSAGE_2_OVERHEAD_BYTES, "the wire layer checks lengths");
        let mut symmetric = self.symmetric.clone();
        let (server_ephemeral, sealed) = message.split_first_chunk::<32>().ok_or(NotAuthentic)?;
        let server_ephemeral = PublicKey::from_bytes(*server_ephemeral);
        symmetric.mix_public_ephemeral(&server_ephemeral, self.pre_shared.is_some());
        symmetric.mix_key(&self.ephemeral.exchange(&server_ephemeral).map_err(|_| NotAuthentic)?);
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

/// The server's half, after message 1 was read.
#[derive(Debug)]
pub struct Responder {
    symmetric: Symmetric,
    client_ephemeral: PublicKey,
    pre_shared: Option<PreSharedKey>,
}

impl Responder {
    /// Reads message 1; gives the state and its payload.
    ///
    /// # Errors
    /// [`NotAuthentic`] when the client pins another key, or its prologue differs.
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
        symmetric.mix_key(&secret.exchange(&client_ephemeral).map_err(|_| NotAuthentic)?);
        let mut sealed: [u8; MESSAGE_1_BYTES - 32] = sealed.try_into().map_err(|_| NotAuthentic)?;
        let payload = *symmetric.open_and_hash(&mut sealed)?.first_chunk().ok_or(NotAuthentic)?;
        Ok((Responder { symmetric, client_ephemeral, pre_shared }, payload))
    }

    /// Writes message 2 with `payload` into `message`, which is [`MESSAGE_2_OVERHEAD_BYTES`] longer.
    ///
    /// # Errors
    /// [`NotAuthentic`] when the client's key is a weak point.
    pub fn write(mut self, ephemeral: &SecretKey, payload: &[u8], message: &mut [u8]) -> Result<Secrets, NotAuthentic> {
        assert!(message.len() == payload.len() + MESSAGE_2_OVERHEAD_BYTES, "message 2 is its payload and 48 bytes");
        let public = ephemeral.public();
        message[..32].copy_from_slice(public.as_bytes());
        self.symmetric.mix_public_ephemeral(&public, self.pre_shared.is_some());
        self.symmetric.mix_key(&ephemeral.exchange(&self.client_ephemeral).map_err(|_| NotAuthentic)?);
        if let Some(key) = &self.pre_shared {
            self.symmetric.mix_key_and_hash(key.as_bytes());
        }
        message[32..32 + payload.len()].copy_from_slice(payload);
        self.symmetric.seal_and_hash(&mut message[32..]);
        Ok(self.symmetric.split())
    }
}

/// Noise's SymmetricState. Every key seals at most one message here, so the nonce is always 0.
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
            // The name is exactly as long as the hash: it is the hash.
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

    /// An `e` token: with a psk in the pattern, the ephemeral key is mixed into the chaining key too (section 9.2).
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
        Secrets { client_to_server, server_to_client }
    }
}
