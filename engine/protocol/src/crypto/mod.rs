//! Cryptography: AEAD, the Noise handshake, key derivation, stateless cookies, the replay window.
//!
//! Nothing here knows a packet's layout or a connection's state. It takes and returns byte slices of stated sizes.

mod aead;
mod cookie;
mod kdf;
mod keys;
pub mod noise;
mod replay;
mod secrets;

pub use aead::{AeadKey, NotAuthentic, Suite, Suites};
pub use cookie::{CookieSigner, CookieVerdict};
pub use kdf::{hkdf_sha256, hmac_sha256};
pub(crate) use kdf::{hmac_sha256_verifies, hmac_sha256_verifies_start};
pub(crate) use keys::from_hex;
pub use keys::{BadKey, PreSharedKey, PublicKey, SecretKey};
pub use replay::ReplayWindow;

/// A deterministic cryptographic generator. All randomness of an endpoint comes from its seed of 32 bytes.
pub type Csprng = rand_chacha::ChaCha20Rng;
